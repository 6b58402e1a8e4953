"""Spans are kept in batches beside the runs: none is lost, and nobody waits for them."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from opentelemetry import trace as otel

from runs.engine.redaction.redactor import Redactor
from runs.engine.trace.tracing import Tracing
from runs.executor.recovery import close_spans
from runs.models import Span, SpanKind, SpanState
from runs.models.span import signed, spans_of_runs
from runs.store.connection import DjangoUnit, connect
from runs.store.deletion import spans_of
from runs.tracing import keeper as keeping
from runs.tracing import rows
from runs.tracing.keeper import SpanKeeper
from runs.tracing.trace import read_trace
from runs.tracing.tracer import ENGINE, ConsoleTracerProvider

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def keeper(transactional_db: None) -> Iterator[SpanKeeper]:
    keeper = SpanKeeper()
    yield keeper
    keeper.close()


@pytest.fixture
def provider(keeper: SpanKeeper) -> ConsoleTracerProvider:
    provider = ConsoleTracerProvider(keeper)
    provider.add_span_processor(keeper)
    return provider


@pytest.fixture
def tracing(provider: ConsoleTracerProvider) -> Tracing:
    return Tracing(provider.get_tracer(ENGINE), redactor=Redactor(frozenset({"pin"})))


def begin(tracing: Tracing, run_id: str = "r-1", **options: object):
    return tracing.start_run(
        workflow_id="flow", run_id=run_id, input={"value": 1, "pin": "4711"}, options={"traceId": TRACE, **options}
    )


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_a_span_tells_comes_back_as_it_was(keeper, tracing):
    run = begin(tracing, tags=["a", "a"], metadata={"lot": 7}, hideOutput=True)
    block = run.parallel(["one", "two"], [1])
    step = block.step("one", {"big": "x" * 50_000, "n": 2**63})
    step.fail({"message": "no", "name": "Error"}, status="failed")
    block.end(output={"one": 1})
    run.fail({"message": "no"}, status="failed")
    assert keeper.force_flush()
    trace = read_trace(TRACE)
    root, parallel, one = trace.spans
    assert (root.kind, parallel.kind, one.kind) == (SpanKind.RUN, SpanKind.PARALLEL, SpanKind.STEP)
    assert (root.is_root, root.run_id, one.run_id, one.workflow_id) == (True, "r-1", "r-1", "flow")
    assert (root.data["tags"], root.data["input"]) == (["a", "a"], {"value": 1, "pin": "[masked: x-secret]"})
    assert one.shared("metadata") == {"lot": 7, "runId": "r-1"}
    assert "metadata" not in one.data  # stored once
    assert (one.entity, parallel.entity) == (("workflow_step", "one", "flow"), ("workflow_run", "flow", "flow"))
    assert parallel.data["attributes"]["branchCount"] == 2
    assert "output" not in parallel.data
    assert one.data["input"] == {"big": "x" * 1000 + "…[truncated]", "n": 2**63}
    assert (one.state, one.data["error"]["message"]) == (SpanState.FAILED, "no")
    assert one.end_ns > one.start_ns


def test_a_span_that_stays_open_is_seen_and_renewed_at_its_end(keeper, tracing, provider):
    run = begin(tracing)
    step = run.step("slow", {"n": 1})
    with step.use():
        own = provider.get_tracer("shop").start_span("own")
        provider.get_tracer("shop").start_span("done").end()
    wait_for(lambda: Span.objects.count() == 4)
    assert Span.objects.filter(state=SpanState.OPEN).count() == 3
    own.end()
    step.end(status="success", output={"n": 2})
    run.end(status="success")
    assert keeper.force_flush()
    wait_for(lambda: not Span.objects.filter(end_ns=None).exists())
    trace = read_trace(TRACE)
    assert [span.name for span in trace.roots[0].subtree()] == [
        "workflow run: 'flow'",
        "workflow step: 'slow'",
        "own",
        "done",
    ]
    assert trace.spans[1].data["output"] == {"n": 2}
    assert (keeper.stored, keeper.dropped, keeper.waiting) == (4, 0, 0)


def test_what_belongs_to_no_run_is_not_kept(keeper, tracing, provider):
    with provider.get_tracer("shop").start_as_current_span("alone"):
        provider.get_tracer("shop").start_span("below").end()
    with provider.get_tracer("web").start_as_current_span("GET /", kind=otel.SpanKind.SERVER):
        pass
    begin(tracing).end(status="success")
    assert keeper.force_flush()
    assert [span.kind for span in Span.objects.all()] == [SpanKind.RUN]


def test_ten_thousand_spans_come_through_a_database_that_takes_none_for_a_while(keeper, tracing):
    run = begin(tracing)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        for number in range(10_000):
            run.step(f"s{number % 7}", {"n": number}).end(status="success")
        time.sleep(0.3)
        assert keeper.waiting > 9_000
        cursor.execute("COMMIT")
    run.end(status="success")
    assert keeper.force_flush()
    wait_for(lambda: Span.objects.count() == 10_001)
    assert keeper.dropped == 0


def test_beyond_the_end_of_the_queue_the_oldest_are_dropped_and_counted(keeper, tracing, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_WAITING", 10)
    monkeypatch.setattr(keeper, "_rouse", lambda: None)  # nobody empties the queue
    run = begin(tracing)
    for _ in range(25):
        run.step("s").end()
    assert (keeper.dropped, keeper.waiting) == (15, 10)


def test_a_span_that_no_database_takes_is_lost_alone(keeper, tracing):
    run = begin(tracing)
    for number in range(5):
        step = run.step(f"s{number}")
        if number == 2:
            step.otel.span_number = 1 << 70
        step.end()
    run.end()
    assert keeper.force_flush()
    wait_for(lambda: keeper.stored + keeper.dropped == 6)
    assert (keeper.stored, keeper.dropped, Span.objects.count()) == (5, 1, 5)


def test_texts_that_no_database_takes_are_mended(keeper, tracing):
    run = begin(tracing, run_id="nul\x00", metadata={"a": "half \ud800 pair"})
    run.otel.set_attribute("own", "half \ud800 pair")
    run.otel.update_name("name\x00 \ud800")
    run.end()
    assert keeper.force_flush()
    assert Span.objects.get().name == "name ?"


def test_spans_that_a_dead_process_left_open_are_ended_as_interrupted(keeper, tracing):
    run = begin(tracing)
    wait_for(lambda: Span.objects.filter(end_ns=None).exists())
    other = connect()
    close_spans(other)
    other.close()
    (span,) = read_trace(TRACE).spans
    assert (span.outcome, span.look, span.end_ns is None) == ("interrupted", "canceled", False)
    run.end(status="success")


def test_spans_go_with_their_runs_and_leave_those_of_others_in_the_trace(keeper, tracing):
    for run_id in ("r-1", "r-2"):
        run = begin(tracing, run_id=run_id)
        run.step("s").end()
        run.end()
    assert keeper.force_flush()
    assert delete_spans("r-1", "unknown") == 2
    assert read_trace(TRACE).run_ids == ["r-2"]
    assert len(read_trace(TRACE).spans) == 2
    assert delete_spans("r-2") == 2
    assert read_trace(TRACE) is None


def delete_spans(*run_ids: str) -> int:
    ids = [span for run_id in run_ids for span in spans_of(DjangoUnit(), run_id)]
    return Span.objects.filter(pk__in=ids).delete()[0]


def test_a_span_belongs_to_the_nearest_run_above_it_even_where_parents_go_in_a_circle():
    spans = [
        (1, 10, None, "r-1"),
        (2, 20, 10, ""),
        (3, 30, 20, "r-2"),
        (4, 40, 30, ""),
        (5, 50, 60, ""),
        (6, 60, 50, ""),
        (7, 70, 90, ""),
    ]
    assert sorted(spans_of_runs(spans, ["r-1"])) == [1, 2]
    assert sorted(spans_of_runs(spans, ["r-2"])) == [3, 4]
    assert sorted(spans_of_runs(spans, ["r-1", "r-2"])) == [1, 2, 3, 4]


def test_what_stores_spans_before_the_models_are_there_uses_their_numbers():
    assert {kind.label: kind.value for kind in SpanKind if kind is not SpanKind.REQUEST} == rows.KINDS
    assert (rows.REQUEST, rows.RUN, rows.STEP, rows.GENERIC) == (
        SpanKind.REQUEST,
        SpanKind.RUN,
        SpanKind.STEP,
        SpanKind.GENERIC,
    )
    assert (rows.ENDED, rows.FAILED, rows.OPEN) == (SpanState.ENDED, SpanState.FAILED, SpanState.OPEN)
    for number in (0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        assert rows.signed(number) == signed(number)
