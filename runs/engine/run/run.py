"""Run: one execution of a workflow, to start, watch, resume, restart, cancel and run again from a step."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from ..commands.request import start_data
from ..commands.restarting import restart_data
from ..commands.resuming import check_resume
from ..commands.time_travel import check_time_travel
from ..data.request_context import RequestContext
from ..data.undefined import UNSET
from ..errors import CannotTimeTravel, NotActive, NotSuspended, ResumeAlreadyClaimed, RunAlreadyStarted, RunNotFound
from ..graph.lifecycle import RunInfo
from ..log.events import Event, EventType
from ..log.fold import fold
from ..log.records import RunSnapshot
from ..log.results import RunStatus, WorkflowResult
from ..log.snapshot import apply
from ..log.store import now_ms
from ..trace.tracing import TracingContext, call_error_info
from ..walk.call_options import CallOptions, Context, Options, as_context, options_of, stored_result
from ..walk.execution import OutputWriter
from .stored_run import StoredRun
from .stream import RunStream

POLL_SECONDS = 0.02  # a resume that comes while the run is still at work waits for it so often …
POLL_TRIES = 100  # … and not longer than two seconds


class Run(StoredRun):
    """One execution of a workflow. Made by `Workflow.create_run()`; it may be resumed by another process's Run."""

    # Starting

    async def start(
        self,
        *,
        input_data: object = UNSET,
        initial_state: Mapping[str, object] | None = None,
        request_context: Context = None,
        tracing_options: Options = None,
        output_options: Mapping[str, object] | None = None,
        per_step: bool = False,
        timeout: float | None = None,
        output_writer: OutputWriter | None = None,
        tracing_context: TracingContext | None = None,
    ) -> WorkflowResult:
        """Run the workflow from its first step, and return its result.

        Raises InvalidInput when input, state or request context do not fit, and what `on_start` raises: no step has
        run then, no event was written, and the run may be started again. Raises RunAlreadyStarted for a second start.
        `output_options`: includeState, includeResumeLabels. `per_step`: stop after one entry, with status paused.
        `timeout`: seconds until the run fails if it has not ended, instead of the workflow's own limit.
        Source: Mastra reference, Run.start().
        """
        context = as_context(request_context)
        given = CallOptions(context, tracing_options, output_options, per_step, output_writer, tracing_context)
        if self._cancel.aborted:
            return await self._started_canceled(input_data, given)
        self.workflow.require_graph()
        request = {"inputData": input_data, "initialState": initial_state, "requestContext": context.to_dict()}
        span = self.workflow.tracing.start_run(
            workflow_id=self.workflow.id,
            run_id=self.run_id,
            resource_id=self.resource_id,
            input=input_data,
            request_context=context,
            options=options_of(tracing_options),
            tracing_context=tracing_context,
        )
        try:
            deadline = self.workflow.deadline(timeout, now_ms())
            data = start_data(
                self.workflow, request, resource_id=self.resource_id, deadline=deadline, options=given.data()
            )
            await self._announce(data, context)
            log = await self._begin()
            if log is None:
                raise RunAlreadyStarted(f"Run {self.run_id} was started before. Make a new run to start again.")
        except Exception as error:
            span.fail(call_error_info(error))
            raise
        return await self._proceed(log, [], EventType.RUN_START, data, given, span=span)

    async def _announce(self, data: dict[str, object], context: RequestContext) -> None:
        if self.workflow.on_start is None:
            return
        snapshot = RunSnapshot(self.run_id, self.workflow.id)
        apply(snapshot, 1, EventType.RUN_START, now_ms(), data)
        await self.workflow.announce(RunInfo(self.run_id, self.workflow.id, self.resource_id, context, snapshot))

    async def start_async(self, **parameters: Any) -> dict[str, str]:
        """Start the run without waiting for its end; takes what start() takes. Returns `{"runId"}`.

        What start() would raise before the first step is logged only, as in the reference.
        """
        await self.prepare()
        self._background(self.start(**parameters), "start")
        return {"runId": self.run_id}

    def stream(self, **parameters: Any) -> RunStream:
        """Start the run, and return its events as a stream of chunks; takes what start() takes."""
        return self._streamed(lambda writer: self.start(**parameters, output_writer=writer))

    def resume_stream(self, **parameters: Any) -> RunStream:
        """As stream(), for resume()."""
        return self._streamed(lambda writer: self.resume(**parameters, output_writer=writer))

    def time_travel_stream(self, **parameters: Any) -> RunStream:
        """As stream(), for time_travel()."""
        return self._streamed(lambda writer: self.time_travel(**parameters, output_writer=writer))

    def stream_legacy(self, **parameters: Any) -> RunStream:
        """As stream(), in the reference's old form: raw events without the prefix `workflow-`."""
        return self._streamed(lambda writer: self.start(**parameters), legacy=True)

    def observe(self) -> AsyncIterator[dict[str, object]]:
        """The chunks of the run's stream from its first one on, followed until it ends; nothing without a stream."""
        return aiter(self._stream) if self._stream is not None else _nothing()

    def _streamed(self, call: Callable[[OutputWriter], Any], *, legacy: bool = False) -> RunStream:
        self._stream = stream = RunStream(self.run_id, self.workflow.id, legacy=legacy)
        stop = self.watch(stream.watched)

        async def drive() -> None:
            try:
                stream.finish(await call(stream.written))
            except Exception as error:
                stream.fail(error)
            finally:
                stop()

        self._keep(asyncio.get_running_loop().create_task(drive()))
        return stream

    # Continuing

    async def resume(
        self,
        *,
        step: object = None,
        resume_data: object = UNSET,
        label: str | None = None,
        for_each_index: int | None = None,
        request_context: Context = None,
        tracing_options: Options = None,
        output_options: Mapping[str, object] | None = None,
        per_step: bool = False,
        output_writer: OutputWriter | None = None,
        tracing_context: TracingContext | None = None,
    ) -> WorkflowResult:
        """Answer a suspended step, and continue the run from there.

        `step`: its id, a dotted path, a list of ids; may be left out when one step alone waits. `label` names it too,
        and goes before it. Values of the request context are merged over the stored ones. Raises NotSuspended,
        InvalidInput, and ResumeAlreadyClaimed when another resume of the same moment was first.
        """
        given = CallOptions(None, tracing_options, output_options, per_step, output_writer, tracing_context)
        snapshot, events = await self._suspended()
        request: dict[str, object] = {"step": step, "label": label, **given.data()}
        if resume_data is not UNSET:
            request["resumeData"] = resume_data
        if for_each_index is not None:
            request["forEachIndex"] = for_each_index
        if request_context is not None:
            request["requestContext"] = as_context(request_context).to_dict()
        data = check_resume(self.workflow, snapshot, request)
        await asyncio.sleep(0)  # two answers in one moment: both are looked at, one wins
        self._answering = True
        try:
            log = await self._store.claim(self.run_id, expected=[RunStatus.SUSPENDED], status=RunStatus.RUNNING)
        finally:
            self._answering = False
        if log is None:
            card = await self._store.card(self.run_id)
            raise ResumeAlreadyClaimed(self.workflow.id, self.run_id, card.status.value)
        await asyncio.sleep(0)  # the other one sees that this one has it
        return await self._proceed(log, events, EventType.RUN_RESUME, data, given, context=request_context)

    async def resume_async(self, **parameters: Any) -> dict[str, str]:
        """As resume(), without waiting for the end. Returns `{"runId"}`."""
        self._background(self.resume(**parameters), "resume")
        return {"runId": self.run_id}

    async def _suspended(self) -> tuple[RunSnapshot, list[Event]]:
        if not self._kept:
            raise RunNotFound(f"No snapshot found for this workflow run: {self.workflow.id} {self.run_id}")
        await self.prepare()
        for _ in range(POLL_TRIES):
            card = await self._store.card(self.run_id)
            if card.status not in (RunStatus.PENDING, RunStatus.RUNNING) and not self._answering:
                break
            await asyncio.sleep(POLL_SECONDS)
        if card.status is not RunStatus.SUSPENDED or self._answering:
            raise NotSuspended("This workflow run was not suspended")
        events = await self._store.load(self.run_id)
        return fold(self.run_id, self.workflow.id, events), events

    async def restart(
        self,
        *,
        request_context: Context = None,
        tracing_options: Options = None,
        output_options: Mapping[str, object] | None = None,
        output_writer: OutputWriter | None = None,
        tracing_context: TracingContext | None = None,
    ) -> WorkflowResult:
        """Run the entry again in which the run was left: all members of a block, all items of a foreach.

        (A run that an executor takes over after a crash repeats only what was in flight.) Of a run that has ended the
        stored result is given. Raises RunNotFound, and NotActive for a run that is neither at work nor asleep.
        """
        given = CallOptions(None, tracing_options, output_options, False, output_writer, tracing_context)
        try:
            events = await self._store.load(self.run_id)
        except RunNotFound:
            raise RunNotFound(f"Snapshot not found for run {self.run_id}") from None
        snapshot = fold(self.run_id, self.workflow.id, events)
        if snapshot.status in (RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.TRIPWIRE):
            return stored_result(snapshot)
        log = None
        if snapshot.status in (RunStatus.RUNNING, RunStatus.WAITING):
            log = await self._store.claim(
                self.run_id, expected=[RunStatus.RUNNING, RunStatus.WAITING], status=RunStatus.RUNNING
            )
        if log is None:
            raise NotActive("This workflow run was not active")
        data = restart_data(self.workflow, snapshot) | given.data()
        if request_context is not None:
            data["requestContext"] = as_context(request_context).to_dict()
        return await self._proceed(log, events, EventType.RUN_RESTART, data, given, context=request_context)

    async def time_travel(
        self,
        *,
        step: object,
        input_data: object = UNSET,
        context: Mapping[str, object] | None = None,
        nested_steps_context: Mapping[str, object] | None = None,
        initial_state: Mapping[str, object] | None = None,
        request_context: Context = None,
        tracing_options: Options = None,
        output_options: Mapping[str, object] | None = None,
        per_step: bool = False,
        output_writer: OutputWriter | None = None,
        tracing_context: TracingContext | None = None,
    ) -> WorkflowResult:
        """Run again from a step on, with what was recorded before it, or with what is given here.

        `input_data` takes the place of the output before the step; `context` that of earlier results. Raises
        CannotTimeTravel and InvalidInput; the stored run is unchanged then.
        """
        given = CallOptions(None, tracing_options, output_options, per_step, output_writer, tracing_context)
        try:
            events = await self._store.load(self.run_id)
        except RunNotFound:
            raise RunNotFound(f"Snapshot not found for run {self.run_id}") from None
        snapshot = fold(self.run_id, self.workflow.id, events)
        request: dict[str, object] = {"step": step, **given.data()}
        optional = {"context": context, "nestedStepsContext": nested_steps_context, "initialState": initial_state}
        request |= {key: value for key, value in optional.items() if value is not None}
        if input_data is not UNSET:
            request["inputData"] = input_data
        if request_context is not None:
            request["requestContext"] = as_context(request_context).to_dict()
        data = check_time_travel(self.workflow, snapshot, request)
        expected = [status for status in RunStatus if status is not RunStatus.RUNNING]
        log = await self._store.claim(self.run_id, expected=expected, status=RunStatus.RUNNING)
        if log is None:
            raise CannotTimeTravel("This workflow run is still running, cannot time travel")
        return await self._proceed(log, events, EventType.RUN_TIME_TRAVEL, data, given, context=request_context)


async def _nothing() -> AsyncIterator[dict[str, object]]:
    return
    yield  # makes it a generator
