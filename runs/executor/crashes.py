"""Counts how often the server process ended during a step, and finds the run that ends it.

A process that dies leaves no word of the cause: all runs that it worked on may be to blame. Each has a count, by step,
of the ends during which the step was at work without getting on (`WorkflowRun.crashes`). A run is failed for it only
when it was alone under suspicion: runs whose count is one short of the limit start one at a time, each with nothing
beside it for a while, longer after each further end. An innocent run is cleared by that, whatever else goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from runs.engine.log.events import Event, EventType
from runs.store.connection import Connection
from runs.store.event_rows import RUNS
from runs.store.history import select_events

ALONE_SECONDS = 2.0  # what a suspect has for itself after the first such end; twice as long after each further one
MOST_ALONE_SECONDS = 600.0
NO_STEP = ""  # the process ended between steps, as in a condition
_TYPES = [
    EventType.RUN_RESUME,
    EventType.RUN_RESTART,
    EventType.RUN_TIME_TRAVEL,
    EventType.STEP_START,
    EventType.STEP_RETRY,
    EventType.STEP_RESULT,
    EventType.STEP_SUSPENDED,
    EventType.STEP_WAITING,
]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A queued run during which the process has ended so often that it starts alone."""

    run_id: str
    workflow_id: str
    version_id: int
    crashes: Mapping[str, Any]
    alone_seconds: float


def count_crashes(connection: Connection, limit: int) -> None:
    """Count the end of the process for each run that it left in the middle. Before those are queued again."""
    rows = connection.execute(
        f"SELECT id, crashes FROM {RUNS} WHERE status = 'running' AND NOT queued AND worker <> ''"  # noqa: S608
    ).fetchall()
    known = {run_id: _loaded(text) for run_id, text in rows}
    alone = [run_id for run_id, crashes in known.items() if crashes.get("alone")]
    blamed = alone or list(known)
    for run_id, crashes in known.items():
        crashes.pop("alone", None)
        if run_id in blamed:
            crashes["steps"] = steps = _counted(connection, run_id, crashes.get("steps", {}))
            if len(blamed) == 1:
                crashes["failed"] = {path: count for path, (_, count) in steps.items() if count >= limit}
        _store(connection, run_id, crashes)


def suspects(connection: Connection, limit: int) -> list[Suspect]:
    """The queued runs that are to start alone, those that ended the process most often first."""
    rows = connection.execute(
        f"SELECT id, workflow_id, version_id, crashes FROM {RUNS} WHERE queued AND crashes IS NOT NULL"  # noqa: S608
    ).fetchall()
    found = []
    for run_id, workflow_id, version_id, text in rows:
        crashes = _loaded(text)
        beyond = _most(crashes) - max(1, limit - 1)
        if beyond >= 0 and not crashes.get("failed"):
            seconds = min(ALONE_SECONDS * 2 ** min(beyond, 16), MOST_ALONE_SECONDS)
            found.append(Suspect(run_id, workflow_id, version_id, crashes, seconds))
    return sorted(found, key=lambda suspect: -_most(suspect.crashes))


def mark_alone(connection: Connection, suspect: Suspect) -> None:
    """The run starts with nothing beside it: should the process end now, it was this run."""
    _store(connection, suspect.run_id, {**suspect.crashes, "alone": True})


def clear(connection: Connection, suspect: Suspect, *, ended: bool) -> None:
    """The process has outlived the run's time alone, or the run itself (`ended`)."""
    _store(connection, suspect.run_id, {} if ended else dict(suspect.crashes))


def failed_steps(text: object) -> dict[str, dict[str, object]] | None:
    """The errors, by path, of the steps that are not tried again; None: no process has ended during the run.

    `text`: the column of the run.
    """
    if text is None:
        return None
    return {path: _error(path, count) for path, count in _loaded(text).get("failed", {}).items()}


def _error(path: str, count: int) -> dict[str, object]:
    times = "once" if count == 1 else f"{count} times"
    during = f"while the step {path} was at work" if path else "after the last step of this run that had ended"
    message = (
        f"The server process ended {times} {during}, so it is not tried again. Something there ends the process: "
        "too much memory, a crash in native code, a call such as os._exit. Mend that, then run it again."
    )
    return {"message": message, "name": "ProcessEnded"}


def _counted(connection: Connection, run_id: str, before: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, int]]:
    """`{path: (since, count)}` of the steps at work. One that has got on since the last end begins anew with 1."""
    steps, last = at_work(select_events(connection.execute, run_id, types=_TYPES))
    # The start of a step is durable before its function only in a run that has been interrupted: see execute().
    unseen = before.get(NO_STEP, (-1, 0))
    inherited = unseen[1] if unseen[0] == last else 0
    counted = {}
    for path, since in steps.items():
        known = before.get(path)
        counted[path] = (since, 1 + (known[1] if known is not None and known[0] == since else inherited))
    return counted


def at_work(events: Sequence[Event]) -> tuple[dict[str, int], int]:
    """The innermost steps that have begun and not ended, by path, each with the event that it stands at since; and the
    last event that brought the run on.

    NO_STEP, with that last event, stands for the graph between two steps, such as a condition.
    """
    begun: dict[str, int] = {}
    owners: dict[str, str] = {}
    wholes: set[str] = set()  # foreachs and nested workflows: what is at work is inside them, or between two steps
    last = 0
    for event in events:
        data = orjson.loads(event.data)
        path = str(data.get("id", ""))
        if event.type == EventType.STEP_START:
            if not (data.get("again") and path in begun):
                begun[path] = event.seq
            owners[path] = str(data.get("in", ""))
            if "totalCount" in data or "nested" in data:
                wholes.add(path)
        elif event.type == EventType.STEP_WAITING:
            begun.pop(path, None)
            if data.get("wakeAt") is None:
                begun[path] = event.seq
        elif event.type == EventType.STEP_RETRY:
            begun[path] = last = event.seq
        else:
            begun.pop(path, None)
            if not path:
                begun.clear()
            last = event.seq
    busy = {owners.get(path, "") for path in begun}
    innermost = begun.keys() - busy
    found = {path: begun[path] for path in innermost - wholes}
    if innermost & wholes or not found:
        found[NO_STEP] = last
    return found, last


def _most(crashes: Mapping[str, Any]) -> int:
    return max((count for _, count in crashes.get("steps", {}).values()), default=0)


def _loaded(text: object) -> dict[str, Any]:
    """The column's value; PostgreSQL gives it decoded."""
    if isinstance(text, str | bytes):
        text = orjson.loads(text)
    return dict(text) if isinstance(text, dict) else {}


def _store(connection: Connection, run_id: str, crashes: Mapping[str, Any]) -> None:
    text = orjson.dumps(crashes).decode() if crashes else None
    connection.execute(f"UPDATE {RUNS} SET crashes = %s WHERE id = %s", (text, run_id))  # noqa: S608
