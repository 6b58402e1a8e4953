"""The port between whoever starts or cancels runs and whoever executes them."""

import sys
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from runs.models import Actor, WorkflowRun
from runs.step_logs.run_logs import capture
from runs.store import transitions
from runs.store.announcements import on_queued

from .embedded import EmbeddedExecutor
from .leadership import FRESH_SECONDS, heard_of_leader, last_seen
from .process_end import end_process

MOST_COUNTED = 10_000

_executor: EmbeddedExecutor | None = None
_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class ExecutorState:
    """Who executes runs, and how much there is to do."""

    kind: str  # "embedded" or "workers"
    alive: bool
    workers: int  # processes
    running: int
    queued: int  # at most MOST_COUNTED
    oldest_queued_seconds: float | None
    last_heartbeat: float | None  # epoch seconds; also of an executor that is gone
    trouble: str = ""  # one sentence: why runs do not go on just now


def start_executor() -> None:
    """Begin to execute runs in this process, if the settings say so. Servers call it once; it does not wait.

    Ends the process with one line when the workflows cannot be loaded.
    """
    global _executor
    with _starting:
        if _executor is not None or settings.EXECUTOR != "embedded":
            return
        executor = EmbeddedExecutor(on_death=end_process)
        try:
            executor.start()
        except ImproperlyConfigured as error:
            sys.stderr.write(f"wfconsole: {error}\n")
            raise SystemExit(78) from None  # EX_CONFIG
        capture(executor)  # only now: the workflows' own loggers are known
        _executor = executor


def executor_here() -> EmbeddedExecutor | None:
    """The executor of this process."""
    return _executor


def executor_death() -> str:
    """Why this process's executor has ended, in one sentence; empty: it has not."""
    return _executor.problem if _executor is not None else ""


def executes_here() -> bool:
    """Whether this process's executor is at work."""
    return _executor is not None and _executor.leads


def _poke() -> None:
    # Without an executor in this process the run waits for the sweep of the one that leads.
    if _executor is not None:
        _executor.poke()


on_queued(_poke)


def cancel(run_id: str, *, actor: Actor) -> bool:
    """Cancel a run. False: it has ended already, or there is none.

    A run that nobody works on is canceled at once, executor or not. One that is being executed is canceled by its
    executor: the request stands on its card until then.
    """
    done = transitions.cancel(run_id, actor=actor)
    if done is transitions.Canceled.REFUSED:
        return False
    transaction.on_commit(lambda: _stop(run_id, actor.label))
    return True


def _stop(run_id: str, by: str) -> None:
    if _executor is not None:
        _executor.cancel(run_id, by)


def executor_is_alive() -> bool:
    """Whether an executor of this console is at work: all of executor_state() that each page shows."""
    return _is_alive(_heard())


def executor_state() -> ExecutorState:
    """How execution stands: for pages, and for machines that ask whether the console is ready."""
    ready = WorkflowRun.objects.ready()
    oldest = ready.aggregate(oldest=Min("updated_at"))["oldest"]
    heard = _heard()
    alive = _is_alive(heard)
    return ExecutorState(
        kind="embedded",
        alive=alive,
        workers=1 if alive else 0,
        running=WorkflowRun.objects.in_hand()[:MOST_COUNTED].count(),
        queued=ready[:MOST_COUNTED].count(),
        oldest_queued_seconds=(timezone.now() - oldest).total_seconds() if oldest else None,
        last_heartbeat=heard or last_seen(),
        trouble=_trouble(),
    )


def _heard() -> float | None:
    """When the executor that leads was last heard of, here or in another process; epoch seconds."""
    return _executor.beat_at if _executor is not None and _executor.leads else heard_of_leader()


def _trouble() -> str:
    return _executor.trouble if _executor is not None else ""


def _is_alive(heard: float | None) -> bool:
    return heard is not None and time.time() - heard < FRESH_SECONDS and not _trouble()
