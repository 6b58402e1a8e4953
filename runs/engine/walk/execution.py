"""One execution of a run: its log, its watchers, its sleeps, and its cancellation."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from ..data.failures import log_failure
from ..data.json_value import encode
from ..data.request_context import RequestContext
from ..data.undefined import UNSET
from ..data.user_code import call_plain
from ..errors import NotJson
from ..graph.graph import Graph
from ..log.events import EventType
from ..log.records import RunSnapshot, StepRecord
from ..log.results import RunStatus
from ..log.snapshot import apply
from ..log.store import CardChange, RunLog, now_ms
from ..log.watch_events import watch_events
from ..redaction.redactor import Redactor
from ..trace.tracing import NO_SPAN, TraceSpan, Tracing, TracingContext
from ..trace.values import INLINE_BYTES, Value
from .cancellation import CancelToken
from .position import AttemptOutcome, Start, StepPosition
from .threads import ThreadCall
from .writer import DONE

logger = logging.getLogger("wfconsole.engine")

BACKLOG_BYTES = 256 * 1024  # so much may be written before a step has to wait for the commit
CHUNK_OVERHEAD = 100  # bytes that a chunk costs beside its value

Watcher = Callable[[dict[str, object]], object]
OutputWriter = Callable[[Any], object]
# Called with the path of a step whose function goes on in a thread; returns what to call when the function has ended.
OnAbandoned = Callable[[str], Callable[[], None]]
# Walks a nested workflow as a step: how it ended. Raises StepFailed.
NestedWalk = Callable[["Execution", StepPosition, StepRecord, Start], Awaitable[AttemptOutcome]]
EXPIRY_SECONDS = 0.05  # the grace of steps whose run is out of time, where a cancel would wait for them


class Parked(BaseException):
    """All that is left of the run sleeps for long; the task ends and the run is continued from its log."""


class Interrupted(Exception):
    """A step did not end within its grace after the run was canceled."""


class Execution:
    """Owns the log of a run while it is executed. One for each task; used on that task's event loop alone."""

    walk_nested: NestedWalk  # set by run(): a step that is a workflow walks its graph by it

    def __init__(
        self,
        workflow: Graph,
        log: RunLog,
        snapshot: RunSnapshot,
        *,
        cancel: CancelToken | None = None,
        tracing: Tracing | None = None,
        tracing_context: TracingContext | None = None,
        request_context: RequestContext | None = None,
        output_writer: OutputWriter | None = None,
        watchers: list[Watcher] | None = None,
        park_after: float | None = None,
        interrupt_after: float | None = None,
        on_abandoned: OnAbandoned | None = None,
    ) -> None:
        self.workflow = workflow
        self.log = log
        self.snapshot = snapshot
        self.cancel = cancel if cancel is not None else CancelToken()
        self.tracing = tracing if tracing is not None else workflow.tracing
        self.tracing_context = tracing_context
        self.request_context = request_context if request_context is not None else RequestContext()
        if self.request_context is not request_context or not self.request_context:
            self.request_context.update(snapshot.request_context)
        self.output_writer = output_writer
        self.watchers = watchers if watchers is not None else []
        self.park_after = park_after
        self.interrupt_after = interrupt_after
        self._on_abandoned = on_abandoned
        self.failed_steps: Mapping[str, dict[str, object]] = {}  # see execute()
        self.commits_starts = False
        self.loop = asyncio.get_running_loop()
        self.cancel.bind(self.loop)
        self.span: TraceSpan = NO_SPAN
        self._redactor: Redactor | None = None
        self.strands = 1  # what goes on at the same time: members of blocks, items
        self._sleepers: dict[asyncio.Future[None], tuple[int, str]] = {}
        self._function_tasks: set[asyncio.Task[Any]] = set()
        self._interrupted: set[asyncio.Task[Any]] = set()
        self._backlog = 0
        self._context_text = encode(self.request_context.to_dict()) if self.request_context else b"{}"
        self._context_new: bytes | None = None
        self._first: CardChange | None = {"status": RunStatus.RUNNING}
        self._card_status = RunStatus.RUNNING

    @property
    def redactor(self) -> Redactor:
        """Redacts what is known to be secret in this run."""
        if self._redactor is None:
            snapshot = self.snapshot
            given = self.span.trace.redactor if self.span is not NO_SPAN else None
            self._redactor = given if given is not None else self.workflow.redactor.fork((snapshot.run_id,))
            self._redactor.learn_run(snapshot.input, self.request_context.to_dict(), snapshot.state)
            if (given_input := snapshot.scopes[""].given) is not UNSET:
                self._redactor.learn_run(given_input)
            for record in snapshot.steps.values():
                if record.resume_payload is not UNSET:
                    self._redactor.learn_answer(record.resume_payload)
            if snapshot.resume is not None:
                self._redactor.learn_answer(snapshot.resume.data)
        return self._redactor

    # Events

    def emit(self, type: str, data: dict[str, object], *, card: CardChange | None = None, **values: Value) -> None:
        """Append an event, which takes `data` for its own.

        `values`: what goes from step to step, by key of the data. The log gets their text as it is, or the number of
        the event that holds it already; the snapshot and the watchers get the values themselves.
        """
        at = now_ms()
        if self._first is not None:
            card = self._with_start(at, card, data)
        elif card is None and self._card_status is not RunStatus.RUNNING and type == EventType.STEP_START:
            card = {"status": RunStatus.RUNNING}
        if card is not None and "status" in card:
            self._card_status = card["status"]
        for key, value in values.items():
            if value.value is UNSET:
                continue
            text = value.text
            if value.seq is not None and len(text) > INLINE_BYTES:
                data[f"{key}From"] = value.seq
            else:
                data[key] = orjson.Fragment(text)
        seq = self.log.append(type, data, at=at, card=card)
        for key, value in values.items():
            if value.value is UNSET:
                continue
            data[key] = value.value
            if value.seq is None:
                value.seq = seq
        apply(self.snapshot, seq, type, at, data)
        if self.watchers:
            for event in watch_events(self.snapshot, type, data):
                self.notify_watchers(event)

    def notify_watchers(self, event: dict[str, object]) -> None:
        """Call all watchers with a watch event. What one of them raises is logged."""
        for watcher in list(self.watchers):
            try:
                call_plain(watcher, event)
            except Exception as error:
                log_failure(logger, "A watcher of run %s failed", self.snapshot.run_id, error=error)

    def _with_start(self, at: int, card: CardChange | None, data: dict[str, object]) -> CardChange:
        """The first event of an execution stores the ids of the trace, and sets the status of the run."""
        first: CardChange = self._first or {}
        self._first = None
        if self.snapshot.started_at is None:
            first["started_at"] = at
        first["wake_at"] = None
        trace_id, span_id = self.span.trace_id, self.span.span_id
        trace: dict[str, object] = {}
        if trace_id is not None:
            trace["traceId"] = first["trace_id"] = trace_id
        if span_id is not None:
            trace["spanId"] = first["span_id"] = span_id
        if "spanId" not in data:
            data |= trace
        return {**first, **card} if card is not None else first

    def commit(self) -> Awaitable[None]:
        """Wait until everything is durable. To be awaited at once."""
        self._backlog = 0
        return self.log.commit()

    # Chunks

    def chunk(self, path: str, name: str, chunk: object, *, custom: bool) -> Awaitable[None]:
        """See Sink. Waits for a commit only when a lot has been written since the last one."""
        text = encode(chunk)
        type = EventType.STEP_CUSTOM if custom else EventType.STEP_OUTPUT
        key = b"chunk" if custom else b"output"
        at = now_ms()
        seq = self.log.append(type, b'{"id":%b,"%b":%b}' % (_quoted(path), key, text), at=at)
        snapshot = self.snapshot
        snapshot.seq = seq
        snapshot.chunk_count += 1
        record = snapshot.steps.get(path)
        if record is not None:
            record.chunk_count += 1
        self._backlog += len(text) + CHUNK_OVERHEAD
        if self.output_writer is not None:
            return self._hand_over(name, chunk, custom=custom)
        if self._backlog > BACKLOG_BYTES:
            return self.commit()
        return DONE

    async def _hand_over(self, name: str, chunk: object, *, custom: bool) -> None:
        writer = self.output_writer
        if writer is not None:
            run_id = self.snapshot.run_id
            wrapped = {
                "type": EventType.STEP_OUTPUT.value,
                "runId": run_id,
                "from": "USER",
                "payload": {"output": chunk, "runId": run_id, "stepName": name},
            }
            outcome = writer(chunk if custom else wrapped)
            if isinstance(outcome, Awaitable):
                await outcome
        if self._backlog > BACKLOG_BYTES:
            await self.commit()

    # What steps share

    def check_context(self) -> None:
        """A step may have changed the request context. A change that cannot be stored is undone, and raises NotJson."""
        if not self.request_context and self._context_text == b"{}":
            return
        try:
            text = encode(self.request_context.to_dict())
        except NotJson:
            self.request_context.clear()
            self.request_context.update(orjson.loads(self._context_text))
            raise
        if text != self._context_text:
            self._context_text = self._context_new = text

    def context_change(self) -> dict[str, object] | None:
        """The request context, if a step has changed it since the last time."""
        text, self._context_new = self._context_new, None
        if text is None:
            return None
        changed: dict[str, object] = orjson.loads(text)
        self.redactor.learn(changed)
        return changed

    # Sleeping and stopping

    async def sleep_until(self, wake_at: int, path: str) -> None:
        """Wait until that moment (epoch milliseconds) or until the run is canceled. Raises Parked."""
        if self.cancel.aborted:
            return
        future: asyncio.Future[None] = self.loop.create_future()
        timer = self.loop.call_later(max(0.0, (wake_at - now_ms()) / 1000), _wake, future)
        stop_listening = self.cancel.listen(lambda: _wake(future))
        self._sleepers[future] = (wake_at, path)
        self._park_if_idle()
        try:
            await future
        finally:
            timer.cancel()
            stop_listening()
            self._sleepers.pop(future, None)

    def _park_if_idle(self) -> None:
        if self.park_after is None or not self._sleepers or len(self._sleepers) < self.strands:
            return
        wake_at, path = min(self._sleepers.values())
        if wake_at - now_ms() <= self.park_after * 1000:
            return
        card: CardChange = {"status": RunStatus.WAITING, "wake_at": wake_at, "detail": f"{path} sleeps"}
        self.emit(EventType.STEP_WAITING, {"id": path, "wakeAt": wake_at}, card=card)
        for future in list(self._sleepers):
            if not future.done():
                future.set_exception(Parked())

    async def together(self, work: list[Callable[[], Awaitable[None]]]) -> None:
        """Do all of it at the same time. When something else than a step fails, all of it is given up."""
        if len(work) == 1:
            await work[0]()
            return
        self.strands += len(work) - 1
        left = len(work)

        async def strand(job: Callable[[], Awaitable[None]]) -> None:
            nonlocal left
            try:
                await job()
            finally:
                left -= 1
                if left:  # the last one hands over to the one that waits for all
                    self.strands -= 1
                    self._park_if_idle()

        tasks = [self.loop.create_task(strand(job)) for job in work]
        try:
            await asyncio.gather(*tasks)
        except BaseException as error:
            if not isinstance(error, Parked):
                for task in tasks:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    def on_cancel(self) -> None:
        """End the spans of a canceled run, and interrupt its steps after their grace."""
        if self.cancel.canceled:
            self.span.cancel_open()
        grace = self.interrupt_after
        if grace is None and self.cancel.expired is not None:
            grace = EXPIRY_SECONDS
        if grace is not None:
            self.loop.call_later(grace, self._interrupt)

    def _interrupt(self) -> None:
        for task in self._function_tasks:
            self._interrupted.add(task)
            task.cancel()

    def leave_behind(self, path: str, call: ThreadCall[Any]) -> None:
        """A step is over, and its function is not: it goes on in its thread as long as Python lets it."""
        call.leave(self._on_abandoned(path) if self._on_abandoned is not None else _nothing)

    def enter_function(self) -> asyncio.Task[Any] | None:
        """Register this task as one that runs a step's function; pass what is returned to leave_function()."""
        task = asyncio.current_task()
        if task is not None:
            self._function_tasks.add(task)
        return task

    def leave_function(self, task: asyncio.Task[Any] | None) -> None:
        """Unregister the task: the step's function has ended, in whatever way."""
        if task is not None:
            self._function_tasks.discard(task)
            if task in self._interrupted:  # it made something else of the interruption
                self._interrupted.discard(task)
                task.uncancel()

    def was_interrupted(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether a CancelledError in this task is our own; it is taken back then."""
        if task is None or task not in self._interrupted:
            return False
        self._interrupted.discard(task)
        task.uncancel()
        return True


def _nothing() -> None:
    """Do nothing: the execution has no callback for abandoned functions."""


@lru_cache(maxsize=1024)
def _quoted(path: str) -> bytes:
    return orjson.dumps(path)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


__all__ = ["UNSET", "Execution", "Interrupted", "OutputWriter", "Parked", "Watcher"]
