"""One attempt of a step: its function is called with its context, in the loop or in a thread."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from functools import partial
from types import FunctionType
from typing import Any

import orjson

from ..data import user_code
from ..data.json_value import settle
from ..data.schemas import STEP_INPUT, issues_cause, issues_text
from ..data.undefined import UNSET
from ..data.user_code import Escaped, awaited, call_plain, contained
from ..errors import StepRefused
from ..graph.conditions import truthy
from ..graph.graph import NestedStep
from ..graph.step import Step, StepFunction
from ..log.deadline import in_words
from ..log.records import StepRecord
from ..log.results import StepStatus
from ..redaction.redactor import Redactor
from ..trace.tracing import TraceSpan
from ..trace.values import NOTHING, Value
from .context import DONE, NOT_BAILED, Sink, StepContext
from .current_step import current_step
from .execution import Execution, Interrupted
from .position import AttemptOutcome, Start, StepPosition, Walk
from .threads import GRACE_SECONDS, StepStopped, ThreadCall

logger = logging.getLogger("wfconsole.engine")

STEP_INPUT_CODE = "WORKFLOW_STEP_INPUT_VALIDATION_FAILED"
MAX_UNSEEN_CHUNKS = 64  # a thread waits for the loop after so many


class StepInvocation:
    """A step's function, or its nested workflow, with all that it is given."""

    __slots__ = (
        "checked",
        "ex",
        "is_learned",
        "payload",
        "pristine",
        "reads_again",
        "record",
        "schema_instance",
        "sink",
        "site",
        "source",
        "span",
        "start",
        "unread",
        "walk_nested",
    )

    def __init__(
        self,
        ex: Execution,
        site: StepPosition,
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
        self.source = payload  # what an instance is read from, after the first one
        self.pristine: object = UNSET  # a copy of the first instance, where reading might not give its like
        self.start = start
        self.sink: Sink = ex  # where the chunks of the attempt now running go
        self.walk_nested = walk_nested
        self.is_learned = False  # see CurrentStep
        self.reads_again = False
        self.unread: Exception | None = None  # what the code of a model raised when it was to read the input

    def keep(self, given: Value, *, retries: bool) -> None:
        """Read further instances from what was given: from the payload, they would be others than the first one."""
        self.source = given
        if retries and self.schema_instance is not UNSET:
            with suppress(Exception):  # not everything can be copied; then it is read again
                self.pristine = call_plain(deepcopy, self.schema_instance)

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
    def redactor(self) -> Redactor:
        return self.ex.redactor

    def given(self) -> Iterable[object]:
        return (self.payload.value, self.record.given, self.record.resume_payload)

    # --- One try ---

    async def attempt(self, number: int, timeout: float | None) -> AttemptOutcome:
        """One try. Raises what the step raised."""
        step = self.site.step
        if self.unread is not None:
            self._read_input()
        if isinstance(step, NestedStep):
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
                elif isinstance(function, FunctionType) and step.is_async:
                    result = await contained(function(context), task)  # the usual case, by the shortest way
                else:
                    result = await self._outcome(function, context)
        except asyncio.CancelledError:
            if ex.was_interrupted(task):
                raise Interrupted from None
            raise
        finally:
            current_step.reset(current)
            ex.leave_body(task)
        return call_plain(self._ending, step, context, result)  # what was returned may be written by author's code

    def _read_input(self) -> None:
        """Raise what the first try to read the input raised; a further attempt of the step tries it again."""
        schema, error = self.site.step.input_schema, self.unread
        if error is not None and not self.reads_again:
            self.reads_again = True
            raise error
        if schema is not None:
            parsed = schema.parse(self.payload.copy())
            if parsed.issues:
                raise StepRefused(issues_text(STEP_INPUT, parsed.issues), code=STEP_INPUT_CODE)
            self.schema_instance = parsed.instance
        self.unread = None

    def _context(self, number: int) -> StepContext[Any]:
        ex, step, record = self.ex, self.site.step, self.record
        resuming = record.resuming
        instance = self.schema_instance
        self.schema_instance = UNSET  # a model is handed out once; a further attempt gets a fresh one
        if instance is UNSET and self.pristine is not UNSET:
            instance = deepcopy(self.pristine)
        elif instance is UNSET:
            instance = self.source.copy()
            if step.input_schema is not None and (number or resuming) and ex.workflow.validate_inputs:
                instance = step.input_schema.instance(instance)
        answer: object = UNSET
        if resuming and record.resume_payload is not UNSET:
            answer = Value(record.resume_payload).copy()
            if step.resume_schema is not None:
                answer = step.resume_schema.instance(answer)
        if not step.is_async:
            self.sink = _ThreadSink(ex)
        else:
            self.sink = ex if step.time_limit(self.site.flow.workflow.retries) is None else _ClosableSink(ex)
        return StepContext(self, number, instance, answer)

    async def _within(self, timeout: float, function: StepFunction, context: StepContext[Any]) -> object:
        """The outcome, or TimeoutError: in a task of its own, which is left behind when it does not end by a cancel."""
        sink = self.sink
        work = self.ex.loop.create_task(self._outcome(function, context))
        try:
            await asyncio.wait({work}, timeout=timeout)
        except asyncio.CancelledError:
            await self._give_up(work, sink)
            raise
        if not work.done():
            await self._give_up(work, sink)
            limit = f"The step {self.site.step.id} took longer than its time limit of {in_words(timeout)}."
            raise TimeoutError(limit)
        if work.cancelled():
            raise Escaped(asyncio.CancelledError())
        return work.result()

    async def _give_up(self, work: "asyncio.Task[object]", sink: Sink) -> None:
        """Cancel the work, and wait for its end for a moment; from then on nothing it writes belongs to the run."""
        work.add_done_callback(_retrieve)
        work.cancel()
        try:
            await asyncio.wait({work}, timeout=GRACE_SECONDS)
        finally:
            if isinstance(sink, _ClosableSink):
                sink.closed = True
            if not work.done():
                logger.warning("Step %s of run %s goes on: it ignores its cancel.", self.path, self.run_id)

    async def _outcome(self, function: StepFunction, context: StepContext[Any]) -> object:
        if self.site.step.is_async:
            return await user_code.call(function, context)
        outcome = await self._in_thread(partial(function, context))
        return await contained(awaited(outcome)) if inspect.isawaitable(outcome) else outcome

    async def _in_thread(self, function: Callable[[], object]) -> object:
        call = ThreadCall(function)
        try:
            return await call.future
        except asyncio.CancelledError:
            if isinstance(self.sink, _ClosableSink):
                self.sink.closed = True
            if call.is_at_work:
                self.ex.leave_behind(self.site.path, call)
            raise

    def _ending(self, step: Step, context: StepContext[Any], result: object) -> AttemptOutcome:
        state = context._state_update
        self.ex.check_context()
        if context._suspended is not None:
            question, labels = context._suspended
            # What is returned beside a question is kept when it says something.
            beside = Value.settled(result) if truthy(result) else NOTHING
            return AttemptOutcome(StepStatus.SUSPENDED, beside, state, Value(question), labels)
        if context._bailed is not NOT_BAILED:
            return AttemptOutcome(StepStatus.BAILED, Value.settled(context._bailed), state)
        output = Value.settled(result, self.payload)
        if self.site.flow.workflow.validate_outputs and step.output_schema is not None:
            # An instance of the very model has been checked when it was made.
            checked = result if step.output_schema.is_instance(result) else output.copy()
            issues = step.output_schema.parse(checked).issues
            if issues:
                text = issues_text("Step output validation failed", issues)
                raise StepRefused(text, code="WORKFLOW_STEP_OUTPUT_VALIDATION_FAILED", cause=issues_cause(issues))
        return AttemptOutcome(StepStatus.SUCCESS, output, state)


def _retrieve(work: "asyncio.Task[object]") -> None:
    """Look at what a task that was given up has raised: asyncio reports an exception that nobody looks at."""
    if not work.cancelled():
        work.exception()


class _ClosableSink:
    """Chunks of a step that may have to be left behind."""

    __slots__ = ("_ex", "closed")

    def __init__(self, ex: Execution) -> None:
        self._ex = ex
        self.closed = False  # the step is over, and its function was left behind

    def chunk(self, path: str, name: str, chunk: object, *, custom: bool) -> Awaitable[None]:
        """See Sink. Raises StepStopped in a function that was left behind: nothing it writes belongs to the run."""
        if self.closed:
            raise StepStopped
        return self._ex.chunk(path, name, chunk, custom=custom)


class _ThreadSink(_ClosableSink):
    """Chunks of a step that runs in a thread: handed to the loop in order, and waited for now and then."""

    __slots__ = ("_unseen",)

    def __init__(self, ex: Execution) -> None:
        super().__init__(ex)
        self._unseen = 0

    def chunk(self, path: str, name: str, chunk: object, *, custom: bool) -> Awaitable[None]:
        """As _ClosableSink."""
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
