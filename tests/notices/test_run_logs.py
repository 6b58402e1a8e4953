"""What steps log is kept with their run: every way of logging, with the run's secrets masked, within limits."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.console_server import ConsoleServer

TOKEN = "tok_live_4711"


@pytest.fixture(scope="module")
def served(serving) -> Iterator[ConsoleServer]:
    environment = {
        "WFCONSOLE_WORKFLOWS": "tests.notices.workflows",
        "WFCONSOLE_RUN_LOG_LINES": "20",
        "WFCONSOLE_RUN_LOG_LINE_BYTES": "256",
        "WFCONSOLE_LOG_FORMAT": "json",
    }
    with serving(environment) as console:
        yield console


@pytest.fixture
def run_of(person):
    """Runs a workflow, waits for its end, and gives its id."""

    def run(workflow: str, **body: object) -> str:
        return person.post(f"/api/workflows/{workflow}/start-async", json=body).json()["runId"]

    return run


def lines_of(person, run_id: str, least: int, **query: str) -> list[str]:
    """The lines of the download, once there are so many; each with what stands below it."""
    while True:
        text = person.get(f"/runs/{run_id}/log.txt", params=query).text
        found = re.split(r"\n(?=\d{4}-|\d+ further)", text.strip("\n")) if text.strip() else []
        if len(found) >= least:
            return found


def test_lines_of_async_and_sync_steps_of_nested_workflows_and_of_any_logger_are_kept_in_order(person, run_of):
    run_id = run_of("logging", inputData={"api_token": TOKEN})
    lines = lines_of(person, run_id, 6)
    heads = [re.sub(r"^\S+ ", "", line.splitlines()[0]) for line in lines]
    assert heads == [
        "INFO     in_the_loop tests.notices.workflows: asked for 3 items",
        "WARNING  in_the_loop somebody.else: slow answer",
        "INFO     in_the_loop tests.notices.workflows: in a thread of its own",
        "INFO     inner.in_a_thread structured: charged amount=7",
        "ERROR    inner.in_a_thread tests.notices.workflows: card was refused",
        "INFO     inner.in_a_thread tests.notices.workflows: "
        "token is [masked], header Authorization: [masked], password=[masked]",
    ]
    assert "ValueError: declined" in lines[4]
    assert TOKEN not in "".join(lines)


def test_lines_beyond_the_limit_are_counted_and_long_ones_are_cut(person, run_of):
    run_id = run_of("chatty", inputData={"lines": 50, "width": 1000})
    lines = lines_of(person, run_id, 21)
    assert len(lines) == 21
    assert lines[-1] == "30 further lines dropped"
    assert len(lines[0].encode()) < 400
    assert "bytes more)" in lines[0]
    page = person.get(f"/runs/{run_id}/", params={"tab": "logs"}).text
    assert "30 further lines dropped: a run keeps 20." in page


def test_the_page_shows_filters_and_tells_when_there_is_nothing(person, run_of):
    run_id = run_of("logging", inputData={"api_token": TOKEN})
    lines_of(person, run_id, 6)
    page = person.get(f"/runs/{run_id}/", params={"tab": "logs"}).text
    assert "asked for 3 items" in page
    assert 'href="?tab=steps&amp;step=inner.in_a_thread"' in page
    assert "<summary>ValueError: declined</summary>" in page
    loud = person.get(f"/runs/{run_id}/", params={"tab": "logs", "level": "warning"}).text
    assert "slow answer" in loud
    assert "asked for 3 items" not in loud
    assert "No line matches" in person.get(f"/runs/{run_id}/", params={"tab": "logs", "q": "no such word"}).text
    silent = run_of("failing", inputData={})
    assert "Nothing is logged" in person.get(f"/runs/{silent}/", params={"tab": "logs"}).text


def test_a_foreach_tells_which_item_logged(person, run_of):
    lines = lines_of(person, run_of("items", inputData=[1, 2, 3]), 3)
    assert sorted(re.findall(r"sleepy\[\d\] .*", "\n".join(lines))) == [
        f"sleepy[{index}] tests.notices.workflows: item {index + 1}" for index in range(3)
    ]


def test_the_terminal_shows_them_too(served, person, run_of):
    run_id = run_of("logging", inputData={"api_token": TOKEN})
    lines_of(person, run_id, 6)
    told = served.manage("show_run", run_id, "--logs", "--json").stdout.splitlines()
    assert json.loads(told[0])["message"] == "asked for 3 items"
    assert len(told) == 6


def test_the_servers_own_log_is_json_with_the_ids_of_the_run(served, person, run_of):
    run_id = run_of("logging", inputData={"api_token": TOKEN})
    told = [json.loads(line) for line in served.log.splitlines() if line.startswith("{")]
    slow = next(line for line in told if line["message"] == "slow answer" and line.get("run_id") == run_id)
    assert (slow["workflow"], slow["step"], slow["level"]) == ("logging", "in_the_loop", "warning")
    assert slow["seconds"] == 2
    assert re.fullmatch(r"[0-9a-f]{32}", slow["trace_id"])
    assert re.fullmatch(r"[0-9a-f]{16}", slow["span_id"])
    refused = next(line for line in told if line["message"] == "card was refused")
    assert "ValueError: declined" in refused["exception"]
    assert TOKEN not in served.log


def test_lines_of_a_run_that_goes_on_are_there_and_stay_when_the_server_is_killed(served, person):
    run_id = person.post("/api/workflows/pausing/create-run").json()["runId"]
    person.post("/api/workflows/pausing/start", params={"runId": run_id}, json={"inputData": {"seconds": 3}})
    assert "before the pause" in lines_of(person, run_id, 1)[0]
    page = person.get(f"/runs/{run_id}/", params={"tab": "logs"}).text
    assert 'hx-trigger="every 2s"' in page
    served.kill()
    served.start()
    # The step is repeated, and logs again: both lines are its history.
    assert len(lines_of(person, run_id, 2)) == 2
