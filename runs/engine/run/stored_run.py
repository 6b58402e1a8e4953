"""What all commands of a run share: it is stored, watched, canceled and executed from its log."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Self

from ..commands.request import check_request
from ..data.request_context import RequestContext
from ..data.undefined import UNSET
from ..errors import EngineError, RunAlreadyExists, RunNotFound
from ..graph.graph import Graph
from ..log.events import Event, EventType
from ..log.fold import fold
from ..log.records import RunSnapshot
from ..log.results import RunStatus, WorkflowResult
from ..log.snapshot import apply
from ..log.step_result import run_result
from ..log.store import CardChange, MemoryRunStore, RunCard, RunLog, RunStore, now_ms
from ..walk.call_options import CallOptions, Context, options_of
from ..walk.cancellation import CancelToken
from ..walk.execution import Execution, Watcher
from ..walk.executor import append_cancel, run
from ..walk.run_trace import start_span
from .stream import RunStream

logger = logging.getLogger("wfconsole.engine")


class StoredRun:
    """A run in a store, as this process executes it."""

    def __init__(
        self, workflow: Graph, run_id: str, resource_id: str | None, on_end: "Callable[[StoredRun], None] | None" = None
    ) -> None:
        """`on_end` is called with this run when it has ended in this process."""
        store = workflow.store
        self.workflow = workflow
        self.run_id = run_id
        self.resource_id = resource_id
        self.status = RunStatus.PENDING
        self._kept = store is not None
        self._store: RunStore = store if store is not None else MemoryRunStore()
        self._on_end = on_end
        self._watchers: list[Watcher] = []
        self._cancel = CancelToken()
        self._execution: Execution | None = None
        self._prepared = False  # it is known that the run is stored
        self._answering = False  # an answer has been checked, and is about to take the run
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stream: RunStream | None = None

    def __repr__(self) -> str:
        return f"<Run {self.run_id} of {self.workflow.id}>"

    @property
    def id(self) -> str:
        """Same as run_id."""
        return self.run_id

    async def prepare(self) -> Self:
        """Make sure that the run is stored, and know its stored status. Other calls do it by themselves."""
        try:
            card = await self._store.card(self.run_id)
        except RunNotFound:
            card = self._card()
            try:
                await self._store.create(card)
            except RunAlreadyExists:  # another process was faster: the same run
                card = await self._store.card(self.run_id)
        self._prepared = True
        if self._execution is None:
            self.status = card.status
            self.resource_id = self.resource_id if self.resource_id is not None else card.resource_id
        return self

    def _card(self) -> RunCard:
        at = now_ms()
        return RunCard(self.run_id, self.workflow.id, RunStatus.PENDING, at, at, self.resource_id)

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Call back with each event of this run from now on, in the reference's form. Returns what ends it."""
        self._watchers.append(callback)

        def stop() -> None:
            if callback in self._watchers:
                self._watchers.remove(callback)

        return stop

    async def cancel(self, *, by: str | None = None) -> None:
        """Stop the run. Running steps are notified, but finish; no other step starts.

        Of a run that has ended nothing changes.
        """
        if self._execution is not None:
            self._cancel.cancel(by)
            self.status = RunStatus.CANCELED
            return
        await self.prepare()
        if self.status.is_final:
            return
        log = await self._claim([status for status in RunStatus if not status.is_final])
        if log is None:
            return
        self._cancel.cancel(by)
        append_cancel(log, by)
        await log.commit()
        self.status = RunStatus.CANCELED
        self._ended()

    def _ended(self) -> None:
        if self._on_end is not None:
            self._on_end(self)

    # Execution

    async def _begin(self) -> RunLog | None:
        """Claim the run for a start; create it first if it is not stored yet."""
        if self._prepared:
            return await self._claim([RunStatus.PENDING])
        log = await self._store.begin(self._card())
        if log is None:  # it exists already, and may still be pending
            log = await self._store.claim(self.run_id, expected=[RunStatus.PENDING])
        self._prepared = True
        return log

    async def _claim(self, expected: list[RunStatus]) -> RunLog | None:
        await self.prepare()
        return await self._store.claim(self.run_id, expected=expected)

    async def _proceed(
        self,
        log: RunLog,
        events: list[Event],
        type: EventType,
        data: dict[str, object],
        given: CallOptions,
        *,
        context: Context = None,
        span: Any = None,
    ) -> WorkflowResult:
        """Append the event that starts or continues the run, and execute the run from its log."""
        at = now_ms()
        snapshot = fold(self.run_id, self.workflow.id, events)
        apply(snapshot, log.last_seq + 1, type, at, data)
        log.append(type, data, at=at, card=_row_change(type, snapshot))
        shared = given.context
        if shared is None and isinstance(context, RequestContext):
            shared = context
        if shared is not None and type is not EventType.RUN_START:
            for key, value in snapshot.request_context.items():
                shared.setdefault(key, value)
        execution = Execution(
            self.workflow,
            log,
            snapshot,
            cancel=self._cancel,
            tracing_context=given.tracing_context,
            request_context=shared,
            output_writer=given.output_writer,
            watchers=self._watchers,
        )
        if span is not None:
            execution.span = span
        else:
            execution.span = start_span(execution)
        self._execution = execution
        self.status = RunStatus.RUNNING
        try:
            self.status = await run(execution, announced=True)
        finally:
            self._execution = None
        if self.status is not RunStatus.SUSPENDED:
            self._ended()
        return run_result(snapshot, trace_id=execution.span.trace_id, span_id=execution.span.span_id)

    async def _started_canceled(self, input_data: object, given: CallOptions) -> WorkflowResult:
        """Return the result of a start that runs nothing: a canceled run object stays canceled."""
        checked = check_request(self.workflow, {"inputData": input_data, "requestContext": given.shown_context()})
        span = self.workflow.tracing.start_run(
            workflow_id=self.workflow.id,
            run_id=self.run_id,
            resource_id=self.resource_id,
            input=input_data,
            request_context=given.context,
            options=options_of(given.tracing_options),
            tracing_context=given.tracing_context,
        )
        span.end(status=RunStatus.CANCELED.value)
        shown = checked.get("inputData", UNSET)
        return WorkflowResult(
            status=RunStatus.CANCELED,
            run_id=self.run_id,
            steps={} if shown is UNSET else {"input": shown},
            input=shown,
            trace_id=span.trace_id,
            span_id=span.span_id,
        )

    def _background(self, coroutine: Any, word: str) -> None:
        async def drive() -> None:
            try:
                await coroutine
            except EngineError as error:
                logger.error("Background %s of run %s failed: %s", word, self.run_id, error)
            except Exception:
                logger.exception("Background %s of run %s failed", word, self.run_id)

        self._keep(asyncio.get_running_loop().create_task(drive()))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _row_change(type: EventType, snapshot: RunSnapshot) -> CardChange | None:
    """What the event changes on the run's row beside its status; None: nothing."""
    change: CardChange = {}
    if snapshot.deadline is not None and type in (EventType.RUN_START, EventType.RUN_TIME_TRAVEL):
        change["deadline_at"] = snapshot.deadline.at
    tags = snapshot.tracing_options.get("tags")
    if type is EventType.RUN_START and tags and isinstance(tags, list | tuple):
        change["tags"] = list(map(str, tags))
    return change or None
