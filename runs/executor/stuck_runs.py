"""Ends runs whose steps ignore that their run was canceled, or is out of time.

Python can end no coroutine that swallows each CancelledError. The run is ended without it, under a new epoch: what the
step writes later is refused, as that of any execution whose run has another owner.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from runs.engine import CancelToken
from runs.store import transitions
from runs.store.connection import Connection
from runs.store.database_store import DatabaseRunStore

from .execute import Claim

logger = logging.getLogger(__name__)

STOP_SECONDS = 5.0  # from the request to stop until the run is ended without its step


class StoppingRun(Protocol):
    """A run that is executed, as the executor holds it."""

    claim: Claim
    cancel: CancelToken
    task: "asyncio.Task[None] | None"
    stopping_since: float | None  # by the clock of the loop; None: it was not asked to stop


async def end_stuck_runs(store: DatabaseRunStore, executions: Mapping[str, StoppingRun]) -> list[str]:
    """End the runs whose steps have not stopped in time, and return their ids. To be called again and again."""
    now = asyncio.get_running_loop().time()
    stuck = []
    for execution in executions.values():
        if not execution.cancel.aborted:
            continue
        if execution.stopping_since is None:
            execution.stopping_since = now
        elif now - execution.stopping_since >= STOP_SECONDS:
            stuck.append(execution)
    for execution in stuck:
        logger.warning("Run %s is ended without its step, which ignores that it is to stop.", execution.claim.run_id)
        await _end(store, execution)
        if execution.task is not None:
            execution.task.cancel()  # what waits in a callback or a condition was not interrupted before
    return [execution.claim.run_id for execution in stuck]


async def _end(store: DatabaseRunStore, execution: StoppingRun) -> None:
    run_id, epoch, cancel = execution.claim.run_id, execution.claim.epoch, execution.cancel
    error = cancel.expired

    def act(connection: Connection) -> transitions.Ends:
        if error is not None:
            return transitions.fail(connection, run_id, epoch, error)
        return transitions.cancel_held(connection, run_id, epoch, cancel.by)

    await store.writer.perform(act, transitions.is_stored)
