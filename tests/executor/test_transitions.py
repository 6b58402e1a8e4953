"""Every way in and out of each state: what is written together, and what is refused and changes nothing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from django.forms.models import model_to_dict

from runs.actions import restart
from runs.actions.resume import Answer, resume_run
from runs.actions.start import StartRequest, start_run
from runs.engine.errors import CannotTimeTravel, NotActive, NotSuspended, RunAlreadyExists, RunAlreadyStarted
from runs.engine.log.events import Event
from runs.executor import deadlines, dispatch, execute
from runs.models import Actor, AuditEntry, RunEvent, Span, SpanState, Webhook, WebhookDelivery, WorkflowRun
from runs.models.webhook import EVENTS
from runs.store import announcements, claims, deletion, transitions
from runs.store.history import read_events, snapshot
from tests.executor.states import STATES, STATUS_OF, executed, perform, turned

VERA = Actor("vera")
ENDED = {"success", "failed", "tripwire", "canceled"}
PAST = datetime(2026, 1, 1, tzinfo=UTC)
TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")


@pytest.fixture
def webhook(workflows) -> Webhook:
    """Wants every notice of every workflow."""
    return Webhook.objects.create(name="all", url="https://example.org/", events=",".join(EVENTS))


@pytest.fixture
def announced() -> Iterator[list[tuple[str, str]]]:
    """The run and the type of each event that is announced, and `("", "queued")` whenever executors are called."""
    seen: list[tuple[str, str]] = []

    def listen(run_id: str, events: list[Event]) -> None:
        seen.extend((run_id, event.type) for event in events)

    def poked() -> None:
        seen.append(("", "queued"))

    announcements.on_commit(listen)
    announcements.on_queued(poked)
    yield seen
    announcements._listeners.remove(listen)
    announcements._executors.remove(poked)


# --- The operations, each on a run --------------------------------------------------------------------


def expire(run: WorkflowRun) -> bool:
    WorkflowRun.objects.filter(pk=run.pk).update(deadline_at=PAST)
    return bool(perform(lambda connection: deadlines.expire(connection, [run.pk]), transitions.is_stored))


def fail(run: WorkflowRun) -> bool:
    run.refresh_from_db(fields=["epoch"])
    error = {"message": "The code is gone.", "name": "Error"}
    ends = perform(lambda connection: transitions.fail(connection, run.pk, run.epoch, error), transitions.is_stored)
    return bool(ends)


def start_made(run: WorkflowRun) -> None:
    restart.start_made(StartRequest(workflow_id="turning", input={"to": "success"}, run_id=run.pk), actor=VERA)


def start_with_its_id(run: WorkflowRun) -> None:
    start_run(StartRequest(workflow_id="turning", input={"to": "success"}, run_id=run.pk), actor=VERA)


def claim(run: WorkflowRun) -> bool:
    return perform(lambda connection: claims.claim(connection, run.pk, "w")) is not None


def wake(run: WorkflowRun) -> bool:
    perform(lambda connection: claims.wake(connection, [run.pk]))
    run.refresh_from_db()
    return run.queued


@dataclass(frozen=True)
class Operation:
    """What it does where it is legal, and how it is refused elsewhere."""

    perform: Callable[[WorkflowRun], object]
    legal: set[str]  # states
    status: str
    queued: bool = False
    event: str = ""
    verb: str = ""  # of the audit entry
    refusal: type[Exception] | None = None  # None: it returns False
    sentences: dict[str, str] = field(default_factory=dict)  # by state; "": all others
    epochs: int = 1


EVERY = set(STATES)
IDLE = EVERY - ENDED - {"running"}
TRAVEL = {"step": "turn", "inputData": {"to": "success"}}
OPERATIONS = {
    "start": Operation(
        start_made, {"made"}, "pending", True, "workflow-start", "start",
        RunAlreadyStarted, {"": "was started before. Make a new run to start again."}, epochs=0,
    ),
    "start with an id that is in use": Operation(
        start_with_its_id, set(), "", refusal=RunAlreadyExists, sentences={"": "already."}
    ),
    "resume": Operation(
        lambda run: resume_run(Answer(run_id=run.pk, data={}), actor=VERA),
        {"suspended"}, "running", True, "workflow-resume", "resume",
        NotSuspended, {"": "This workflow run was not suspended"},
    ),
    "restart": Operation(
        lambda run: restart.restart_run(run.pk, {}, actor=VERA),
        {"waiting"}, "running", True, "workflow-restart", "restart",
        NotActive,
        {
            "": "This workflow run was not active",
            "running": "This workflow run is being worked on",
            "answered": "This workflow run is being worked on",
        },
    ),
    "time travel": Operation(
        lambda run: restart.travel(run.pk, TRAVEL, actor=VERA),
        EVERY - {"queued", "running", "answered"}, "running", True, "workflow-time-travel", "time travel",
        CannotTimeTravel, {"": "This workflow run is still running, cannot time travel"},
    ),
    "cancel": Operation(
        lambda run: dispatch.cancel(run.pk, actor=VERA), IDLE, "canceled", False, "workflow-canceled", "cancel"
    ),
    "expire": Operation(expire, IDLE, "failed", False, "workflow-finish"),
    "fail": Operation(fail, EVERY - ENDED, "failed", False, "workflow-finish"),
    "claim": Operation(claim, {"queued", "answered"}, "running"),
    "wake": Operation(wake, {"scheduled", "waiting"}, "", True, epochs=0),
}  # fmt: skip
LEGAL = [(name, state) for name, operation in OPERATIONS.items() for state in STATES if state in operation.legal]


def stored(run_id: str) -> tuple[object, ...]:
    """All that a transition could write."""
    row = WorkflowRun.objects.get(pk=run_id)
    return (
        {key: value for key, value in model_to_dict(row).items() if key not in ("deadline_at",)},
        (row.queued, row.epoch, row.last_seq, row.updated_at, row.crashes),
        list(RunEvent.objects.filter(run_id=run_id).order_by("seq").values_list("seq", "type")),
        list(AuditEntry.objects.order_by("pk").values_list("verb", "object_id")),
        list(WebhookDelivery.objects.filter(run_id=run_id).order_by("pk").values_list("event", "seq")),
        list(Span.objects.order_by("pk").values_list("run_id", "end_ns")),
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_refused_changes_nothing(webhook, announced, name):
    operation = OPERATIONS[name]
    elsewhere = {"cancel": {"running"}, "wake": {"queued", "answered"}}  # a request, see below; and queued already
    for state in sorted(EVERY - operation.legal - elsewhere.get(name, set())):
        run = STATES[state]()
        before = stored(run.pk)
        announced.clear()
        if operation.refusal is None:
            assert operation.perform(run) is False, state
        else:
            with pytest.raises(operation.refusal) as refused:
                operation.perform(run)
            assert str(refused.value).endswith(operation.sentences.get(state, operation.sentences[""])), state
        assert stored(run.pk) == before, state
        assert announced == [], state


def open_spans(run: WorkflowRun) -> tuple[tuple[Span, Span], Span]:
    """Two spans that the run has left open, and one of another run in the same trace."""
    shared = {"trace_id": TRACE, "kind": 1, "state": SpanState.OPEN, "name": "span", "start_ns": 1}
    mine = Span.objects.create(span_id=1, is_root=True, run_id=run.pk, **shared)
    below = Span.objects.create(span_id=2, is_root=False, parent_id=1, **shared)
    other = Span.objects.create(span_id=3, is_root=True, run_id="other", **shared)
    return (mine, below), other


@pytest.mark.parametrize(("name", "state"), LEGAL)
def test_a_transition_writes_all_that_belongs_to_it(webhook, announced, name, state):
    operation = OPERATIONS[name]
    run = STATES[state]()
    run.refresh_from_db()
    before, deliveries = run.epoch, WebhookDelivery.objects.filter(run=run).count()
    seq, audited, began = run.last_seq, AuditEntry.objects.count(), time.time()
    mine, other = open_spans(run)
    announced.clear()
    assert operation.perform(run) is not False
    run.refresh_from_db()
    expected = (operation.status or run.status, operation.queued, before + operation.epochs)
    assert (run.status, run.queued, run.epoch) == expected
    new = read_events(run.id, after=seq)
    assert [event.type for event in new] == ([operation.event] if operation.event else [])
    assert run.last_seq == seq + len(new) == RunEvent.objects.filter(run_id=run.pk).count()
    entries = AuditEntry.objects.order_by("pk")[audited:]
    assert [(entry.verb, entry.actor_label, entry.object_id) for entry in entries] == (
        [(operation.verb, "vera", run.pk)] if operation.verb else []
    )
    expected = [(run.pk, operation.event)] if operation.event else []
    assert announced == expected + ([("", "queued")] if operation.queued and operation.event else [])
    noted = list(WebhookDelivery.objects.filter(run=run).order_by("pk")[deliveries:].values_list("event", "seq"))
    assert noted == ([(operation.status, run.last_seq)] if operation.status in ENDED else [])
    if operation.status in ENDED:
        assert snapshot(run.pk).status == operation.status
        assert run.ended_at.timestamp() >= began - 1
        assert run.wake_at is None
        assert run.detail == new[-1].decoded().get("error", {}).get("message", "")
    elif operation.event:
        assert (run.ended_at, run.detail, run.cancel_requested_at, run.wake_at) == (None, "", None, None)
    for span in (*mine, other):
        span.refresh_from_db()
    assert all((span.end_ns is not None) == (operation.status in ENDED) for span in mine)
    assert other.end_ns is None
    if operation.epochs:  # whoever held it before writes nothing more
        assert perform(lambda connection: transitions.fail(connection, run.pk, before, {"message": "late"})) == []


@pytest.mark.parametrize("state", STATES)
def test_an_execution_notes_its_stop_for_webhooks(webhook, state):
    run = STATES[state]()
    run.refresh_from_db()
    noted = list(WebhookDelivery.objects.filter(run=run).values_list("event", flat=True))
    assert noted == (["suspended"] if state == "answered" else [run.status] if run.status in EVENTS else [])
    assert run.status == STATUS_OF.get(state, state)


def test_a_run_that_is_executed_is_asked_to_end(webhook, announced):
    run = STATES["running"]()
    announced.clear()
    assert dispatch.cancel(run.pk, actor=VERA)
    run.refresh_from_db()
    assert (run.status, run.epoch, run.last_seq) == ("running", 1, 1)
    assert run.cancel_requested_at is not None
    assert AuditEntry.objects.filter(verb="cancel", actor_label="vera").count() == 1
    assert (announced, WebhookDelivery.objects.count()) == ([], 0)


@pytest.mark.parametrize("to", ["suspended", "waiting"])
def test_a_cancel_asked_for_while_a_run_comes_to_rest_is_carried_out(webhook, announced, monkeypatch, to):
    run = turned(to)
    monkeypatch.setattr(execute.claims, "claim", _claim_and_cancel(run))
    executed(run)
    run.refresh_from_db()
    assert (run.status, run.queued, run.wake_at) == ("canceled", False, None)
    last = read_events(run.pk)[-1]
    assert (last.type, last.decoded(), last.seq) == ("workflow-canceled", {"by": "vera"}, run.last_seq)
    assert announced[-1] == (run.pk, "workflow-canceled")
    assert WebhookDelivery.objects.get(event="canceled").seq == run.last_seq
    assert snapshot(run.pk).status == "canceled"


def _claim_and_cancel(run: WorkflowRun) -> Callable:
    """The request comes after the claim, and from another process."""
    claim = claims.claim

    def act(unit, run_id, worker):
        row = claim(unit, run_id, worker)
        unit.execute(f"UPDATE {transitions.RUNS} SET cancel_requested_at = %s WHERE id = %s", ("2026-01-01", run_id))
        return row

    AuditEntry.objects.record(VERA, "cancel", "run", run.pk)
    return act


def test_a_run_with_more_time_than_was_read_does_not_expire(workflows):
    run = STATES["suspended"]()
    assert WorkflowRun.objects.get(pk=run.pk).deadline_at > datetime.now(UTC) + timedelta(hours=1)
    assert perform(lambda connection: deadlines.expire(connection, [run.pk])) == []
    run.refresh_from_db()
    assert run.status == "suspended"


def test_an_end_is_carried_out_once_although_its_commit_was_in_doubt(webhook, announced):
    run = STATES["suspended"]()
    announced.clear()
    ends = perform(lambda connection: transitions.fail(connection, run.pk, 1, {"message": "late"}))
    assert perform(lambda connection: transitions.is_stored(connection, ends))
    run.refresh_from_db()
    other = [(run.pk, ends[0][1]._replace(at=1))]
    assert not perform(lambda connection: transitions.is_stored(connection, other))
    assert not perform(lambda connection: transitions.is_stored(connection, []))


def test_a_long_error_ends_a_run_in_a_line_and_an_event_of_bounded_size(workflows):
    run = STATES["queued"]()
    perform(lambda connection: transitions.fail(connection, run.pk, 0, {"message": "x\x00y\n" + "é" * 200_000}))
    run.refresh_from_db()
    assert len(run.detail) <= 300
    assert run.detail.startswith("xy é")
    assert len(read_events(run.pk)[-1].data) < 10_000


@pytest.mark.parametrize("state", ["success", "failed", "canceled"])
def test_a_deleted_run_leaves_its_audit_entry(workflows, state):
    run = STATES[state]()
    assert deletion.delete(run.pk, actor=VERA)
    assert not WorkflowRun.objects.filter(pk=run.pk).exists()
    assert AuditEntry.objects.get(verb="delete", object_id=run.pk).actor_label == "vera"


@pytest.mark.parametrize("state", ["running", "answered"])
def test_a_run_that_is_executed_is_not_deleted(workflows, state):
    run = STATES[state]()
    before = stored(run.pk)
    assert deletion.delete(run.pk, actor=VERA) is False
    assert stored(run.pk) == before
