"""The executor inside the web server: one thread with an event loop of its own, in which every run is a task.

Of the servers on one data folder one leads and executes; the others serve pages, look every second whether the leader
is gone, and then take over. A leader begins by queueing whatever its predecessor left in the middle.
"""

import asyncio
import atexit
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db import connections

from runs.catalog.definitions import refresh_definitions
from runs.catalog.missing_code import missing_code
from runs.catalog.registry import register_versions, registry, runnable
from runs.engine import CancelToken, Workflow
from runs.models import WorkflowRun, WorkflowVersion
from runs.retention.retention import RetentionSweep
from runs.store.background import Background
from runs.store.checkpoints import Checkpoints
from runs.store.claims import release, release_all, wake
from runs.store.connection import Connection, connect, is_database_error
from runs.store.database_store import DatabaseRunStore
from runs.store.transitions import is_stored, who_cancels

from .abandoned_threads import AbandonedThreads, forget_abandoned_threads
from .admission import Candidate, admit
from .crashes import mark_alone
from .deadlines import expire, overdue
from .event_loop import run_until_done
from .execute import WORKER, Claim, claim, execute_run, is_claimed
from .leadership import leadership
from .quarantine import Quarantine
from .recovery import close_spans, due_sleepers, requeue_orphans, to_cancel
from .stuck_runs import end_stuck_runs

logger = logging.getLogger(__name__)

T = TypeVar("T")

DETAIL_LENGTH = WorkflowRun._meta.get_field("detail").max_length
SWEEP_SECONDS = 0.25  # sleepers that are due, runs that another process has queued or canceled
BEAT_SECONDS = 1.0
TAKE_OVER_SECONDS = 1.0
HUNG_SECONDS = 10.0
STOP_SECONDS = 2.0  # for steps to notice that their task was canceled


@dataclass(slots=True, eq=False)
class Execution:
    """A run that is being executed."""

    claim: Claim
    cancel: CancelToken
    task: asyncio.Task[None] | None = None
    stopping_since: float | None = None


