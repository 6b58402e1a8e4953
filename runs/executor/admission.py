"""Which run may start next: priority first, then the workflow that is served least, then the oldest.

Embedded executor and workers ask the same question, so both behave alike.
"""

import heapq
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from runs.models import WorkflowDefinition, WorkflowRun
from runs.store.connection import Connection

RUNS = WorkflowRun._meta.db_table
DEFINITIONS = WorkflowDefinition._meta.db_table

# Jumps from workflow to workflow along the index of the queue: as many steps as there are workflows with queued runs,
# however long the queue is.
QUEUED_WORKFLOWS = f"""
WITH RECURSIVE queued(workflow_id) AS (
    SELECT min(workflow_id) FROM {RUNS} WHERE queued
    UNION ALL
    SELECT (SELECT min(run.workflow_id) FROM {RUNS} AS run WHERE run.queued AND run.workflow_id > queued.workflow_id)
    FROM queued WHERE queued.workflow_id IS NOT NULL
)
SELECT definition.id, definition.concurrency FROM queued
JOIN {DEFINITIONS} AS definition ON definition.id = queued.workflow_id
"""  # noqa: S608


class Candidate(NamedTuple):
    """A queued run that may be claimed."""

    run_id: str
    workflow_id: str
    version_id: int


def admit(
    connection: Connection,
    *,
    slots: int,
    running: Mapping[str, int],
    without_versions: Collection[int] = (),
) -> list[Candidate]:
    """At most `slots` runs, in the order in which they shall be claimed.

    `running`: how many runs of each workflow are being executed now. `without_versions`: those that nobody here can
    run.
    """
    queues: list[tuple[int, int, datetime, str, Sequence[tuple]]] = []
    for workflow_id, limit in connection.execute(QUEUED_WORKFLOWS).fetchall():
        served = running.get(workflow_id, 0)
        room = slots if limit is None else min(slots, limit - served)
        if room > 0 and (rows := _oldest(connection, workflow_id, room, without_versions)):
            heapq.heappush(queues, _turn(workflow_id, served, rows))
    admitted: list[Candidate] = []
    while queues and len(admitted) < slots:
        _, served, _, workflow_id, waiting = heapq.heappop(queues)
        run_id, version_id, _, _ = waiting[0]
        admitted.append(Candidate(run_id, workflow_id, version_id))
        if len(waiting) > 1:
            heapq.heappush(queues, _turn(workflow_id, served + 1, waiting[1:]))
    return admitted


def _turn(workflow_id: str, served: int, rows: Sequence[tuple]) -> tuple[int, int, datetime, str, Sequence[tuple]]:
    """When it is this workflow's turn, compared with the others."""
    _, _, priority, created = rows[0]
    return (-priority, served, created, workflow_id, rows)


def _oldest(connection: Connection, workflow_id: str, room: int, without: Collection[int]) -> list[tuple]:
    excluded = f" AND version_id NOT IN ({', '.join(['%s'] * len(without))})" if without else ""
    return connection.execute(
        f"SELECT id, version_id, priority, created_at FROM {RUNS} WHERE queued AND workflow_id = %s{excluded}"  # noqa: S608
        " ORDER BY priority DESC, created_at LIMIT %s",
        (workflow_id, *without, room),
    ).fetchall()
