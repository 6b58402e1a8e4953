"""Runs that nobody works on although they should go on: their process died, or the time they slept until has come."""

import time
from collections.abc import Collection, Iterable

from django.conf import settings

from runs.models import AuditEntry, Span, SpanState, WorkflowRun

from .connection import Connection, moment
from .crashes import count_crashes

RUNS = WorkflowRun._meta.db_table
AUDIT = AuditEntry._meta.db_table
SPANS = Span._meta.db_table
AT_ONCE = 500


def requeue_orphans(connection: Connection) -> int:
    """Queue every run that an executor left in the middle, and count the end of its process for each. For whoever alone
    executes runs, before it begins. How many there are.

    Runs without a worker's name are a program's own, which uses the engine with this database; they are left alone.
    """
    count_crashes(connection, settings.MAX_STEP_CRASHES)
    return connection.execute(
        f"UPDATE {RUNS} SET queued = %s WHERE status = 'running' AND NOT queued AND worker <> ''",  # noqa: S608
        (True,),
    ).rowcount


def close_spans(connection: Connection) -> None:
    """End the spans that a process which died has left open: nobody else will. For whoever calls requeue_orphans()."""
    connection.execute(
        f"UPDATE {SPANS} SET state = %s, end_ns = %s WHERE end_ns IS NULL",  # noqa: S608
        (SpanState.INTERRUPTED.value, time.time_ns()),
    )


def release_all(connection: Connection, worker: str) -> None:
    """Give back whatever a worker holds. For one that executes nothing any more, or is about to end."""
    connection.execute(
        f"UPDATE {RUNS} SET queued = %s WHERE status = 'running' AND NOT queued AND worker = %s",  # noqa: S608
        (True, worker),
    )


def release(connection: Connection, claims: Iterable[tuple[str, int]]) -> None:
    """Give back runs that this process still holds, (id, epoch) each, for the next one to go on with."""
    for run_id, epoch in claims:
        connection.execute(
            f"UPDATE {RUNS} SET queued = %s WHERE id = %s AND epoch = %s AND status IN ('running', 'waiting')",  # noqa: S608
            (True, run_id, epoch),
        )


def due_sleepers(connection: Connection, *, in_hand: Collection[str]) -> list[str]:
    """Runs whose time has come, to start or to go on. Those in hand wake by themselves."""
    rows = connection.execute(
        f"SELECT id FROM {RUNS} WHERE wake_at <= %s AND NOT queued"  # noqa: S608
        " AND (status = 'pending' OR status = 'waiting' AND worker <> '') ORDER BY wake_at LIMIT %s",
        (moment(time.time_ns() // 1_000_000), AT_ONCE),
    ).fetchall()
    return [run_id for (run_id,) in rows if run_id not in in_hand]


def wake(connection: Connection, run_ids: Iterable[str]) -> None:
    """Queue them, unless somebody canceled or woke them meanwhile."""
    for run_id in run_ids:
        connection.execute(
            f"UPDATE {RUNS} SET queued = %s WHERE id = %s AND status IN ('pending', 'waiting') AND NOT queued",  # noqa: S608
            (True, run_id),
        )


def to_cancel(connection: Connection) -> list[str]:
    """Runs at work that somebody, in whatever process, has asked to cancel."""
    rows = connection.execute(
        f"SELECT id FROM {RUNS} WHERE cancel_requested_at IS NOT NULL AND status = 'running'"  # noqa: S608
    ).fetchall()
    return [run_id for (run_id,) in rows]


def who_cancels(connection: Connection, run_id: str) -> str | None:
    """The name of whoever has asked for it last."""
    row = connection.execute(
        f"SELECT actor_label FROM {AUDIT} WHERE object_type = 'run' AND object_id = %s AND verb = 'cancel'"  # noqa: S608
        " ORDER BY at DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return row[0] or None if row else None
