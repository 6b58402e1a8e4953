"""Spans leave for a collector by OTLP over HTTP, with the ids that the caller gave; a dead collector costs nothing."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.console_server import OURS, ROOT
from tests.otlp_receiver import OtlpReceiver

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


def in_a_process(code: str, tmp_path, **environment: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run code with telemetry started, in a process of its own: a provider cannot be replaced. And how long it took."""
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    prelude = (
        "import os, logging, logging.config\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'wfconsole.settings'\n"
        "from wfconsole import settings, telemetry\n"
        "logging.config.dictConfig(settings.LOGGING)\n"
        "telemetry.start()\n"
        "from opentelemetry import trace\n"
        "tracer = trace.get_tracer('test')\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", prelude + code],
        cwd=ROOT,
        env=kept | {"WFCONSOLE_DATA_DIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done, time.monotonic() - began


def test_spans_reach_a_collector_with_the_service_name_even_those_of_the_last_moment(receiver, tmp_path):
    code = "with tracer.start_as_current_span('outer'):\n    tracer.start_span('inner').end()"
    in_a_process(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    spans = {span.name: span for span in receiver.wait_for(lambda spans: len(spans) == 2)}
    assert spans["inner"].parent_span_id == spans["outer"].span_id
    assert receiver.services == {"wfconsole"}


def test_the_service_name_is_the_standard_variable(receiver, tmp_path):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_SERVICE_NAME": "berlin-prod"}
    in_a_process("tracer.start_span('one').end()", tmp_path, **environment)
    receiver.wait_for(bool)
    assert receiver.services == {"berlin-prod"}


def test_a_trace_id_that_was_given_alone_becomes_the_roots(receiver, tmp_path):
    code = (
        "from runs.engine.trace.tracing import forced_trace_id\n"
        f"token = forced_trace_id.set(int('{TRACE_ID}', 16))\n"
        "span = tracer.start_span('root')\n"
        "forced_trace_id.reset(token)\n"
        "span.end()\n"
        "tracer.start_span('other').end()\n"
    )
    in_a_process(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    spans = {span.name: span for span in receiver.wait_for(lambda spans: len(spans) == 2)}
    assert spans["root"].trace_id.hex() == TRACE_ID
    assert spans["other"].trace_id.hex() != TRACE_ID


def test_twenty_thousand_spans_at_once_all_arrive_at_a_slow_collector(tmp_path):
    receiver = OtlpReceiver(answer_seconds=0.05)
    code = "for number in range(20_000): tracer.start_span('one').end()\ntrace.get_tracer_provider().force_flush()"
    in_a_process(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    receiver.wait_for(lambda spans: len(spans) == 20_000)
    receiver.close()


def test_without_a_collector_spans_have_ids_and_go_nowhere(tmp_path):
    done, _ = in_a_process("print(tracer.start_span('one').get_span_context().is_valid)", tmp_path)
    assert done.stdout == "True\n"
    assert done.stderr == ""


def test_a_collector_that_refuses_is_mentioned_once_and_holds_nothing_back(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    code = "for number in range(5000): tracer.start_span('one').end()\nimport time; time.sleep(1.5)"
    done, seconds = in_a_process(code, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    assert 1 <= len(done.stderr.splitlines()) <= 3
    assert "Traceback" not in done.stderr
    assert seconds < 30


def test_a_collector_that_never_answers_holds_the_end_back_a_moment_at_most(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        code = (
            "import atexit, time\n"
            "tracer.start_span('one').end(); time.sleep(1)\n"
            "began = time.monotonic()\n"
            # Handlers run last come, first served: this one runs after telemetry's.
            "telemetry.atexit.unregister(telemetry._end)\n"
            "telemetry._end(trace.get_tracer_provider())\n"
            "print(time.monotonic() - began)\n"
        )
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        done, _ = in_a_process(code, tmp_path, **environment)
    assert float(done.stdout) < 6


def test_log_lines_carry_the_ids_of_their_span(tmp_path):
    code = (
        "logging.getLogger('runs.test').info('before')\n"
        "with tracer.start_as_current_span('one') as span:\n"
        "    logging.getLogger('runs.test').info('inside')\n"
        "    print(format(span.get_span_context().trace_id, '032x'), format(span.get_span_context().span_id, '016x'))\n"
    )
    done, _ = in_a_process(code, tmp_path)
    trace_id, span_id = done.stdout.split()
    before, inside = done.stderr.splitlines()
    assert before.endswith("runs.test: before")
    assert inside.endswith(f"runs.test: inside [trace {trace_id} span {span_id}]")


def test_a_request_is_a_span_that_continues_the_callers_trace(receiver, new_console):
    console = new_console({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
    with console.client() as client:
        client.get("/workflows/", headers={"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}).raise_for_status()
        client.get("/healthz")

    def arrived(spans):
        return any(span.trace_id.hex() == TRACE_ID for span in spans)

    spans = receiver.wait_for(arrived)
    ours = next(span for span in spans if span.trace_id.hex() == TRACE_ID)
    assert ours.name == "GET workflows/"
    assert ours.parent_span_id.hex() == PARENT_ID
    assert not any("healthz" in span.name for span in spans)


def test_a_run_and_its_steps_are_spans_of_the_trace_that_the_caller_named(receiver, new_console):
    console = new_console({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
    given = '{"tokens": 3, "tokens_per_second": 0}'
    console.manage("start_run", "text-stream", "--input", given, "--trace-id", TRACE_ID, "--follow")
    ours = receiver.wait_for(lambda spans: sum(span.trace_id.hex() == TRACE_ID for span in spans) >= 4)
    names = {span.name for span in ours if span.trace_id.hex() == TRACE_ID}
    assert any("text-stream" in name for name in names)
    assert any("split" in name for name in names)
