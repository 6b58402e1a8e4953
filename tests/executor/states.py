"""Runs in each state, made as the product makes them; an execution runs in the calling thread, without an executor."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from runs.actions.restart import make_run
from runs.actions.resume import Answer, resume_run
from runs.actions.start import StartRequest, start_run
from runs.catalog.registry import runnable
from runs.engine import CancelToken
from runs.executor import dispatch, execute
from runs.models import Actor, WorkflowRun
from runs.store.connection import Connection
from runs.store.database_store import DatabaseRunStore

T = TypeVar("T")
MAKER = Actor("maker")


def perform(act: Callable[[Connection], T], was_applied: Callable[[Connection, T], bool] | None = None) -> T:
    """Carry out an act by a writer of its own."""

    async def work() -> T:
        store = DatabaseRunStore()
        try:
            return await store.writer.perform(act, was_applied)
        finally:
            store.close()

    return asyncio.run(work())


def claimed(run: WorkflowRun) -> execute.Claim:
    """Take a queued run, as an executor does."""
    candidate = (run.pk, run.workflow_id, run.version_id)
    (claim,) = perform(lambda connection: execute.claim(connection, [execute.Candidate(*candidate)]))
    return claim


def executed(run: WorkflowRun) -> WorkflowRun:
    """Take a queued run, and execute it until it stops."""
    claim, workflow = claimed(run), runnable(run.version)

    async def work() -> None:
        store = DatabaseRunStore()
        try:
            await execute.execute_run(store, claim, workflow, CancelToken())
        finally:
            store.close()

    asyncio.run(work())
    return run


def turned(to: str, **options: object) -> WorkflowRun:
    options = {"workflow_id": "turning", "input": {"to": to}, "time_limit": 7200, **options}
    return start_run(StartRequest(**options), actor=MAKER)


def canceled() -> WorkflowRun:
    run = turned("success")
    dispatch.cancel(run.pk, actor=MAKER)
    return run


def answered() -> WorkflowRun:
    run = executed(turned("suspended"))
    resume_run(Answer(run_id=run.pk, data={}), actor=MAKER)
    return run


def running() -> WorkflowRun:
    run = turned("success")
    claimed(run)
    return run


# By name: how a run comes into the state.
STATES: dict[str, Callable[[], WorkflowRun]] = {
    "made": lambda: make_run("turning", actor=MAKER),
    "scheduled": lambda: turned("success", start_at=datetime.now(UTC) + timedelta(hours=1)),
    "queued": lambda: turned("success"),
    "running": running,
    "answered": answered,  # running, and queued to go on
    "waiting": lambda: executed(turned("waiting")),
    "suspended": lambda: executed(turned("suspended")),
    "paused": lambda: executed(turned("success", per_step=True)),
    "success": lambda: executed(turned("success")),
    "failed": lambda: executed(turned("failed")),
    "tripwire": lambda: executed(turned("tripwire")),
    "canceled": canceled,
}
STATUS_OF = {"made": "pending", "scheduled": "pending", "queued": "pending", "answered": "running"}
