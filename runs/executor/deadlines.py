"""Runs whose time is over while nobody works on them: they wait for a slot, for an hour, or for an answer.

A run that is at work looks at the clock itself; see runs/engine/walk/executor.py.
"""

from collections.abc import Collection

from runs.engine.data.clock import now_ms
from runs.engine.errors import UnreadableEvent
from runs.engine.log.deadline import BY_START, Deadline
from runs.store import transitions
from runs.store.connection import Connection, milliseconds, moment
from runs.store.event_rows import RUNS
from runs.store.history import select_events

AT_ONCE = 100


def overdue(connection: Connection, *, in_hand: Collection[str]) -> list[str]:
    """Runs whose deadline has passed, and that no execution here will end by itself."""
    late = f"deadline_at <= %s AND ended_at IS NULL AND {transitions.IDLE}"
    sql = f"SELECT id FROM {RUNS} WHERE {late} ORDER BY deadline_at LIMIT %s"  # noqa: S608
    rows = connection.execute(sql, (moment(now_ms()), AT_ONCE)).fetchall()
    return [run_id for (run_id,) in rows if run_id not in in_hand]


def expire(connection: Connection, run_ids: Collection[str]) -> transitions.Ends:
    """Fail these runs, unless they have been set going or have got more time meanwhile."""
    expired: transitions.Ends = []
    for run_id in run_ids:
        sql = f"SELECT deadline_at, created_at FROM {RUNS} WHERE id = %s"  # noqa: S608
        row = connection.execute(sql, (run_id,)).fetchone()
        if row is not None:
            deadline = _deadline(connection, run_id, *map(milliseconds, row))
            expired += transitions.expire(connection, run_id, deadline.error())
    return expired


def _deadline(connection: Connection, run_id: str, at: int | None, created: int | None) -> Deadline:
    """The limit as the run's first event tells it; a run that was sent back to a step has a later moment."""
    first = select_events(connection.execute, run_id, limit=1)
    try:
        told = first[0].small().get("deadline") if first else None
        found = Deadline.from_json(told) if told else None
    except (UnreadableEvent, AttributeError, KeyError, TypeError, ValueError):  # it ends all the same
        found = None
    return found or Deadline(at or 0, ((at or 0) - (created or 0)) / 1000, BY_START)
