"""One attempt of a step: its function is called with its context, in the loop or in a thread."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import orjson

from .conditions import truthy
from .context import DONE, NOT_BAILED, Sink, StepContext
from .current_step import current_step
from .deadline import in_words
from .errors import StepRefused
from .execution import Execution, Interrupted
from .json_value import settle
from .masking import Mask
from .records import StepRecord
from .results import StepStatus
from .schemas import issues_cause, issues_text
from .site import Ending, Site, Start, Walk
from .step import Step, StepFunction
from .threads import StepStopped, ThreadCall
from .tracing import TraceSpan
from .undefined import UNSET
from .values import NOTHING, Value

MAX_UNSEEN_CHUNKS = 64  # a thread waits for the loop after so many


class Body:
    """A step's function, or its nested workflow, with all that it is given."""

    __slots__ = (
        "checked",
        "ex",
        "payload",
        "record",
        "schema_instance",
        "secrets",
        "sink",
        "site",
        "span",
        "start",
        "walk_nested",
    )

    def __init__(
        self,
        ex: Execution,
        site: Site,
        span: TraceSpan,
        record: StepRecord,
        payload: Value,
        instance: object,
        start: Start,
        walk_nested: Walk,
    ) -> None:
        self.ex = ex
        self.site = site
        self.span = span
        self.record = record
        self.payload = payload
        self.schema_instance = instance
        self.start = start
        self.sink: Sink = ex  # where the chunks of the attempt now running go
        self.walk_nested = walk_nested
        self.secrets: object = None  # see CurrentStep

    # --- As a CurrentStep ---

    @property
    def run_id(self) -> str:
        return self.ex.snapshot.run_id

    @property
    def workflow_id(self) -> str:
        return self.site.flow.workflow.id

    @property
    def path(self) -> str:
        return self.site.path

    @property
    def mask(self) -> Mask:
        return self.ex.workflow.mask

    def given_to_run(self) -> Iterable[object]:
        return (self.ex.snapshot.input, self.ex.request_context.to_dict())

    def given_to_step(self) -> Iterable[object]:
        return (self.payload.value, self.record.resume_payload)

    # --- One try ---

    async def attempt(self, number: int, timeout: float | None) -> Ending:
        """One try. Raises what the step raised."""
        step = self.site.step
        if step.workflow is not None:
            start = self.start if number == 0 else Start(self.payload)
            return await self.walk_nested(self.ex, self.site.flow, self.site, self.record, start)
        function = step.function
        if function is None:
            raise TypeError(f"Step {step.id} has no function")
        context = self._context(number)
        ex = self.ex
        task = ex.enter_body()
        current = current_step.set(self)
        try:
            with self.span.use():
                if timeout:
                    result = await self._within(timeout, function, context)
                elif step.is_async:
                    result = await function(context)  # type: ignore[misc]
                else:
                    result = await self._outcome(function, context)
        except asyncio.CancelledError:
            if ex.was_interrupted(task):
                raise Interrupted from None
            raise
        finally:
            current_step.reset(current)
            ex.leave_body(task)
        return self._ending(step, context, result)

    def _context(self, number: int) -> StepContext[Any]:
        ex, step, record = self.ex, self.site.step, self.record
        resuming = record.resuming
        instance = self.schema_instance
        self.schema_instance = UNSET  # a model is handed out once; a further attempt gets a fresh one
        if instance is UNSET:
            instance = self.payload.copy()
            if step.input_schema is not None and (number or resuming) and ex.workflow.validate_inputs:
                instance = step.input_schema.instance(instance)
        answer: object = UNSET
        if resuming and record.resume_payload is not UNSET:
            answer = Value(record.resume_payload).copy()
            if step.resume_schema is not None:
                answer = step.resume_schema.instance(answer)
        self.sink = ex if step.is_async else _ThreadSink(ex)
        return StepContext(self, number, instance, answer)

    async def _within(self, timeout: float, function: StepFunction, context: StepContext[Any]) -> object:
        try:
            async with asyncio.timeout(timeout) as limit:
                return await self._outcome(function, context)
        except TimeoutError:
            if not limit.expired():
                raise
            told = f"The step {self.site.step.id} took longer than its time limit of {in_words(timeout)}."
            raise TimeoutError(told) from None

    async def _outcome(self, function: StepFunction, context: StepContext[Any]) -> object:
        outcome = function(context) if self.site.step.is_async else await self._in_thread(partial(function, context))
        return await outcome if inspect.isawaitable(outcome) else outcome

    async def _in_thread(self, function: Callable[[], object]) -> object:
        call = ThreadCall(function)
        try:
            return await call.future
        except asyncio.CancelledError:
            if isinstance(self.sink, _ThreadSink):
                self.sink.closed = True
            if call.is_at_work:
                self.ex.leave_behind(self.site.path, call)
            raise

    def _ending(self, step: Step, context: StepContext[Any], result: object) -> Ending:
        state = context._state_update
        self.ex.check_context()
        if context._suspended is not None:
            question, labels = context._suspended
            # What is returned beside a question is kept when it says something.
            beside = Value.settled(result) if truthy(result) else NOTHING
            return Ending(StepStatus.SUSPENDED, beside, state, Value(question), labels)
        if context._bailed is not NOT_BAILED:
            return Ending(StepStatus.BAILED, Value.settled(context._bailed), state)
        output = Value.settled(result, self.payload)
        if self.site.flow.workflow.validate_outputs and step.output_schema is not None:
            issues = step.output_schema.parse(output.copy()).issues
            if issues:
                text = issues_text("Step output validation failed", issues)
                raise StepRefused(text, code="WORKFLOW_STEP_OUTPUT_VALIDATION_FAILED", cause=issues_cause(issues))
        return Ending(StepStatus.SUCCESS, output, state)


class _ThreadSink:
    """Chunks of a step that runs in a thread: handed to the loop in order, and waited for now and then."""

    __slots__ = ("_ex", "_unseen", "closed")

    def __init__(self, ex: Execution) -> None:
        self._ex = ex
        self._unseen = 0
        self.closed = False  # the step is over, and its function was left behind

    def chunk(self, path: str, name: str, chunk: object, *, custom: bool) -> Awaitable[None]:
        """See Sink. Raises StepStopped in a function that was left behind: nothing it writes belongs to the run."""
        if self.closed:
            raise StepStopped
        text, value = settle(chunk)  # refused, or fixed, in the caller's own thread
        self._unseen += 1
        if self._ex.output_writer is None and self._unseen < MAX_UNSEEN_CHUNKS:
            kept = orjson.Fragment(text)
            self._ex.loop.call_soon_threadsafe(partial(self._ex.chunk, path, name, kept, custom=custom))
            return DONE
        self._unseen = 0

        async def hand_over() -> None:
            await self._ex.chunk(path, name, value, custom=custom)

        asyncio.run_coroutine_threadsafe(hand_over(), self._ex.loop).result()
        return DONE
