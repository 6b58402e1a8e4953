"""Runs that nobody works on although they should go on: their process died, or the time they slept until has come."""

import time
from collections.abc import Collection

from django.conf import settings

from runs.engine.data.clock import now_ms
from runs.models import Span, SpanState
from runs.store import claims
from runs.store.connection import Connection, moment
from runs.store.event_rows import RUNS

from .crashes import count_crashes

SPANS = Span._meta.db_table
AT_ONCE = 500


def requeue_orphans(connection: Connection) -> int:
    """Queue every run that an executor left in the middle, and count the end of its process for each. For the one that
    alone executes runs, before it begins. How many there are.

    Runs without a worker's name are a program's own, which uses the engine with this database; they are left alone.
    """
    count_crashes(connection, settings.MAX_STEP_CRASHES)
    return claims.requeue_orphans(connection)


def close_spans(connection: Connection) -> None:
    """End the spans that a process which died has left open: nobody else will. For the caller of requeue_orphans()."""
    connection.execute(
        f"UPDATE {SPANS} SET state = %s, end_ns = %s WHERE end_ns IS NULL",  # noqa: S608
        (SpanState.INTERRUPTED.value, time.time_ns()),
    )


def due_sleepers(connection: Connection, *, in_hand: Collection[str]) -> list[str]:
    """Runs whose time has come, to start or to go on. Those in hand wake by themselves."""
    rows = connection.execute(
        f"SELECT id FROM {RUNS} WHERE wake_at <= %s AND NOT queued"  # noqa: S608
        " AND (status = 'pending' OR status = 'waiting' AND worker <> '') ORDER BY wake_at LIMIT %s",
        (moment(now_ms()), AT_ONCE),
    ).fetchall()
    return [run_id for (run_id,) in rows if run_id not in in_hand]


def to_cancel(connection: Connection) -> list[str]:
    """Runs at work that somebody, in whatever process, has asked to cancel."""
    rows = connection.execute(
        f"SELECT id FROM {RUNS} WHERE cancel_requested_at IS NOT NULL AND status = 'running'"  # noqa: S608
    ).fetchall()
    return [run_id for (run_id,) in rows]