class EmbeddedExecutor:
    """Executes runs until it is stopped. `start()` and `stop()` once each; poke() and cancel() from any thread."""

    def __init__(self, *, on_death: Callable[[str], None] | None = None) -> None:
        """`on_death`: called in the executor's thread, with the reason, when that ends although nobody stopped it."""
        self.leads = False
        self.problem = ""  # why this process cannot execute runs at all
        self._on_death = on_death
        self.beat_at = 0.0  # epoch seconds
        self._leadership = leadership()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._live, name="executor", daemon=True)
        self._executions: dict[str, Execution] = {}
        self._not_ours: set[int] = set()  # versions that this process cannot run
        self._workflows: dict[int, Workflow] = {}  # by version
        self._more = False  # whether runs were left in the queue for want of room
        self._store: DatabaseRunStore | None = None
        self._lingering: AbandonedThreads | None = None
        self._models: Background | None = None
        self._quarantine: Quarantine | None = None
        self._begun = False  # whether what the last leader left is queued

    # --- From any thread ---

    def start(self) -> None:
        """Begin, without waiting. Raises ImproperlyConfigured when the workflows cannot be loaded."""
        registry()
        self._thread.start()
        atexit.register(self.stop)
        if "daphne.server" in sys.modules:  # importing Twisted's reactor elsewhere would install one
            from twisted.internet import reactor, threads

            reactor.addSystemEventTrigger("before", "shutdown", lambda: threads.deferToThread(self.stop))

    def stop(self) -> None:
        """Give all runs back at their last committed step, and end. Waits until that is done; never for a step."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._call(self._wake.set)
        if not self._stopped.wait(STOP_SECONDS + 6):
            self._release_all()  # a step blocks the loop; this end of the process is no crash

    def poke(self) -> None:
        """Look for work now. Called after the commit that queued it."""
        self._call(self._wake.set)

    def cancel(self, run_id: str, by: str) -> None:
        """Stop a run that is executed here, if there is one; also while a step blocks the loop."""
        execution = self._executions.get(run_id)
        if execution is not None:
            execution.cancel.cancel_threadsafe(by or None)

    def perform(self, act: Callable[[Connection], T]) -> "Future[T] | None":
        """Have an act carried out with the executor's next commit. None: this process does not execute runs now."""
        loop, store = self._loop, self._store
        if loop is None or store is None or not self.leads:
            return None
        work = store.writer.perform(act)
        try:
            return asyncio.run_coroutine_threadsafe(work, loop)
        except RuntimeError:  # it has just ended
            work.close()
            return None

    @property
    def trouble(self) -> str:
        """Why runs do not go on just now, in one sentence; empty: they do."""
        if self.problem:
            return self.problem
        if self.leads and time.time() - self.beat_at > HUNG_SECONDS:
            return "The executor does not answer: a step blocks its event loop."
        store = self._store
        return store.writer.trouble if store is not None else ""

    @property
    def running(self) -> int:
        return len(self._executions)

    def _call(self, function, *values: object) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(function, *values)

    # --- The thread ---

    def _live(self) -> None:
        try:
            self._register()
            while not self._stopping.is_set():
                if self._take():
                    self._lead()
                else:
                    self._stopping.wait(TAKE_OVER_SECONDS)
        except BaseException as error:  # whatever it is: without this thread nothing executes runs
            self.problem = f"The executor has ended: {type(error).__name__}."
            logger.critical("The executor has ended.", exc_info=error)
            self._release_all()
        finally:
            self.leads = False
            self._leadership.release()
            self._stopped.set()
        if self.problem and self._on_death is not None:
            self._on_death(self.problem)

    def _release_all(self) -> None:
        """Give back all runs by a connection of its own. From any thread, when the loop cannot do it."""
        try:
            with closing(connect()) as connection:
                release_all(connection, WORKER)
        except Exception as error:
            logger.warning("The runs of this server were not given back: %s", error)

    def _register(self) -> None:
        """Bring the definitions up to date, however long the database takes to be ready."""
        while not self._stopping.is_set():
            try:
                register_versions()
                refresh_definitions()
                return
            except Exception as error:
                cause = error.__cause__ or error
                if not is_database_error(cause) and not is_database_error(error):
                    raise
                logger.warning("The workflows are registered as soon as the database takes writes: %s", error)
                self._stopping.wait(1.0)
            finally:
                connections.close_all()

    def _take(self) -> bool:
        try:
            return self._leadership.take()
        except Exception as error:
            if not is_database_error(error) and not isinstance(error, OSError):
                raise
            logger.warning("Who leads cannot be told now: %s", error)
            return False

    def _lead(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        checkpoints = None if settings.ON_POSTGRESQL else Checkpoints()
        retention = RetentionSweep()
        try:
            self._wake = asyncio.Event()
            self._store = DatabaseRunStore()
            self._lingering = AbandonedThreads(self._store.writer, WORKER)
            self._loop = loop
            if checkpoints is not None:
                checkpoints.start()
            retention.start()
            self._quarantine = Quarantine(self._store, self._executions)
            self._begun = False
            run_until_done(loop, self._work, self._stopping.is_set)
        finally:
            self.leads = False
            self._loop = None
            retention.stop()
            if checkpoints is not None:
                checkpoints.stop()
            self._store.close()
            self._store = None
            self._executions.clear()
            self._leadership.release()
            asyncio.set_event_loop(None)
            loop.close()

    async def _work(self) -> None:
        beat_at = sweep_at = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                if loop.time() - beat_at >= BEAT_SECONDS:
                    if not self._leadership.beat():
                        logger.warning("The lead is lost; another server may take over.")
                        break
                    beat_at = loop.time()
                    self.beat_at = time.time()
                if not self._begun:
                    await self._begin()
                    self._begun = True
                if loop.time() - sweep_at >= SWEEP_SECONDS:
                    await self._sweep()
                    sweep_at = loop.time()
                while await self._start_some():
                    pass
            except Exception as error:
                if not is_database_error(error):
                    logger.exception("The executor's round failed; it is tried again.")
                await asyncio.sleep(SWEEP_SECONDS)
            await self._pause()
        await self._drain()

    async def _pause(self) -> None:
        """Until there is something to do, or it is time to look."""
        if not self._wake.is_set():
            timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._wake.set)
            await self._wake.wait()
            timer.cancel()

    async def _begin(self) -> None:
        orphans = await self._store.writer.perform(requeue_orphans)
        await self._store.writer.perform(forget_abandoned_threads)
        await self._store.writer.perform(close_spans)
        await self._quarantine.load()
        if orphans:
            logger.info("Runs that were left in the middle and go on now: %d", orphans)
        self.leads = True

    async def _sweep(self) -> None:
        if due := await self._store.read(lambda connection: due_sleepers(connection, in_hand=self._executions)):
            await self._store.writer.perform(lambda connection: wake(connection, due))
        if late := await self._store.read(lambda connection: overdue(connection, in_hand=self._executions)):
            await self._store.writer.perform(lambda connection: expire(connection, late), is_stored)
        for run_id in await self._store.read(to_cancel):
            execution = self._executions.get(run_id)
            if execution is not None and not execution.cancel.canceled:
                by = await self._store.read(lambda connection, run_id=run_id: who_cancels(connection, run_id))
                self._cancel(run_id, by or "")
        for run_id in await end_stuck_runs(self._store, self._executions):
            self._executions.pop(run_id, None)

    # --- Runs ---

    async def _start_some(self) -> bool:
        """Claim and begin what may run now. Whether there may be more."""
        slots = settings.CONCURRENCY - len(self._executions)
        self._more = slots <= 0
        if self._more or self._stopping.is_set():
            return False
        if not self._quarantine.is_empty:
            return await self._start_alone()
        running = Counter(execution.claim.workflow_id for execution in self._executions.values())
        candidates = await self._store.read(
            lambda connection: admit(connection, slots=slots, running=running, without_versions=sorted(self._not_ours))
        )
        candidates = [each for each in candidates if each.run_id not in self._executions]
        unknown = await self._find_workflows(candidates)
        ours = [each for each in candidates if each.version_id in self._workflows]
        if ours:
            for each in await self._store.writer.perform(lambda connection: claim(connection, ours), is_claimed):
                self._begin_run(each)
        self._more = len(candidates) == slots
        return self._more or bool(unknown & self._not_ours)

    async def _find_workflows(self, candidates: Iterable[Candidate]) -> set[int]:
        """Find the workflows of the candidates' versions. The versions that were not known before."""
        unknown = {each.version_id for each in candidates} - self._workflows.keys()
        if unknown:
            self._models = self._models or Background("executor-models")
            await self._models.ask(lambda: self._learn(unknown))
        return unknown

    async def _start_alone(self) -> bool:
        """Begin the next run that may end the process. Whether there may be more to begin."""
        suspect = await self._quarantine.next()
        if suspect is None:
            return self._quarantine.is_empty
        candidate = Candidate(suspect.run_id, suspect.workflow_id, suspect.version_id)
        await self._find_workflows([candidate])
        if candidate.version_id not in self._workflows:
            return True

        def take(connection: Connection) -> list[Claim]:
            claims = claim(connection, [candidate])
            if claims:
                mark_alone(connection, suspect)
            return claims

        for each in await self._store.writer.perform(take, is_claimed):
            self._quarantine.begun(suspect)
            self._begin_run(each)
        return True

    def _learn(self, version_ids: set[int]) -> None:
        """Find the workflows of these versions. In a thread: it reads by the models."""
        try:
            for version in WorkflowVersion.objects.filter(pk__in=version_ids):
                workflow = runnable(version)
                if workflow is not None:
                    self._workflows[version.pk] = workflow
                    continue
                self._not_ours.add(version.pk)
                WorkflowRun.objects.ready().filter(version=version).update(detail=missing_code(version)[:DETAIL_LENGTH])
        finally:
            connections.close_all()

    def _begin_run(self, claimed: Claim) -> None:
        execution = Execution(claimed, CancelToken())
        self._executions[claimed.run_id] = execution
        loop = asyncio.get_running_loop()
        execution.task = loop.create_task(self._execute(execution), name=f"run {claimed.run_id}")

    async def _execute(self, execution: Execution) -> None:
        claimed = execution.claim
        try:
            if claimed.cancel_requested:
                by = await self._store.read(lambda connection: who_cancels(connection, claimed.run_id))
                execution.cancel.cancel(by=by)
            left = self._lingering.of_run(claimed.run_id)
            await execute_run(self._store, claimed, self._workflows[claimed.version_id], execution.cancel, left)
        except Exception:
            logger.exception("Run %s is left as it is; it goes on after the next start.", claimed.run_id)
        finally:
            if self._executions.get(claimed.run_id) is execution:
                del self._executions[claimed.run_id]
            if self._more or not self._quarantine.is_empty:
                self._wake.set()

    def _cancel(self, run_id: str, by: str) -> None:
        execution = self._executions.get(run_id)
        if execution is not None:
            execution.cancel.cancel(by=by or None)

    async def _drain(self) -> None:
        """Stop all runs where they are, and give them back."""
        executions = list(self._executions.values())
        for execution in executions:
            execution.task.cancel()
        if executions:
            await asyncio.wait([execution.task for execution in executions], timeout=STOP_SECONDS)
        held = [(execution.claim.run_id, execution.claim.epoch) for execution in executions]
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._store.writer.perform(lambda connection: release(connection, held))
        except TimeoutError:
            logger.warning("The runs of this server go on as soon as the next one starts.")
