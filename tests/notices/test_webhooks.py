"""Webhooks and e-mails of a running console: told in full, signed, tried again, never forgotten."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runs.notices.sender import TRIES_PER_WEBHOOK
from tests.console_server import ROOT, ConsoleServer
from tests.notices.receiver import PATIENCE_SECONDS, Receiver
from tests.web.form_page import FormPage


@pytest.fixture(scope="module")
def mail_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mail")


@pytest.fixture(scope="module")
def served(serving, mail_folder) -> Iterator[ConsoleServer]:
    environment = {
        "WFCONSOLE_WORKFLOWS": "tests.notices.workflows",
        "WFCONSOLE_HTTP_PRIVATE_NETWORKS": "127.0.0.1",
        "WFCONSOLE_EMAIL_URL": f"file://{mail_folder}",
        "WFCONSOLE_EMAIL_FROM": "console@example.org",
        "WFCONSOLE_PUBLIC_URL": "https://console.example.org",
    }
    with serving(environment) as console:
        yield console


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def webhook(person, receiver, request):
    """Makes a webhook whose path is the test's name: its id and its secret."""
    made = []

    def make(*events: str, url: str = "", workflow: str = "") -> tuple[int, str]:
        address = url or f"{receiver.url}/{request.node.name}"
        form = {"name": request.node.name[:100], "url": address, "events": list(events), "workflow": workflow}
        page = person.post("/webhooks/", data=form).text
        made.append(int(re.search(r"/webhooks/(\d+)/\">Send a test", page)[1]))
        return made[-1], FormPage(page).fields.get("", [""])[0] or re.search(r"whsec_[^\"]+", page)[0]

    yield make
    for webhook_id in made:
        person.post(f"/webhooks/{webhook_id}/delete/")


def until(found: Callable[[], object]) -> object:
    """What it gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return value


def page_with(person, webhook_id: int, words: str) -> str:
    """The webhook's page with single spaces, once it says so."""
    return until(lambda: words in (page := " ".join(person.get(f"/webhooks/{webhook_id}/").text.split())) and page)


def run(person, workflow: str, **input_data: object) -> str:
    body = {"inputData": input_data}
    return person.post(f"/api/workflows/{workflow}/start-async", json=body).json()["runId"]


def is_genuine():
    """The example of the documentation, as it stands there."""
    text = (ROOT / "docs" / "webhooks.md").read_text()
    names: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    return names["is_genuine"]


def test_a_delivery_tells_how_the_run_ended_and_its_signature_is_checked_as_documented(
    person, receiver, webhook, request
):
    _, secret = webhook("failed")
    run(person, "chatty", lines=1)
    run_id = run(person, "failing")
    [got] = receiver.wait_for(1, f"/{request.node.name}")
    told = json.loads(got.body)
    assert (told["type"], told["data"]["runId"], told["data"]["status"]) == ("run.failed", run_id, "failed")
    assert told["data"]["detail"] == "failing: the charge was refused"
    assert told["data"]["url"] == f"https://console.example.org/runs/{run_id}/"
    assert told["id"] == got.headers["Webhook-Id"]
    check = is_genuine()
    assert check(secret, got.headers, got.body)
    assert not check(secret, got.headers, got.body + b" ")
    assert not check(secret, got.headers | {"Webhook-Timestamp": "1700000000"}, got.body)


def test_a_refused_delivery_is_tried_again_with_the_same_id_and_logged(person, receiver, webhook, request):
    webhook_id, _ = webhook("failed")
    receiver.answers[:] = [503]
    run(person, "failing")
    first, second = receiver.wait_for(2, f"/{request.node.name}")
    assert (first.body, first.headers["Webhook-Id"]) == (second.body, second.headers["Webhook-Id"])
    assert "thank you" in page_with(person, webhook_id, "Answered 200. 2 tries.")


def test_redirects_are_not_followed_and_a_delivery_can_be_sent_again(person, receiver, webhook, request):
    webhook_id, _ = webhook("failed")
    receiver.answers[:] = [302]
    run(person, "failing")
    receiver.wait_for(1, f"/{request.node.name}")
    page = page_with(person, webhook_id, "redirects are not followed")
    person.post(re.search(r"/deliveries/\d+/again/", page)[0])
    receiver.wait_for(2, f"/{request.node.name}")
    assert not [each for each in receiver.received if each.path == "/elsewhere"]


