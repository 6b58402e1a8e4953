"""What a run was started with stays with it, however it goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry import trace as otel

from runs.actions import restart
from runs.actions.rerun import run_again, run_from_step
from runs.actions.resume import Answer, resume_run
from runs.actions.start import StartRequest, start_run
from runs.engine.log.events import EventType
from runs.models import Actor, RunLabel, RunTag, RunWatch, WorkflowRun
from runs.store import claims
from runs.store.history import read_events, snapshot
from tests.executor.states import executed, perform

ACTOR = Actor("vera")
TRACING = {
    "tags": ["nightly", "b"],
    "metadata": {"order": {"id": 7}},
    "requestContextKeys": ["tenant"],
    "hideInput": True,
    "rootSpanName": "shop",
}
OUTPUT = {"includeState": True}
CONTEXT = {"tenant": "acme"}


def started(to: str, **options: object) -> WorkflowRun:
    asked = {
        "workflow_id": "turning",
        "input": {"to": to},
        "request_context": CONTEXT,
        "tracing_options": TRACING,
        "output_options": OUTPUT,
        "resource_id": "shop-1",
        "priority": 3,
        "time_limit": 3600,
        "start_key": "key",
    }
    return start_run(StartRequest(**(asked | options)), actor=ACTOR)


def resumed() -> WorkflowRun:
    run = executed(started("suspended"))
    resume_run(Answer(run_id=run.pk, data={}), actor=Actor("olaf"))
    return run


def restarted() -> WorkflowRun:
    run = executed(started("waiting"))
    restart.restart_run(run.pk, {}, actor=Actor("olaf"))
    return run


def traveled() -> WorkflowRun:
    run = executed(started("success"))
    restart.travel(run.pk, {"step": "turn"}, actor=Actor("olaf"))
    return run


def recovered() -> WorkflowRun:
    run = started("success")
    perform(lambda connection: claims.claim(connection, run.pk, "w"))
    assert perform(claims.requeue_orphans) == 1
    return run


def woken() -> WorkflowRun:
    run = executed(started("waiting"))
    perform(lambda connection: claims.wake(connection, [run.pk]))
    return run


def made() -> WorkflowRun:
    run = restart.make_run("turning", resource_id="shop-1", actor=Actor("maker"))
    earlier = datetime.now(UTC) - timedelta(hours=1)
    WorkflowRun.objects.filter(pk=run.pk).update(created_at=earlier)
    options = {"tracing_options": TRACING, "output_options": OUTPUT, "request_context": CONTEXT}
    asked = StartRequest(
        workflow_id="turning", input={"to": "success"}, run_id=run.pk, priority=3, time_limit=3600, start_key="key",
        **options,
    )  # fmt: skip
    assert restart.start_made(asked, actor=ACTOR).pk == run.pk
    run.refresh_from_db()
    assert run.created_at == earlier
    return run


SAME_RUN: dict[str, Callable[[], WorkflowRun]] = {
    "resume": resumed,
    "restart": restarted,
    "time travel": traveled,
    "recovery": recovered,
    "wake": woken,
    "start of a made run": made,
}


@pytest.mark.parametrize("way", SAME_RUN)
def test_a_run_that_goes_on_keeps_its_row(workflows, way):
    run = SAME_RUN[way]()
    run.refresh_from_db()
    assert (run.queued, run.priority, run.resource_id, run.tags) == (True, 3, "shop-1", ["nightly", "b"])
    assert (run.actor_label, run.start_key, run.version.number) == ("vera", "key", 1)
    assert set(RunTag.objects.filter(run=run).values_list("tag", flat=True)) == {"nightly", "b"}
    labels = set(RunLabel.objects.filter(run=run).values_list("label", flat=True))
    assert {"order.id=7", "tenant=acme"} <= labels
    assert 3500 < (run.deadline_at - datetime.now(UTC)).total_seconds() <= 3600
    told = snapshot(run.pk)
    assert (told.resource_id, told.request_context) == ("shop-1", CONTEXT)
    assert round(told.deadline.at / 1000) == round(run.deadline_at.timestamp())


@pytest.mark.parametrize("way", ["recovery", "wake", "start of a made run"])
def test_a_run_that_goes_on_by_itself_keeps_its_options(workflows, way):
    told = snapshot(SAME_RUN[way]().pk)
    assert (told.tracing_options, told.output_options) == (TRACING, OUTPUT)


@pytest.mark.parametrize("way", ["resume", "restart", "time travel"])
def test_options_of_a_call_hold_for_that_call(workflows, way):
    """As in the reference: earlier tags and metadata are not those of the next call's span."""
    told = snapshot(SAME_RUN[way]().pk)
    assert (told.tracing_options, told.output_options) == ({}, {})


