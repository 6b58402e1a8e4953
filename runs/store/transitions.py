"""The only code that changes a run's status.

A transition is one transaction: the run's row, its event, the deliveries to webhooks, the audit entry of the person who
acts, the end of its open spans; and after the commit the announcement to live pages and executors. People and programs
act on Django's connection, executors and the engine's own Run on the writer's, within its next commit; a `Unit` is
either. Each transition names the states that it starts from in the condition of its UPDATE, and raises the epoch:
whoever held the run before writes nothing more.

What an execution itself writes (a step, a sleep, the end) comes through the writer, many runs in one commit:
`write_rows()` and `settle_runs()` are its part here. Who owns a run, and when it is queued again: claims.py.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import transaction

from runs.engine.data.clock import now_ms
from runs.engine.data.text import clipped
from runs.engine.errors import RunAlreadyStarted
from runs.engine.log.events import Event, EventType
from runs.engine.log.results import RunStatus
from runs.models import Actor, AuditEntry, RunLabel, Span, SpanState, WorkflowRun
from runs.models.span import spans_of_runs

from .announcements import announce_queued
from .connection import Connection, DjangoUnit, PostgresConnection, Unit, moment
from .control_events import event_of, store_event
from .event_rows import EVENTS, RUNS
from .outbox import NOTIFIED, enqueue_notices
from .pending_writes import Write
from .request_trace import name_run, trace_parent
from .row_values import column_value, row_tags, store_tags

SPANS = Span._meta.db_table
AUDIT = AuditEntry._meta.db_table
MESSAGE_LENGTH = 4_000  # of an error that ends a run from outside: it stays inside its event
# What the last stop of a run has left on its row, and goes when the run continues.
CLEARED = {"detail": "", "wake_at": None, "ended_at": None, "cancel_requested_at": None, "crashes": None}

# The states of a run that no execution writes to.
IDLE = "(queued OR status IN ('pending', 'waiting', 'suspended', 'paused'))"
ENDED = "status IN ('success', 'failed', 'tripwire', 'canceled')"
RESTING = frozenset({RunStatus.WAITING, RunStatus.SUSPENDED, RunStatus.PAUSED})
STOPPED = NOTIFIED | RESTING


# --- Into the queue: start, resume, restart, time travel ----------------------------------------------


def start(
    run: WorkflowRun,
    events: Sequence[Event],
    *,
    actor: Actor,
    tags: Sequence[str] = (),
    labels: Mapping[str, object] | None = None,
    audited: object = None,
    made: bool = False,
) -> None:
    """Store a new run with its first events, to be executed now or from its `wake_at` on. `made`: its row is there,
    stored by make_run(), and is started now.

    Raises IntegrityError when its id or its start key is in use, and RunAlreadyStarted when the row has been started.
    """
    unit = DjangoUnit()
    run.status, run.queued, run.tags = RunStatus.PENDING, run.wake_at is None, list(tags)
    run.last_seq = events[-1].seq
    with transaction.atomic():
        if made:
            _start_made(run)
        else:
            WorkflowRun.objects.insert(run)
        store_tags(unit, run.pk, tags)
        if labels:
            RunLabel.objects.attach(run.pk, run.created_at, labels)
        for event in events:
            store_event(unit, run.pk, event)
            unit.publish(run.pk, event)
        AuditEntry.objects.record(actor, "start", "run", run.pk, after=audited)
        transaction.on_commit(announce_queued)
    name_run(run.pk)


def _start_made(run: WorkflowRun) -> None:
    """Fill the row of a run that was made and not started: what refers to it stays."""
    values = {field.attname: getattr(run, field.attname) for field in WorkflowRun._meta.concrete_fields}
    for fixed in ("id", "created_at"):
        del values[fixed]
    untouched = WorkflowRun.objects.filter(pk=run.pk, status=RunStatus.PENDING, queued=False, last_seq=0)
    if not untouched.filter(wake_at=None).update(**values):
        raise RunAlreadyStarted(f"Run {run.pk} was started before. Make a new run to start again.")


class Way(NamedTuple):
    """How a run that has been started is set going again."""

    verb: str  # of the audit entry
    event: EventType
    sources: frozenset[RunStatus]


RESUME = Way("resume", EventType.RUN_RESUME, frozenset({RunStatus.SUSPENDED}))
RESTART = Way("restart", EventType.RUN_RESTART, frozenset({RunStatus.WAITING}))
TIME_TRAVEL = Way("time travel", EventType.RUN_TIME_TRAVEL, frozenset(RunStatus) - {RunStatus.RUNNING})


def go_on(
    way: Way,
    run_id: str,
    seq: int,
    data: Mapping[str, object],
    *,
    actor: Actor,
    at: int | None = None,
    audited: object = None,
    **columns: object,
) -> bool:
    """Store the event, and queue the run. False, with nothing changed: it is in another state, or has written since.

    `seq`: of the last event that the caller has read. `at`: of the new event, in epoch milliseconds. `columns`: of the
    row, such as `deadline_at`, that change with it. Raises NotJson.
    """
    if (place := trace_parent()) is not None:
        data = {**data, "traceParent": place}
    event = event_of(seq + 1, way.event, at or now_ms(), data)
    sets = {
        **{"status": "running", "queued": True, "last_seq": event.seq, "updated_at": moment(now_ms())},
        **CLEARED,
        **columns,
    }
    sources = sorted(str.__str__(status) for status in way.sources)
    unit = DjangoUnit()
    with transaction.atomic():
        taken = unit.execute(
            f"UPDATE {RUNS} SET epoch = epoch + 1, {', '.join(f'{column} = %s' for column in sets)} WHERE id = %s"  # noqa: S608
            f" AND NOT queued AND purged_at IS NULL AND last_seq = %s AND status IN ({_marks(sources)})",
            [*sets.values(), run_id, seq, *sources],
        ).rowcount
        if not taken:
            return False
        store_event(unit, run_id, event)
        unit.publish(run_id, event)
        AuditEntry.objects.record(actor, way.verb, "run", run_id, after=audited)
        transaction.on_commit(announce_queued)
    if way is not RESUME:  # whose span continues the trace of the run, and is not below the request
        name_run(run_id)
    return True


# --- To an end that no execution writes: cancel, expiry, failure ------------------------------------


class Canceled(Enum):
    """What came of the wish to cancel a run."""

    REFUSED = "refused"  # it has ended, or there is none
    REQUESTED = "requested"  # it is executed: its executor ends it
    DONE = "done"


def cancel(run_id: str, *, actor: Actor) -> Canceled:
    """Cancel a run that no execution writes to; of one that is executed, note the request on its row."""
    unit = DjangoUnit()
    with transaction.atomic():
        event = _cancel_idle(unit, run_id, actor.label)
        if event is None and not _request_cancel(unit, run_id):
            # It has ended, or its execution was put down between the two statements.
            event = _cancel_idle(unit, run_id, actor.label)
            if event is None:
                return Canceled.REFUSED
        AuditEntry.objects.record(actor, "cancel", "run", run_id)
    return Canceled.REQUESTED if event is None else Canceled.DONE


def _cancel_idle(unit: Unit, run_id: str, by: str) -> Event | None:
    data = {"by": by} if by else {}
    now = now_ms()
    asked = {"cancel_requested_at": moment(now)}
    return _end(unit, run_id, RunStatus.CANCELED, EventType.RUN_CANCELED, data, now, IDLE, (), asked)


def _request_cancel(unit: Unit, run_id: str) -> bool:
    now = moment(now_ms())
    sql = f"UPDATE {RUNS} SET cancel_requested_at = %s, updated_at = %s WHERE id = %s AND status = 'running'"  # noqa: S608
    return unit.execute(sql, (now, now, run_id)).rowcount > 0


Ends = list[tuple[str, Event]]  # the runs that an act has ended, each with its last event; at most one for each call


def expire(unit: Unit, run_id: str, error: Mapping[str, object]) -> Ends:
    """Fail a run whose deadline has passed while no execution works on it; unless it goes on, or has more time now."""
    now = now_ms()
    return _fail(unit, run_id, error, now, f"{IDLE} AND ended_at IS NULL AND deadline_at <= %s", (moment(now),))


def fail(unit: Unit, run_id: str, epoch: int, error: Mapping[str, object]) -> Ends:
    """Fail a run that cannot be continued, in whatever state; unless it has another owner by now, or has ended.

    `epoch`: under which the caller holds the run, or has read it. `error`: message, name. To be performed by the writer
    with `is_stored` as its witness.
    """
    return _fail(unit, run_id, error, now_ms(), f"epoch = %s AND NOT {ENDED}", (epoch,))


def cancel_held(unit: Unit, run_id: str, epoch: int, by: str | None) -> Ends:
    """Cancel a run whose execution was asked to stop and does not; unless it has ended. Performed as fail() is."""
    data = {"by": by} if by else {}
    condition = f"epoch = %s AND NOT {ENDED}"
    event = _end(unit, run_id, RunStatus.CANCELED, EventType.RUN_CANCELED, data, now_ms(), condition, (epoch,))
    return [] if event is None else [(run_id, event)]


def _fail(
    unit: Unit, run_id: str, error: Mapping[str, object], now: int, condition: str, values: Sequence[object]
) -> Ends:
    message = clipped(str(error.get("message", "")), MESSAGE_LENGTH)
    data = {"status": RunStatus.FAILED.value, "error": {**error, "message": message}}
    event = _end(unit, run_id, RunStatus.FAILED, EventType.RUN_FINISH, data, now, condition, values)
    return [] if event is None else [(run_id, event)]


def _end(
    unit: Unit,
    run_id: str,
    status: RunStatus,
    kind: EventType,
    data: Mapping[str, Any],
    now: int,
    condition: str,
    values: Sequence[object],
    columns: Mapping[str, object] | None = None,
) -> Event | None:
    """End a run where `condition` holds, with everything that belongs to an end. None: it does not."""
    sets = {
        **{"status": str.__str__(status), "queued": False, "ended_at": moment(now), "updated_at": moment(now)},
        **{"wake_at": None, "detail": column_value("detail", data.get("error", {}).get("message", ""))},
        **(columns or {}),
    }
    row = unit.execute(
        f"UPDATE {RUNS} SET epoch = epoch + 1, last_seq = last_seq + 1, {', '.join(f'{each} = %s' for each in sets)}"  # noqa: S608
        f" WHERE id = %s AND {condition} RETURNING last_seq",
        [*sets.values(), run_id, *values],
    ).fetchone()
    if row is None:
        return None
    event = event_of(row[0], kind, now, data)
    store_event(unit, run_id, event)
    enqueue_notices(unit.execute, [run_id])
    _close_spans(unit, run_id)
    unit.publish(run_id, event)
    return event


def _close_spans(unit: Unit, run_id: str) -> None:
    """End the spans of the run that are stored as open: its execution, if there was one, ends them no more."""
    traces = unit.execute(f"SELECT DISTINCT trace_id FROM {SPANS} WHERE is_root AND run_id = %s", (run_id,)).fetchall()  # noqa: S608
    for (trace_id,) in traces:
        sql = f"SELECT id, span_id, parent_id, run_id, end_ns FROM {SPANS} WHERE trace_id = %s"  # noqa: S608
        rows = unit.execute(sql, (trace_id,)).fetchall()
        left = {row[0] for row in rows if row[4] is None}
        if left:
            mine = left.intersection(spans_of_runs([row[:4] for row in rows], [run_id]))
            unit.executemany(
                f"UPDATE {SPANS} SET state = %s, end_ns = %s WHERE id = %s AND end_ns IS NULL",  # noqa: S608
                [(SpanState.INTERRUPTED.value, time.time_ns(), id) for id in sorted(mine)],
            )


def is_stored(unit: Unit, ends: Ends) -> bool:
    """The witness of acts that end runs: the first of the events is in the log, from that very moment."""
    for run_id, event in ends:
        sql = f"SELECT at, type FROM {EVENTS} WHERE run_id = %s AND seq = %s"  # noqa: S608
        row = unit.execute(sql, (run_id, event.seq)).fetchone()
        return row is not None and (row[0], row[1]) == (event.at, event.type)
    return False


# --- The writer: what executions write --------------------------------------------------------------

ADVANCE_MANY = (
    f"UPDATE {RUNS} AS run SET last_seq = new.last_seq, updated_at = %s"  # noqa: S608
    " FROM unnest(%s::text[], %s::int[], %s::int[]) AS new(id, epoch, last_seq)"
    " WHERE run.id = new.id AND run.epoch = new.epoch RETURNING run.id"
)


def write_rows(connection: Connection, writes: Sequence[Write]) -> None:
    """Change the rows of runs as their executions say, each only under the epoch that its writer holds: other writes
    are marked as fenced."""
    now = moment(now_ms())
    alike: dict[tuple[str, ...], list[Write]] = {}
    for write in writes:
        alike.setdefault(tuple(write.card), []).append(write)
    for columns, some in alike.items():
        some.sort(key=attrgetter("run_id"))  # two writers that lock in one order never wait for each other
        if not columns and isinstance(connection, PostgresConnection):
            _advance_at_once(connection, some, now)
        else:
            _change_rows(connection, columns, some, now)


def settle_runs(connection: Connection, writes: Sequence[Write]) -> None:
    """Note deliveries for the runs whose execution has stopped, and cancel those that were asked to end meanwhile.

    After their events are stored, in the same transaction.
    """
    stopped = [each for each in writes if each.card.get("status") in STOPPED and not each.fenced]
    if not stopped:
        return
    enqueue_notices(connection.execute, [each.run_id for each in stopped if each.card["status"] in NOTIFIED])
    resting = {each.run_id: each for each in stopped if each.card["status"] in RESTING}
    if resting:
        sql = f"SELECT id FROM {RUNS} WHERE cancel_requested_at IS NOT NULL AND id IN ({_marks(resting)})"  # noqa: S608
        for (run_id,) in connection.execute(sql, list(resting)).fetchall():
            event = _cancel_idle(connection, run_id, who_cancels(connection, run_id) or "")
            resting[run_id].published = [event] if event is not None else []
        connection.take_published()


def who_cancels(unit: Unit, run_id: str) -> str | None:
    """The name of the person or program that has asked for it last."""
    row = unit.execute(
        f"SELECT actor_label FROM {AUDIT} WHERE object_type = 'run' AND object_id = %s AND verb = 'cancel'"  # noqa: S608
        " ORDER BY at DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return row[0] or None if row else None


def _advance_at_once(connection: Connection, writes: Sequence[Write], now: object) -> None:
    """PostgreSQL: one statement for all rows of which nothing else changes."""
    columns = zip(*((write.run_id, write.epoch, write.last_seq) for write in writes), strict=True)
    held = {row[0] for row in connection.execute(ADVANCE_MANY, (now, *map(list, columns))).fetchall()}
    for write in writes:
        write.fenced = write.run_id not in held


def _change_rows(connection: Connection, columns: Sequence[str], writes: Sequence[Write], now: object) -> None:
    """Change the same columns of many rows."""
    sql = _row_change(*columns)
    rows = [
        (write.last_seq, now, *map(column_value, write.card, write.card.values()), write.run_id, write.epoch)
        for write in writes
    ]
    if connection.executemany(sql, rows) < len(rows):  # find out which have another owner
        for write, row in zip(writes, rows, strict=True):
            write.fenced = connection.execute(sql, row).rowcount == 0
    if "tags" in columns:  # with the first event of a program's own run
        for write in writes:
            if not write.fenced:
                store_tags(connection, write.run_id, row_tags(write.card["tags"]))


@lru_cache(maxsize=256)
def _row_change(*columns: str) -> str:
    sets = "".join(f", {column} = %s" for column in columns)
    return f"UPDATE {RUNS} SET last_seq = %s, updated_at = %s{sets} WHERE id = %s AND epoch = %s"  # noqa: S608


def _marks(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
