"""Runs whose time is over while nobody works on them: they wait for a slot, for an hour, or for an answer.

A run that is at work looks at the clock itself; see runs/engine/executor.py.
"""

import time
from collections.abc import Collection

import orjson

from runs.engine.deadline import BY_START, Deadline
from runs.engine.events import Event, EventType
from runs.models import WorkflowRun

from .batch import DETAIL_LENGTH, INSERT_EVENT
from .connection import Connection, milliseconds, moment
from .history import select_events

RUNS = WorkflowRun._meta.db_table
AT_ONCE = 100
IDLE = "(queued OR status IN ('pending', 'waiting', 'suspended', 'paused'))"

Expired = tuple[str, Event]


def overdue(connection: Connection, *, in_hand: Collection[str]) -> list[str]:
    """Runs whose deadline has passed, and that no execution here will end by itself."""
    rows = connection.execute(
        f"SELECT id FROM {RUNS} WHERE deadline_at <= %s AND ended_at IS NULL AND {IDLE} ORDER BY deadline_at LIMIT %s",  # noqa: S608
        (moment(time.time_ns() // 1_000_000), AT_ONCE),
    ).fetchall()
    return [run_id for (run_id,) in rows if run_id not in in_hand]


def expire(connection: Connection, run_ids: Collection[str]) -> list[Expired]:
    """Fail these runs, unless somebody has set them going meanwhile: each with its last event.

    The epoch grows: whoever should hold one of them after all writes nothing more.
    """
    expired = []
    for run_id in run_ids:
        row = connection.execute(
            f"SELECT epoch, last_seq, deadline_at, created_at FROM {RUNS} WHERE id = %s AND {IDLE}",  # noqa: S608
            (run_id,),
        ).fetchone()
        if row is not None:
            epoch, last_seq, deadline_at, created_at = row
            error = _deadline(connection, run_id, milliseconds(deadline_at), milliseconds(created_at)).error()
            event = _fail(connection, run_id, epoch, last_seq, error)
            if event is not None:
                expired.append((run_id, event))
    return expired


def _deadline(connection: Connection, run_id: str, at: int | None, created: int | None) -> Deadline:
    """The limit as the run's first event tells it; a run that was sent back to a step has a later moment."""
    first = select_events(connection.execute, run_id, limit=1)
    told = orjson.loads(first[0].data).get("deadline") if first else None
    return Deadline.from_json(told) if told else Deadline(at or 0, ((at or 0) - (created or 0)) / 1000, BY_START)


def _fail(connection: Connection, run_id: str, epoch: int, last_seq: int, error: dict[str, object]) -> Event | None:
    now = time.time_ns() // 1_000_000
    changed = connection.execute(
        f"UPDATE {RUNS} SET status = 'failed', queued = %s, epoch = epoch + 1, last_seq = %s, ended_at = %s,"  # noqa: S608
        " updated_at = %s, wake_at = NULL, detail = %s WHERE id = %s AND epoch = %s AND last_seq = %s",
        (False, last_seq + 1, moment(now), moment(now), str(error["message"])[:DETAIL_LENGTH], run_id, epoch, last_seq),
    ).rowcount
    if not changed:
        return None
    event = Event(last_seq + 1, EventType.RUN_FINISH.value, now, orjson.dumps({"status": "failed", "error": error}))
    connection.execute(INSERT_EVENT, (run_id, event.seq, event.type, event.at, event.data, None))
    return event
