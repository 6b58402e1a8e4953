"""One event that cannot be read takes no list, no other run and no page of its run with it; each says so in a sentence.

Every address of the console and of its API is asked for, from the lists that route requests.
"""

import asyncio
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import AsyncClient
from django.urls import URLPattern, get_resolver

from runs.api.streaming import _result_text
from runs.executor import dispatch
from runs.executor.embedded import EmbeddedExecutor
from runs.models import Payload, RunEvent, WorkflowRun
from runs.retention.purge import Old, Purge
from runs.routing import websocket_urlpatterns
from runs.store.connection import connect
from runs.store.redaction import redactor_for
from runs.views.run_tabs import TABS

TEXT = "x" * 70_000
EVENTS = RunEvent._meta.db_table


def _set(run: WorkflowRun, seq: int, **values: object) -> None:
    assert RunEvent.objects.filter(run_id=run.pk, seq=seq).update(**values) == 1


def _raw(run: WorkflowRun, seq: int, column: str, value: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {EVENTS} SET {column} = %s WHERE run_id = %s AND seq = %s", [value, run.pk, seq])


def _lose_payload(run: WorkflowRun, seq: int) -> None:
    _set(run, seq, large={"input": "0" * 64, "output": "1" * 64})


def _break_payload(run: WorkflowRun, seq: int) -> None:
    digest = f"{run.pk}{seq}".ljust(64, "0")[:64]
    Payload.objects.update_or_create(sha256=digest, defaults={"data": b'{"a":', "parts": None})
    _set(run, seq, large={"input": digest, "output": digest})


def _lose_part(run: WorkflowRun, seq: int) -> None:
    digest = f"p{run.pk}{seq}".ljust(64, "0")[:64]
    Payload.objects.update_or_create(sha256=digest, defaults={"data": b'{"a":}', "parts": [[5, "f" * 64]]})
    _set(run, seq, large={"input": digest, "output": digest})


DAMAGES = {
    "bytes": lambda run, seq: _set(run, seq, data=b"\xff\xfe\x00\x9c"),
    "half": lambda run, seq: _set(run, seq, data=b'{"id":"echo","outp'),
    "empty": lambda run, seq: _set(run, seq, data=b""),
    "not UTF-8": lambda run, seq: _set(run, seq, data=b'{"id":"\xff"}'),
    "two values": lambda run, seq: _set(run, seq, data=b'{"id":"a"},{"id":"b"}'),
    "a list": lambda run, seq: _set(run, seq, data=b"[1]"),
    "no value stored": _lose_payload,
    "a value that is no JSON": _break_payload,
    "a part that is not stored": _lose_part,
}
if not settings.ON_POSTGRESQL:
    DAMAGES |= {
        "text": lambda run, seq: _raw(run, seq, "data", "é{"),
        "a number": lambda run, seq: _raw(run, seq, "data", 1.5),
        "a list of names": lambda run, seq: _raw(run, seq, "large", "[1]"),
    }
# JSON of another form than such an event has: pages show it as it is, and nothing ends by it.
ODD = {
    "nothing": lambda run, seq: _set(run, seq, data=b"{}"),
    "odd values": lambda run, seq: _set(run, seq, data=b'{"id":7,"status":"odd","state":1,"error":3,"deadline":4}'),
    "odd places": lambda run, seq: _set(run, seq, data=b'{"id":"echo","entry":"a","in":[],"item":{},"labels":3}'),
}


if not settings.ON_POSTGRESQL:
    # As a person writes it who mends an event with the command line of SQLite.
    ODD["mended as text"] = lambda run, seq: _raw(run, seq, "data", '{"id":"echo","status":"success","output":1}')
    ODD["a time that is text"] = lambda run, seq: _raw(run, seq, "at", "soon")
    ODD["a type of bytes"] = lambda run, seq: _raw(run, seq, "type", b"\xff\xfe")

ALL = DAMAGES | ODD
WORKFLOWS = {"echoing": "success", "failing": "failed", "reviewing": "suspended"}
PLACES = [lambda run: 1, lambda run: 3, lambda run: run.last_seq]


@pytest.fixture
def make(executor, start, until):
    """Runs of these workflows, all at once, each when it has come to its end or its question."""

    def make(workflows: list[str]) -> list[WorkflowRun]:
        runs = [start(workflow, {"n": 1}) for workflow in workflows]
        return [until(run, lambda run: run.status == WORKFLOWS[run.workflow_id], seconds=30) for run in runs]

    return make


@pytest.fixture
def damaged(make) -> list[tuple[WorkflowRun, str]]:
    """A run with each damage, at another place of another workflow; one of them at each place."""
    names = list(WORKFLOWS)
    cases = [(damage, names[n % 3], PLACES[(n + n // 3) % 3]) for n, damage in enumerate(ALL)]
    cases += [("bytes", "reviewing", place) for place in PLACES]
    runs = make([workflow for _, workflow, _ in cases])
    for run, (damage, _, place) in zip(runs, cases, strict=True):
        ALL[damage](run, place(run))
    return [(run, damage) for run, (damage, _, _) in zip(runs, cases, strict=True)]


def _addresses(patterns: list, prefix: str = "") -> list[str]:
    """The route of every address, of the API as well."""
    found = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            found.append(route)
        elif "admin/" not in route:
            found += _addresses(pattern.url_patterns, route)
    return found


# The name of each part without its converter.
ROUTES = sorted({re.sub(r"<\w+:(\w+)>", r"<\1>", route) for route in _addresses(get_resolver().url_patterns)})
ADMIN = [
    "/admin/",
    "/admin/runs/workflowrun/",
    "/admin/runs/workflowrun/?q={run}",
    "/admin/runs/workflowrun/{run}/change/",
]
ADMIN += ["/admin/runs/auditentry/"]
QUERIES = {
    "runs/<run_id>/": [f"?tab={tab}" for tab in TABS] + ["?tab=steps&step=echo", "?tab=stream&step=echo"],
    "runs/<run_id>/value/": [f"?of={of}" for of in ("input", "result", "state", "initial", "context", "metadata")]
    + ["?of=event&seq=1", "?of=event&seq=3", "?of=step-input&step=echo", "?of=step-output&step=echo&download=1"],
    "runs/<run_id>/events": ["", "?format=json", "?values=stored", "?step=echo", "?q=echo", "?limit=1&after=1"],
    "runs/<run_id>/from-step/": ["?step=echo", "?step=review", "?step=fail"],
    "workflows/<workflow_id>/start/": ["", "?from_run={run}"],
    "inbox/": ["", "?run={run}", "?view=mine"],
    "runs/": ["", "?q={run}", "?status=success", "?workflow={workflow}"],
    "find/": ["?q={run}"],
    "traces/<trace_id>/spans/<span_id>/value/": ["?of=input"],
}


def _calls(run: WorkflowRun) -> list[str]:
    names = {"run": run.pk, "workflow": run.workflow_id}
    known = {
        "run_id": run.pk,
        "workflow_id": run.workflow_id,
        "trace_id": run.trace_id or "0" * 32,
        "span_id": run.span_id or "0" * 16,
    }
    calls = [address.format(**names) for address in ADMIN]
    for route in ROUTES:
        address = "/" + route
        for name, value in known.items():
            address = address.replace(f"<{name}>", value)
        if "<" in address or "sign-out" in address or "(?P" in address:
            continue
        calls += [address + query.format(**names) for query in QUERIES.get(route, [""])]
    return calls


def _content(answer) -> bytes:
    if not answer.streaming:
        return answer.content
    parts = answer.streaming_content
    if hasattr(parts, "__aiter__"):

        async def collect() -> bytes:
            return b"".join([part async for part in parts])

        return asyncio.run(asyncio.wait_for(collect(), 10))
    return b"".join(parts)


LISTS = ("/", "/runs/", "/inbox/", "/system/", "/workflows/", "/workflows/echoing/", "/workflows/echoing/start/")


def _walk(client, run: WorkflowRun, *, told: bool) -> None:
    """Ask for every address of a damaged run."""
    for address in _calls(run):
        if run.pk not in address:
            continue
        answer = client.get(address)
        assert answer.status_code < 500, (address, answer.status_code)
        content = _content(answer)
        if told and address.startswith(f"/runs/{run.pk}/?tab="):
            assert (answer.status_code, b"cannot be read" in content) == (200, True), address
        if told and address == f"/api/workflows/{run.workflow_id}/runs/{run.pk}":
            assert (answer.status_code, "cannot be read" in answer.json()["error"]) == (409, True)


def test_each_query_belongs_to_a_route():
    assert QUERIES.keys() <= set(ROUTES)


def test_every_page_and_route_answers_with_damaged_events_among_good_runs(damaged, make, client_for, admin, tmp_path):
    client = client_for(admin)
    good = make(list(WORKFLOWS))
    told = {run.pk: damage in DAMAGES for run, damage in damaged}
    for run, damage in damaged:
        _walk(client, run, told=damage in DAMAGES)
    for run in good:
        for address in _calls(run):
            answer = client.get(address)
            assert answer.status_code < 500, (address, answer.status_code)
            content = _content(answer)
            assert answer.status_code == 200 or address.split("?")[0] not in LISTS or "?" in address, address
            assert b"cannot be read" not in content or not address.startswith(f"/runs/{run.pk}"), address
        rows = {row["runId"]: row for row in client.get(f"/api/workflows/{run.workflow_id}/runs").json()["runs"]}
        assert rows[run.pk]["snapshot"]["context"]["input"] == {"n": 1}
        assert all("unreadable" in rows[pk] for pk, is_told in told.items() if is_told and pk in rows)
    seen, page = "", client.get("/inbox/").content.decode()
    while page:
        seen += page
        older = re.search(r'href="(/inbox/\?[^"]*before=[^"]*)"', page)
        page = client.get(older[1].replace("&amp;", "&")).content.decode() if older else ""
    asking = WorkflowRun.objects.filter(status="suspended").values_list("pk", flat=True)
    assert all(pk in seen for pk in asking)
    path = tmp_path / "export"
    call_command("export_runs", f"--output={path}", stderr=io.StringIO())
    lines = {line["runId"]: line for line in map(json.loads, path.read_bytes().splitlines())}
    assert all(lines[run.pk]["input"] == {"n": 1} for run in good)
    assert all("cannot be read" in lines[pk]["unreadable"][0] for pk, is_told in told.items() if is_told)
    for run, _ in damaged:
        call_command("show_run", run.pk, stdout=io.StringIO())


@pytest.mark.parametrize("damage", ["bytes", "a part that is not stored"])
def test_what_acts_on_a_damaged_run_is_refused_with_a_sentence_and_other_runs_act(
    make, client_for, admin, damage, until
):
    client = client_for(admin)
    ended, failed, asking, other = make(["echoing", "failing", "reviewing", "reviewing"])
    for run in (ended, failed, asking):
        DAMAGES[damage](run, 1)
    acts = [
        (f"/api/workflows/reviewing/resume?runId={asking.pk}", {"resumeData": {"approved": True}}),
        (f"/api/workflows/reviewing/resume-async?runId={asking.pk}", {"resumeData": {"approved": True}}),
        (f"/api/workflows/echoing/time-travel?runId={ended.pk}", {"step": "echo", "inputData": 1}),
    ]
    for address, body in acts:
        answer = client.post(address, body, content_type="application/json")
        assert (answer.status_code, b"cannot be read" in answer.content) == (409, True), address
    answer = client.post(f"/runs/{ended.pk}/again/", {})
    assert (answer.status_code, b"cannot be read" in answer.content) == (409, True)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("resume_run", asking.pk, '--data={"approved":true}')
    call_command("resume_run", other.pk, '--data={"approved":true}', stdout=io.StringIO())
    until(other, "success")
    # A damaged run can be ended and removed.
    assert client.post(f"/runs/{asking.pk}/cancel/").status_code == 302
    until(asking, "canceled")
    connected = connect()
    Purge(connected).delete_runs([Old(run.pk, run.last_seq) for run in (ended, asking)])
    connected.close()
    assert client.delete(f"/api/workflows/failing/runs/{failed.pk}").status_code == 200
    assert not WorkflowRun.objects.filter(pk__in=[ended.pk, asking.pk, failed.pk]).exists()


def test_a_recovery_goes_on_with_the_other_runs_and_ends_damaged_ones_with_a_sentence(workflows, start, until):
    later = datetime.now(UTC) + timedelta(hours=1)
    good = [start("quick", {"value": 1})]
    damaged, late = {}, [start("quick", {"value": 9}, time_limit=9_000, start_at=later)]
    for damage, spoil in ALL.items():
        run = damaged[damage] = start("quick", {"value": 1})
        spoil(run, 1)
        good.append(start("quick", {"value": 2}))
        late.append(start("quick", {"value": 9}, time_limit=9_000, start_at=later))
        spoil(late[-1], 1)
    WorkflowRun.objects.filter(pk__in=[run.pk for run in late]).update(deadline_at=datetime.now(UTC))
    executor = EmbeddedExecutor()
    dispatch._executor = executor
    executor.start()
    try:
        for run in good:
            until(run, "success")
        for damage, run in damaged.items():
            until(run, lambda run, odd=damage in ODD: run.status == "failed" or (odd and run.status == "success"))
            assert "Event 1" in run.detail or damage in ODD
        for run in late:
            until(run, lambda run: run.status == "failed")
    finally:
        executor.stop()
        dispatch._executor = None


@pytest.mark.skipif(settings.ON_POSTGRESQL, reason="the readers' threads keep their connections to the server")
async def test_who_follows_or_waits_for_a_damaged_run_is_told(damaged, admin):
    client = AsyncClient()
    await client.aforce_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    for run, damage in damaged:
        address = f"/api/workflows/{run.workflow_id}/observe?runId={run.pk}"
        answer = await client.post(address, content_type="application/json")
        if run.status != "suspended":
            records = b"".join([part async for part in answer.streaming_content])
            assert damage in ODD or b"cannot be read" in records
        told = json.loads(await database_sync_to_async(_result_text)(run.pk, redactor_for(run)))
        assert damage in ODD or (told["runId"], "cannot be read" in told["error"]["message"]) == (run.pk, True)
        socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), f"/ws/runs/{run.pk}/")
        socket.scope["user"], socket.scope["session"] = admin, None
        assert (await socket.connect(5))[0]
        await socket.send_json_to({"resume": 0})
        frame = await socket.receive_json_from(5)
        assert [event["seq"] for event in frame["events"]] == list(range(1, run.last_seq + 1))
        await socket.disconnect()