def from_step() -> WorkflowRun:
    first = executed(started("success", start_key=None))
    return run_from_step(first.pk, "turn", actor=Actor("olaf"))


def again() -> WorkflowRun:
    return run_again(executed(started("success", start_key=None)).pk, actor=Actor("olaf"))


@pytest.mark.parametrize("make", [from_step, again])
def test_a_run_made_from_another_one_has_its_options(workflows, make):
    run = make()
    assert (run.priority, run.resource_id, run.tags) == (3, "shop-1", ["nightly", "b"])
    assert run.deadline_at is not None
    told = snapshot(run.pk)
    assert (told.tracing_options, told.output_options) == (TRACING, OUTPUT)
    assert (told.request_context, told.resource_id) == (CONTEXT, "shop-1")
    assert executed(run).pk
    run.refresh_from_db()
    assert run.status == "success"


def test_a_run_that_stops_after_each_step_is_run_again_so(workflows):
    first = executed(started("success", start_key=None, per_step=True))
    second = executed(run_again(first.pk, actor=ACTOR))
    statuses = dict(WorkflowRun.objects.values_list("pk", "status"))
    assert statuses == {first.pk: "paused", second.pk: "paused"}


@pytest.mark.parametrize("way", ["resume", "restart", "time travel", "start of a made run"])
def test_the_request_that_sets_a_run_going_is_in_its_event(workflows, way):
    place = otel.SpanContext(0xA1, 0xB2, is_remote=False, trace_flags=otel.TraceFlags(1))
    with otel.use_span(otel.NonRecordingSpan(place)):
        run = SAME_RUN[way]()
    parent = f"00-{0xA1:032x}-{0xB2:016x}-01"
    kinds = set(EventType) & {"workflow-start", "workflow-resume", "workflow-restart", "workflow-time-travel"}
    last = read_events(run.pk, types=kinds)[-1]
    assert last.decoded()["traceParent"] == parent
    assert snapshot(run.pk).trace_parent == parent


def test_a_run_from_a_step_is_below_the_request_that_made_it(workflows):
    first = executed(started("success"))
    place = otel.SpanContext(0xA1, 0xB2, is_remote=False, trace_flags=otel.TraceFlags(1))
    with otel.use_span(otel.NonRecordingSpan(place)):
        run = run_from_step(first.pk, "turn", actor=ACTOR)
    assert run.last_seq == 2
    assert snapshot(run.pk).trace_parent == f"00-{0xA1:032x}-{0xB2:016x}-01"


def test_a_watch_of_a_made_run_outlives_its_start(workflows, operator):
    run = restart.make_run("turning", actor=ACTOR)
    RunWatch.objects.create(run=run, user=operator)
    restart.start_made(StartRequest(workflow_id="turning", input={"to": "success"}, run_id=run.pk), actor=ACTOR)
    assert RunWatch.objects.get().run_id == run.pk


def test_two_starts_of_a_made_run_with_one_key_are_one(workflows):
    run = restart.make_run("turning", actor=ACTOR)
    asked = StartRequest(workflow_id="turning", input={"to": "success"}, run_id=run.pk, start_key="once")
    assert restart.start_made(asked, actor=ACTOR).pk == restart.start_made(asked, actor=ACTOR).pk == run.pk
    assert [event.type for event in read_events(run.pk)] == ["workflow-start"]
