"""One attempt of a step: its function is called with its context, in the loop or in a thread."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
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
from ..log.results import StepStatus
from ..trace.values import NOTHING, Value
from .context import NOT_BAILED, StepContext
from .current_step import current_step
from .execution import Execution, Interrupted
from .invocation import StepInvocation
from .position import AttemptOutcome, Start
from .threads import GRACE_SECONDS, StepStopped, ThreadCall
from .writer import DONE, Sink

logger = logging.getLogger("wfconsole.engine")

STEP_INPUT_CODE = "WORKFLOW_STEP_INPUT_VALIDATION_FAILED"
MAX_UNSEEN_CHUNKS = 64  # a thread waits for the loop after so many


async def attempt(invocation: StepInvocation, number: int, timeout: float | None) -> AttemptOutcome:
    """One try. Raises what the step raised."""
    ex, step = invocation.ex, invocation.site.step
    if invocation.unread is not None:
        _read_input(invocation)
    if isinstance(step, NestedStep):
        start = invocation.start if number == 0 else Start(invocation.payload)
        return await ex.walk_nested(ex, invocation.site, invocation.record, start)
    function = step.function
    if function is None:
        raise TypeError(f"Step {step.id} has no function")
    context = _context(invocation, number, timeout)
    task = ex.enter_function()
    current = current_step.set(invocation)
    try:
        with invocation.span.use():
            if timeout:
                result = await _within(invocation, timeout, function, context)
            elif isinstance(function, FunctionType) and step.is_async:
                result = await contained(function(context), task)  # the usual case, by the shortest way
            else:
                result = await _outcome(invocation, function, context)
    except asyncio.CancelledError:
        if ex.was_interrupted(task):
            raise Interrupted from None
        raise
    finally:
        current_step.reset(current)
        ex.leave_function(task)
    return call_plain(_ending, invocation, step, context, result)  # what was returned may be written by author's code


def _read_input(invocation: StepInvocation) -> None:
    """Raise what the first try to read the input raised; a further attempt of the step tries it again."""
    schema, error = invocation.site.step.input_schema, invocation.unread
    if error is not None and not invocation.reads_again:
        invocation.reads_again = True
        raise error
    if schema is not None:
        parsed = schema.parse(invocation.payload.copy())
        if parsed.issues:
            raise StepRefused(issues_text(STEP_INPUT, parsed.issues), code=STEP_INPUT_CODE)
        invocation.schema_instance = parsed.instance
    invocation.unread = None


def _context(invocation: StepInvocation, number: int, timeout: float | None) -> StepContext[Any]:
    ex, step, record = invocation.ex, invocation.site.step, invocation.record
    resuming = record.resuming
    instance = invocation.schema_instance
    invocation.schema_instance = UNSET  # a model is handed out once; a further attempt gets a fresh one
    if instance is UNSET and invocation.pristine is not UNSET:
        instance = deepcopy(invocation.pristine)
    elif instance is UNSET:
        instance = invocation.source.copy()
        if step.input_schema is not None and (number or resuming) and ex.workflow.validate_inputs:
            instance = step.input_schema.instance(instance)
    answer: object = UNSET
    if resuming and record.resume_payload is not UNSET:
        answer = Value(record.resume_payload).copy()
        if step.resume_schema is not None:
            answer = step.resume_schema.instance(answer)
    if not step.is_async:
        invocation.sink = _ThreadSink(ex)
    else:
        invocation.sink = ex if timeout is None else _ClosableSink(ex)
    return StepContext(invocation, number, instance, answer)


async def _within(
    invocation: StepInvocation, timeout: float, function: StepFunction, context: StepContext[Any]
) -> object:
    """The outcome, or TimeoutError: in a task of its own, which is left behind when it does not end by a cancel."""
    sink = invocation.sink
    work = invocation.ex.loop.create_task(_outcome(invocation, function, context))
    try:
        await asyncio.wait({work}, timeout=timeout)
    except asyncio.CancelledError:
        await _give_up(invocation, work, sink)
        raise
    if not work.done():
        await _give_up(invocation, work, sink)
        limit = f"The step {invocation.site.step.id} took longer than its time limit of {in_words(timeout)}."
        raise TimeoutError(limit)
    if work.cancelled():
        raise Escaped(asyncio.CancelledError())
    return work.result()


async def _give_up(invocation: StepInvocation, work: "asyncio.Task[object]", sink: Sink) -> None:
    """Cancel the work, and wait for its end for a moment; from then on nothing it writes belongs to the run."""
    work.add_done_callback(_retrieve)
    work.cancel()
    try:
        await asyncio.wait({work}, timeout=GRACE_SECONDS)
    finally:
        if isinstance(sink, _ClosableSink):
            sink.closed = True
        if not work.done():
            logger.warning("Step %s of run %s goes on: it ignores its cancel.", invocation.path, invocation.run_id)


async def _outcome(invocation: StepInvocation, function: StepFunction, context: StepContext[Any]) -> object:
    if invocation.site.step.is_async:
        return await user_code.call(function, context)
    outcome = await _in_thread(invocation, partial(function, context))
    return await contained(awaited(outcome)) if inspect.isawaitable(outcome) else outcome


async def _in_thread(invocation: StepInvocation, function: Callable[[], object]) -> object:
    call = ThreadCall(function)
    try:
        return await call.future
    except asyncio.CancelledError:
        if isinstance(invocation.sink, _ClosableSink):
            invocation.sink.closed = True
        if call.is_at_work:
            invocation.ex.leave_behind(invocation.site.path, call)
        raise


def _ending(invocation: StepInvocation, step: Step, context: StepContext[Any], result: object) -> AttemptOutcome:
    state = context._state_update
    invocation.ex.check_context()
    if context._suspended is not None:
        question, labels = context._suspended
        # What is returned beside a question is stored unless it is empty.
        beside = Value.settled(result) if truthy(result) else NOTHING
        return AttemptOutcome(StepStatus.SUSPENDED, beside, state, Value(question), labels)
    if context._bailed is not NOT_BAILED:
        return AttemptOutcome(StepStatus.BAILED, Value.settled(context._bailed), state)
    output = Value.settled(result, invocation.payload)
    if invocation.site.flow.workflow.validate_outputs and step.output_schema is not None:
        # An instance of the very model has been checked when it was made.
        checked = result if step.output_schema.is_instance(result) else output.copy()
        issues = step.output_schema.parse(checked).issues
        if issues:
            text = issues_text("Step output validation failed", issues)
            raise StepRefused(text, code="WORKFLOW_STEP_OUTPUT_VALIDATION_FAILED", cause=issues_cause(issues))
    return AttemptOutcome(StepStatus.SUCCESS, output, state)


def _retrieve(work: "asyncio.Task[object]") -> None:
    """Look at what a task that was given up has raised: asyncio reports an exception that is not retrieved."""
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
            fragment = orjson.Fragment(text)
            self._ex.loop.call_soon_threadsafe(partial(self._ex.chunk, path, name, fragment, custom=custom))
            return DONE
        self._unseen = 0

        async def hand_over() -> None:
            await self._ex.chunk(path, name, value, custom=custom)

        asyncio.run_coroutine_threadsafe(hand_over(), self._ex.loop).result()
        return DONE
