"""Claims queued runs and hands each to the engine."""

import logging
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runs.engine import CancelToken, Workflow, execute
from runs.engine.errors import Fenced
from runs.engine.log.events import Event
from runs.engine.log.results import RunStatus
from runs.engine.walk.execution import OnAbandoned
from runs.store import claims, transitions
from runs.store.connection import Connection
from runs.store.database_store import DatabaseRunLog, DatabaseRunStore
from runs.store.event_rows import RUNS
from runs.store.history import select_events

from .admission import Candidate
from .crashes import NO_STEP, failed_steps

logger = logging.getLogger(__name__)

PARK_SECONDS = 1.0  # a run in which all sleep longer than this leaves memory, and is woken by the sweep
INTERRUPT_SECONDS = 0.05  # a canceled step may end by itself for so long; then it is interrupted

# Who works on a run, as its card tells.
WORKER = f"{socket.gethostname()}:{os.getpid()}"[:100]


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this process owns now, with everything that was committed of it."""

    run_id: str
    workflow_id: str
    version_id: int
    epoch: int
    last_seq: int
    cancel_requested: bool
    events: Sequence[Event]
    # The errors of steps that are not tried again, by path: the process ended too often while they were at work. None:
    # it never ended during this run.
    failed_steps: Mapping[str, dict[str, object]] | None = None


def claim(connection: Connection, candidates: Iterable[Candidate]) -> list[Claim]:
    """Take those of the runs that are still free: the only way a queued run comes to be executed.

    Of two processes that try it, one gets the row.
    """
    taken = []
    for candidate in candidates:
        row = claims.claim(connection, candidate.run_id, WORKER)
        if row is not None:
            epoch, last_seq, cancel_requested_at, crashes = row
            events = select_events(connection.execute, candidate.run_id)
            canceled = cancel_requested_at is not None
            taken.append(Claim(*candidate, epoch, last_seq, canceled, events, failed_steps(crashes)))
    return taken


def is_claimed(connection: Connection, taken: Sequence[Claim]) -> bool:
    """The witness of claim(): the first of the runs stands under the epoch that it was given."""
    if not taken:
        return False
    row = connection.execute(f"SELECT epoch FROM {RUNS} WHERE id = %s", (taken[0].run_id,)).fetchone()  # noqa: S608
    return row is not None and row[0] >= taken[0].epoch


async def execute_run(
    store: DatabaseRunStore,
    claim: Claim,
    workflow: Workflow,
    cancel: CancelToken,
    on_abandoned: OnAbandoned | None = None,
) -> None:
    """Continue a claimed run until it ends, waits, or belongs to somebody else. `on_abandoned`: as execute() has it.

    A canceled task leaves the run as it is, for whoever takes it next.
    """
    log = DatabaseRunLog(store.writer, claim.run_id, claim.epoch, claim.last_seq, status=RunStatus.RUNNING)
    if (error := (claim.failed_steps or {}).get(NO_STEP)) is not None:
        await fail(store, claim, error)
        return
    try:
        await execute(
            workflow,
            log,
            list(claim.events),
            cancel=cancel,
            park_after=PARK_SECONDS,
            interrupt_after=INTERRUPT_SECONDS,
            on_abandoned=on_abandoned,
            failed_steps=claim.failed_steps,
        )
    except Fenced:
        logger.info("Run %s has been taken over; nothing more is written here.", claim.run_id)
    except Exception as error:
        logger.exception("Run %s could not be continued.", claim.run_id)
        name = type(error).__name__
        await fail(store, claim, {"message": f"The run could not be continued: {error}", "name": name})


async def fail(store: DatabaseRunStore, claim: Claim, error: Mapping[str, object]) -> None:
    """End a run that cannot be continued at all, with the reason in its history; unless it has another owner by now."""

    def act(connection: Connection) -> transitions.Ends:
        return transitions.fail(connection, claim.run_id, claim.epoch, error)

    if not await store.writer.perform(act, transitions.is_stored):
        logger.info("Run %s has been taken over; it goes on elsewhere.", claim.run_id)
