"""The log by GET: the same lines as over the socket, by cursor, by filter, as a page and as a download."""

import hashlib
import json
from urllib.parse import quote

import pytest
from django.test import AsyncClient

from runs.models import Payload, RunEvent
from tests.live.conftest import chunk

pytestmark = pytest.mark.django_db(transaction=True)

JSON = {"Accept": "application/json"}
PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def url(live_run):
    return f"/runs/{quote(live_run.id)}"


@pytest.fixture
def get(client_for, viewer):
    client = client_for(viewer)
    return lambda address, headers=JSON: client.get(address, headers=headers)


def numbers(answer) -> list[int]:
    return [event["seq"] for event in answer.json()["events"]]


def test_a_client_that_goes_on_from_last_until_ended_gets_the_whole_log(get, url, live_run):
    live_run.chunks(1_203)
    live_run.finish()
    found, after = [], 0
    while True:
        answer = get(f"{url}/events?after={after}").json()
        found += [event["seq"] for event in answer["events"]]
        assert answer["head"] == 1_204
        after = answer["last"]
        if answer["ended"]:
            break
    assert found == list(range(1, 1_205))


def test_a_run_that_goes_on_has_not_ended_at_the_end_of_its_log(get, url, live_run):
    live_run.chunks(3)
    assert get(f"{url}/events?after=3").json() == {"events": [], "last": 3, "head": 3, "ended": False}


def test_the_events_before_one_come_in_order(get, url, live_run):
    live_run.chunks(30)
    assert numbers(get(f"{url}/events?before=21&limit=5")) == [16, 17, 18, 19, 20]


def test_types_steps_and_words_are_looked_for_in_the_whole_log(get, url, live_run):
    live_run.chunks(600)
    live_run.write(
        ("workflow-step-start", {"id": "pack"}),
        chunk({"type": "scan", "bay": "Fach 14 „unten“"}, step="pack[3]"),
        chunk("100% of 7_3", step="pack.x"),
        chunk({"id": "pack"}, step="packer"),
    )
    assert numbers(get(f"{url}/events?step=pack")) == [601, 602, 603]
    assert numbers(get(f"{url}/events?types=workflow-step-start")) == [601]
    assert numbers(get(f"{url}/events?types=chunks&after=599")) == [600, 602, 603, 604]
    assert numbers(get(f"{url}/events?q=FACH+14+„unten“")) == [602]
    assert numbers(get(f"{url}/events?q=0%25+of+7_")) == [603]
    assert numbers(get(f"{url}/events?q=chunk_599")) == []


def test_a_filter_that_finds_little_still_tells_how_far_it_has_looked(get, url, live_run):
    live_run.chunks(50)
    live_run.write(chunk("x", step="other"))
    live_run.chunks(50)
    answer = get(f"{url}/events?step=other").json()
    assert answer["last"] == 101


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("after=x", "after is 'x'. Allowed is a whole number from 0 to 2147483647."),
        ("after=-1", "after is '-1'."),
        ("after=99999999999", "Allowed is a whole number"),
        ("after=٣", "Allowed is a whole number"),
        ("limit=0", "limit is '0'. Allowed is a whole number from 1 to 500."),
        ("limit=501", "limit is '501'."),
        ("before=0", "before is '0'."),
        ("after=1&before=2", "cannot be given together"),
        ("types=workflow-step-outputs", "types has 'workflow-step-outputs'. Allowed are chunks, and workflow-start"),
        ("values=all", "Allowed are full and stored."),
        ("q=" + "x" * 201, "the limit is 200"),
    ],
)
def test_a_wrong_parameter_is_refused_with_a_sentence(get, url, live_run, query, sentence):
    answer = get(f"{url}/events?{query}")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert sentence in error["message"]
    assert error["field"] in query
    page = get(f"{url}/events?{query}", PAGE)
    assert page.status_code == 400
    assert "Show all events of the run" in page.content.decode()


def test_an_unknown_run_is_404_in_both_forms(get):
    assert get("/runs/nope/events").json()["error"]["code"] == "not_found"
    assert get("/runs/nope/events", PAGE).status_code == 404


def test_secrets_are_hidden_and_a_search_does_not_find_them_out(get, url, live_run):
    live_run.write(("workflow-start", {"input": {"apiKey": "hunter2", "note": "n"}}), chunk({"password": "hunter2"}))
    for address in (f"{url}/events", f"{url}/events?values=stored"):
        answer = get(address)
        assert "hunter2" not in answer.content.decode()
        assert answer.json()["events"][0]["data"]["input"] == {"apiKey": "[masked: named apiKey]", "note": "n"}
    assert "hunter2" not in get(f"{url}/events", PAGE).content.decode()
    assert numbers(get(f"{url}/events?q=hunter2")) == []