def test_silent_receivers_do_not_delay_a_quick_one(served, person, receiver, webhook, request):
    silent = [webhook("failed", url=f"{receiver.url}/{number}/silent")[0] for number in range(5)]
    quick, _ = webhook("failed")
    served.manage(
        "shell",
        "--no-imports",
        "-c",
        "from runs.models import Webhook, WebhookDelivery\n"
        f"for webhook_id in {[*silent, quick]}:\n"
        "    WebhookDelivery.objects.bulk_create(WebhookDelivery(webhook_id=webhook_id, seq=n, event='test',"
        " created_at=0, next_at=0) for n in range(300))",
    )
    got = receiver.wait_for(300, f"/{request.node.name}")
    assert got[-1].at - got[0].at < 15  # 3 s where nothing else runs; 75 s at the four a second of one after another
    assert len([each for each in receiver.received if each.path.endswith("/silent")]) <= 5 * TRIES_PER_WEBHOOK


def test_a_success_whose_body_does_not_end_is_a_success_and_sent_once(person, receiver, webhook):
    webhook_id, _ = webhook("failed", url=f"{receiver.url}/endless")
    run(person, "failing")
    assert "thank you." in page_with(person, webhook_id, "Answered 200")
    assert len([each for each in receiver.received if each.path == "/endless"]) == 1


def test_what_waits_survives_a_kill_of_the_server(served, person, webhook, request):
    late = Receiver()
    url = late.url
    late.close()  # nobody listens now
    webhook_id, _ = webhook("failed", url=f"{url}/late")
    run_id = run(person, "failing")
    page_with(person, webhook_id, "ConnectError")
    served.kill()
    served.start()
    page = person.get(f"/webhooks/{webhook_id}/").text
    assert run_id[-6:] in page
    assert "ConnectError" in page
    assert "Waiting" in page


def test_the_webhook_of_one_workflow_hears_of_it_alone_and_a_canceled_run_is_told(person, receiver, webhook, request):
    webhook("canceled", "failed", workflow="pausing")
    run(person, "failing")
    run_id = person.post("/api/workflows/pausing/create-run").json()["runId"]
    person.post(f"/api/workflows/pausing/runs/{run_id}/cancel")  # by a page: no executor has it
    other = person.post("/api/workflows/pausing/create-run").json()["runId"]
    person.post("/api/workflows/pausing/start", params={"runId": other}, json={"inputData": {"seconds": 60}})
    until(lambda: person.get(f"/api/workflows/pausing/runs/{other}").json()["status"] == "running")
    person.post(f"/api/workflows/pausing/runs/{other}/cancel")  # by the executor
    got = receiver.wait_for(2, f"/{request.node.name}")
    assert {json.loads(each.body)["data"]["runId"] for each in got} == {run_id, other}
    assert {json.loads(each.body)["type"] for each in got} == {"run.canceled"}


def test_a_private_address_is_refused_in_words(person, webhook):
    webhook_id, _ = webhook("failed", url="http://10.11.12.13/hook")
    person.post(f"/webhooks/{webhook_id}/test/")
    page_with(person, webhook_id, "10.11.12.13, a private address")


def test_a_test_is_sent_and_one_that_is_off_sends_nothing(person, receiver, webhook, request):
    webhook_id, _ = webhook("failed")
    person.post(f"/webhooks/{webhook_id}/test/")
    assert json.loads(receiver.wait_for(1, f"/{request.node.name}")[0].body)["type"] == "test"
    person.post(f"/webhooks/{webhook_id}/disable/")
    run(person, "failing")
    person.post(f"/webhooks/{webhook_id}/enable/")
    person.post(f"/webhooks/{webhook_id}/test/")
    got = receiver.wait_for(2, f"/{request.node.name}")
    assert [json.loads(each.body)["type"] for each in got] == ["test", "test"]


def test_an_e_mail_comes_when_the_run_ends_to_who_asked(served, person, mail_folder):
    served.manage(
        "shell",
        "--no-imports",
        "-c",
        "from django.contrib.auth.models import User\n"
        "User.objects.filter(username='admin').update(email='ada@example.org')",
    )
    run_id = person.post("/api/workflows/pausing/create-run").json()["runId"]
    page = person.post(f"/runs/{run_id}/watch/", data={"email": "on"}).text
    assert "An e-mail goes to ada@example.org when it ends" in page
    person.post("/api/workflows/pausing/start", params={"runId": run_id}, json={"inputData": {"seconds": 0}})
    link = f"https://console.example.org/runs/{run_id}/"
    letter = until(lambda: next((text for file in mail_folder.iterdir() if link in (text := file.read_text())), ""))
    assert "Subject: pausing succeeded" in letter
    assert "From: console@example.org" in letter
    assert "To: ada@example.org" in letter
