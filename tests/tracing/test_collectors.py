"""A collector may be slow or dead: no run waits for it, and nothing that is stored is lost."""

import re
import socket
import time

import pytest

from tests.otlp_receiver import OtlpReceiver

from .conftest import FLOWS, all_ended, program, stored

RUNS = 20


@pytest.fixture(params=["dead", "slow"])
def collector(request):
    """An address, behind which nobody listens, or somebody takes two seconds for each batch."""
    if request.param == "slow":
        receiver = OtlpReceiver(answer_seconds=2)
        yield receiver.url
        receiver.close()
        return
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_runs_end_and_spans_are_stored_whatever_the_collector_does(collector, new_console):
    console = new_console({**FLOWS, "OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"})
    with program(console) as api:
        api.post("/workflows/plain/start-async", json={})  # what is read and made once
        spent = []
        for _ in range(RUNS):
            began = time.monotonic()
            result = api.post("/workflows/plain/start-async", json={}).json()
            spent.append(time.monotonic() - began)
            assert result["status"] == "success"
            last = result["traceId"]
        assert sorted(spent)[RUNS // 2] < 0.5
        assert len(stored(api, last, all_ended(2))) == 2
        assert api.get("/observability/traces").json()["pagination"]["total"] == RUNS + 1
    with console.client() as person:
        figures = person.get("/metrics").text
        # A request's span ends after its answer, and may still be on its way.
        count = re.search(r"^wfconsole_spans_stored_total (\S+)$", figures, re.MULTILINE)
        assert count is not None
        assert float(count[1]) >= 2 * (RUNS + 1)
        assert "wfconsole_spans_dropped_total 0.0" in figures
        assert "Spans stored" in person.get("/system/").text
    began = time.monotonic()
    console.stop()
    assert time.monotonic() - began < 12


def test_spans_of_the_last_moment_are_stored_when_the_console_stops(new_console):
    console = new_console(FLOWS)
    with program(console) as api:
        result = api.post("/workflows/plain/start-async", json={}).json()
    console.restart()
    with program(console) as api:
        assert len(stored(api, result["traceId"], all_ended(2))) == 2


def test_open_spans_show_while_a_run_goes_on_and_a_killed_server_leaves_none(new_console):
    console = new_console(FLOWS)
    with program(console) as api:
        trace_id = "9" * 32
        body = {"tracingOptions": {"traceId": trace_id}}
        api.post("/workflows/hanging/create-run?runId=h-1")
        api.post("/workflows/hanging/start?runId=h-1", json=body)
        spans = stored(api, trace_id, lambda spans: len(spans) == 3)
        assert [span["endedAt"] for span in spans] == [None] * 3
        assert [span["name"] for span in spans] == ["workflow run: 'hanging'", "workflow step: 'hang'", "wait"]
        console.kill()
        console.start()
        spans = stored(api, trace_id, lambda spans: len(spans) == 6)
        assert [span["endedAt"] is None for span in spans] == [False] * 3 + [True] * 3
        rows = api.get("/observability/traces", params={"traceId": trace_id}).json()["spans"]
        assert [row["status"] for row in rows] == ["error"]  # one trace, whose first span broke off
        with console.client() as person:
            page = person.get("/runs/h-1/", params={"tab": "trace"}).text
            assert page.count(", interrupted") == 3
            assert page.count(", running") == 3
        api.post("/workflows/hanging/runs/h-1/cancel")
        spans = stored(api, trace_id, all_ended(6))
        assert spans[3]["attributes"]["status"] == "canceled"