def test_values_kept_apart_or_told_by_reference_are_whole_unless_asked_as_stored(get, url, live_run):
    value = json.dumps("x" * 70_000).encode()
    digest = hashlib.sha256(value).hexdigest()
    Payload.objects.create(sha256=digest, data=value)
    live_run.write(
        ("workflow-step-result", {"id": "a", "status": "success"}),
        ("workflow-step-start", {"id": "b", "payloadFrom": 1}),
    )
    RunEvent.objects.filter(run_id=live_run.id, seq=1).update(large={"output": digest})
    whole = get(f"{url}/events").json()["events"]
    assert whole[0]["data"]["output"] == "x" * 70_000
    assert whole[1]["data"]["payload"] == "x" * 70_000
    stored = get(f"{url}/events?values=stored").json()["events"]
    assert stored[0]["large"] == {"output": digest}
    assert stored[1]["data"] == {"id": "b", "payloadFrom": 1}


async def test_the_download_has_the_digest_that_is_told_and_the_lines_of_the_socket(
    url, live_run, viewer, socket, in_django
):
    await in_django(live_run.write)(
        *[chunk({"n": 9007199254740993 + n, "text": "Grüße\u2028\n"}) for n in range(4_500)]
    )
    await in_django(live_run.finish)()
    client = AsyncClient()
    await client.aforce_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    answer = await client.get(f"{url}/events.ndjson")
    assert answer["Content-Type"] == "application/x-ndjson"
    assert "attachment" in answer["Content-Disposition"]
    body = b"".join([part async for part in answer.streaming_content])
    told = (await client.get(f"{url}/digest", headers=JSON)).json()
    assert told["sha256"] == hashlib.sha256(body).hexdigest()
    assert (told["events"], told["chunks"], told["gaps"]) == (4_501, 4_500, [])

    heard = await socket(resume=0)
    lines: list[str] = []
    while len(lines) < 4_501:
        frame = await heard.receive_from(5)
        lines += frame.removeprefix('{"events":[\n').rpartition("\n]")[0].split(",\n")
        await heard.say(ack=len(lines))
    assert ("\n".join(lines) + "\n").encode() == body


async def test_a_download_up_to_an_event_has_its_own_digest(url, live_run, viewer, in_django):
    await in_django(live_run.chunks)(20)
    client = AsyncClient()
    await client.aforce_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    answer = await client.get(f"{url}/events.ndjson?last=7")
    body = b"".join([part async for part in answer.streaming_content])
    assert body.count(b"\n") == 7
    assert (await client.get(f"{url}/digest?last=7", headers=JSON)).json()["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_missing_number_is_told(get, url, live_run):
    live_run.chunks(10)
    RunEvent.objects.filter(run_id=live_run.id, seq__in=[1, 4, 5]).delete()
    assert get(f"{url}/digest").json()["gaps"] == [[1, 1], [4, 5]]


def test_the_page_of_events_has_links_to_the_pages_before_and_after(get, url, live_run):
    live_run.chunks(250)
    first = get(f"{url}/events", PAGE).content.decode()
    assert "?after=100" in first
    assert "before=" not in first
    second = get(f"{url}/events?after=100", PAGE).content.decode()
    assert "?before=101" in second
    assert "?after=200" in second
    back = get(f"{url}/events?before=101", PAGE).content.decode()
    assert ">100</a>" in back
    assert ">101</a>" not in back


def test_a_chunk_is_never_markup(get, url, live_run):
    live_run.write(chunk("<script>alert(1)</script>"), chunk({"type": "<b>", "x": "<i>"}, step="<u>"))
    page = get(f"{url}/events", PAGE).content.decode()
    assert "<script>alert" not in page
    assert "<u>" not in page


def test_a_stranger_is_sent_to_sign_in_and_a_person_without_the_right_is_refused(
    client, url, client_for, django_user_model
):
    assert client.get(f"{url}/events").status_code == 302
    nobody = client_for(django_user_model.objects.create_user("nobody"))
    for name in ("events", "events.ndjson", "digest"):
        assert nobody.get(f"{url}/{name}", headers=JSON).status_code == 403
