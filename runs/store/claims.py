"""Who owns a run: claims of executors and of programs, what goes back into the queue, and who wakes.

An owner holds a run under its epoch: each claim raises it, and each write names it (transitions.py).
"""

from collections.abc import Callable, Collection, Iterable

import orjson

from runs.engine.data.clock import now_ms
from runs.engine.log.results import RunStatus
from runs.engine.log.store import RunCard

from .connection import Unit, moment
from .event_rows import RUNS
from .row_values import store_tags
from .transitions import CLEARED


def claim(unit: Unit, run_id: str, worker: str) -> tuple[int, int, object, object] | None:
    """Take a queued run: its new epoch, the seq of its last event, when its cancel was requested, and its
    crashes (crashes.py). None: of two executors the other one has it."""
    return unit.execute(
        f"UPDATE {RUNS} SET epoch = epoch + 1, queued = %s, status = 'running', worker = %s, updated_at = %s"  # noqa: S608
        " WHERE id = %s AND queued RETURNING epoch, last_seq, cancel_requested_at, crashes",
        (False, worker, moment(now_ms()), run_id),
    ).fetchone()


def requeue_orphans(unit: Unit) -> int:
    """Queue every run that an executor left in the middle. For the one that alone executes runs, before it begins.

    Runs without a worker's name belong to programs that use the engine with this database; they stay as they are.
    """
    return unit.execute(
        f"UPDATE {RUNS} SET queued = %s WHERE status = 'running' AND NOT queued AND worker <> ''",  # noqa: S608
        (True,),
    ).rowcount


def release_all(unit: Unit, worker: str) -> None:
    """Queue whatever a worker holds. For one that executes nothing any more, or is about to end."""
    unit.execute(
        f"UPDATE {RUNS} SET queued = %s WHERE status = 'running' AND NOT queued AND worker = %s",  # noqa: S608
        (True, worker),
    )


def release(unit: Unit, claims: Iterable[tuple[str, int]]) -> None:
    """Queue runs that this process still holds, (id, epoch) each, for the next executor."""
    for run_id, epoch in claims:
        unit.execute(
            f"UPDATE {RUNS} SET queued = %s WHERE id = %s AND epoch = %s AND status IN ('running', 'waiting')",  # noqa: S608
            (True, run_id, epoch),
        )


def wake(unit: Unit, run_ids: Iterable[str]) -> None:
    """Queue runs whose time has come, unless they were canceled or queued meanwhile."""
    for run_id in run_ids:
        unit.execute(
            f"UPDATE {RUNS} SET queued = %s WHERE id = %s AND NOT queued AND wake_at IS NOT NULL"  # noqa: S608
            " AND status IN ('pending', 'waiting')",
            (True, run_id),
        )


# --- The engine's own Run on the database store -----------------------------------------------------

CARD = "id, workflow_id, status, created_at, updated_at, resource_id, epoch, last_seq, tags, wake_at, detail"
INSERT_RUN = (
    f"INSERT INTO {RUNS} ({CARD}, version_id, queued, priority, worker, actor_label, trace_id, span_id, origin_step)"  # noqa: S608
    f" VALUES ({'%s, ' * 13}0, '', '', '', '', '') ON CONFLICT DO NOTHING"
)


def insert(unit: Unit, card: RunCard, version_id: int) -> bool:
    """Store a run that a program executes itself. False: the id is in use."""
    made, updated, tags = moment(card.created_at), moment(card.updated_at), orjson.dumps(card.tags).decode()
    values: tuple[object, ...] = (
        card.run_id,
        card.workflow_id,
        str.__str__(card.status),
        made,
        updated,
        card.resource_id or "",
    )
    values += (card.epoch, card.last_seq, tags, moment(card.wake_at), card.detail, version_id, False)
    if unit.execute(INSERT_RUN, values).rowcount == 0:
        return False
    store_tags(unit, card.run_id, card.tags)
    return True


def take(unit: Unit, run_id: str, expected: Collection[RunStatus], status: RunStatus | None) -> tuple[int, int] | None:
    """Take a run in one of the `expected` states: its new epoch, and the seq of its last event. None: it is in another.

    With status `running` it is set going again: what its last stop has left on the row goes.
    """
    words = [str.__str__(word) for word in expected]
    sets: dict[str, object] = {"queued": False, "updated_at": moment(now_ms())}
    if status is not None:
        sets["status"] = str.__str__(status)
    if status is RunStatus.RUNNING:
        sets |= CLEARED
    row = unit.execute(
        f"UPDATE {RUNS} SET epoch = epoch + 1, {', '.join(f'{each} = %s' for each in sets)} WHERE id = %s"  # noqa: S608
        f" AND status IN ({', '.join(['%s'] * len(words))}) RETURNING epoch, last_seq",
        [*sets.values(), run_id, *words],
    ).fetchone()
    return (row[0], row[1]) if row else None


def holds_epoch(run_id: str) -> Callable[[Unit, "tuple[int, ...] | None"], bool]:
    """The witness of a claim: the run has the epoch that the claim gave, or a later one."""

    def holds(unit: Unit, taken: "tuple[int, ...] | None") -> bool:
        if taken is None:
            return False
        row = unit.execute(f"SELECT epoch FROM {RUNS} WHERE id = %s", (run_id,)).fetchone()  # noqa: S608
        return row is not None and row[0] >= taken[0]

    return holds
