"""One step: check the input, attempt, retry, suspend, bail."""

import asyncio
import inspect
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from .conditions import truthy
from .context import _NOT_BAILED, DONE, StepContext, Writer
from .errors import StepRefused
from .events import EventType
from .execution import Execution, Interrupted
from .failures import Failure, failure_of, is_fatal
from .json_value import same_json, settle
from .records import Scope, StepRecord
from .results import StepStatus
from .schemas import STEP_INPUT, issues_cause, issues_text, step_context_head
from .step import RetryPolicy, Step
from .store import now_ms
from .threads import run_in_thread
from .tracing import NO_SPAN, EntryInfo, TraceSpan, TracingContext, step_error_info
from .undefined import UNSET
from .values import NOTHING, Value

if TYPE_CHECKING:
    from .workflow import Workflow

MAX_UNSEEN_CHUNKS = 64  # a thread waits for the loop after so many


@dataclass(slots=True)
class Flow:
    """A graph being walked: the run itself, or a nested workflow."""

    workflow: "Workflow"
    scope: Scope
    run_id: str
    span: TraceSpan
    answer: "Answer | None" = None
    target: list[str] | None = None  # of a time travel: the step to start from, below this graph


@dataclass(slots=True)
class Answer:
    """Resume data on its way down to the step that waits for it."""

    steps: list[str]  # the path that is left
    data: object
    index: int | None = None
    label: str | None = None


@dataclass(slots=True)
class Site:
    """Where and as what a step runs."""

    flow: Flow
    step: Step
    path: str
    entry: int
    span: TraceSpan  # below which its own span hangs
    member: int | None = None
    owner: str = ""  # the path of the nested run, or of the foreach
    item: int | None = None
    iteration: int | None = None
    selected: list[int] | None = None
    info: EntryInfo | None = None
    together: bool = False  # others begin in the same moment
    own_span: TraceSpan = NO_SPAN  # once it runs

    def place(self) -> dict[str, object]:
        """The keys that every event of this step carries."""
        keys: dict[str, object] = {"id": self.path}
        if self.owner:
            keys["in"] = self.owner
        if self.item is not None:
            keys["item"] = self.item
        return keys

    @property
    def record(self) -> StepRecord | None:
        """What is known of the step, if it belongs to this very entry."""
        if self.item is not None:
            foreach = self.flow.scope.steps.get(self.step.id)
            return foreach.items.get(self.item) if foreach is not None and foreach.items else None
        record = self.flow.scope.steps.get(self.step.id)
        return record if record is not None and record.entry == self.entry and record.member == self.member else None


@dataclass(slots=True)
class Start:
    """How an execution of a step begins."""

    given: Value
    answer: Answer | None = None
    again: bool = False  # the same execution, after an interruption
    relist: bool = False


@dataclass(slots=True)
class Ending:
    """How an attempt ended, when it did not fail."""

    status: StepStatus
    output: Value = field(default_factory=lambda: NOTHING)
    state: dict[str, object] | None = None
    question: Value = field(default_factory=lambda: NOTHING)
    labels: tuple[str, ...] = ()
    path: list[str] | None = None  # of the nested step that asks
    span_id: str | None = None


class StepFailed(Exception):
    """Carries a failure that is data already, such as that of a nested workflow."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)


Walk = Callable[[Execution, Flow, Site, StepRecord, Start], Awaitable[Ending]]


async def run_step(ex: Execution, site: Site, start: Start, walk_nested: Walk) -> StepRecord:
    """Run a step to its end, with all its attempts; its outcome is in the log and in the record that comes back."""
    step, flow = site.step, site.flow
    workflow = flow.workflow
    refusal: StepRefused | None = None
    payload, instance = start.given, UNSET
    checks = workflow.validate_inputs
    if start.answer is None and checks:
        payload, instance, refusal = _read_input(ex, step, start.given)
    info = site.info
    span = site.span.step(
        step.id,
        payload.value,
        description=info.description if info else None,
        metadata=info.metadata if info else None,
    )
    site.own_span = span
    record = _emit_start(ex, site, start, payload, span)
    if site.together:
        await asyncio.sleep(0)  # all that begin together begin before one of them ends
    body = _Body(ex, site, span, record, payload, instance, start, walk_nested)
    ending: Ending | Failure
    if refusal is not None:
        ending = failure_of(refusal)  # trying again could not help
    else:
        ending = await _attempts(ex, body, step.retry_policy(workflow.retries))
    if site.together:
        await asyncio.sleep(0)
    if isinstance(ending, Failure):
        _emit_failure(ex, site, ending, span, workflow.id, flow.run_id)
    elif ending.status is StepStatus.SUSPENDED:
        _emit_suspension(ex, site, ending, span)
    else:
        _emit_result(ex, site, ending, payload, span)
    return record


def _read_input(ex: Execution, step: Step, given: Value) -> tuple[Value, object, StepRefused | None]:
    """The input as the step's schemas read it, the instance for its function, and what is wrong with either."""
    payload, instance = given, UNSET
    if step.input_schema is not None:
        parsed = step.input_schema.parse(given.copy())
        if parsed.issues:
            refusal = StepRefused(
                issues_text(STEP_INPUT, parsed.issues),
                code="WORKFLOW_STEP_INPUT_VALIDATION_FAILED",
                cause=issues_cause(parsed.issues),
            )
            return given, UNSET, refusal
        instance = parsed.instance
        if parsed.value != {}:  # the reference takes an input that reads as empty as it was given
            read = Value(parsed.value)
            payload = given if read.is_written_as(given) else read
            if parsed.instance is parsed.value:
                instance = UNSET  # plain data: each attempt gets its own copy
        elif parsed.instance is parsed.value:
            instance = UNSET
    if step.request_context_schema is not None:
        issues = step.request_context_schema.parse(ex.request_context.to_dict()).issues
        if issues:
            text = issues_text(step_context_head(step.id), issues)
            code = "WORKFLOW_STEP_REQUEST_CONTEXT_VALIDATION_FAILED"
            return payload, instance, StepRefused(text, code=code)
    return payload, instance, None


def _emit_start(ex: Execution, site: Site, start: Start, payload: Value, span: TraceSpan) -> StepRecord:
    data: dict[str, object] = site.place()
    data["entry"] = site.entry
    if site.member is not None:
        data["member"] = site.member
    if site.iteration is not None:
        data["iteration"] = site.iteration
    if site.selected is not None:
        data["selected"] = site.selected
    if start.again:
        data["again"] = True
    if start.relist:
        data["relist"] = True
    if site.step.workflow is not None:
        data["nested"] = True
        if site.item is not None:
            data["runId"] = str(uuid.uuid4())
    stored = dict(data)
    if start.answer is not None:
        answer = Value(start.answer.data)
        data["resumePayload"] = answer.value
        stored["resumePayload"] = orjson.Fragment(answer.text)
        inline = False
    else:
        inline = payload.put("payload", data, stored)
    seq = ex.emit(EventType.STEP_START, data, stored)
    if inline:
        payload.seq = seq
    return ex.snapshot.steps[site.path]


async def _attempts(ex: Execution, body: "_Body", policy: RetryPolicy) -> Ending | Failure:
    record = body.record
    if record.attempts and (next_at := record.attempts[-1].next_at) is not None and next_at > now_ms():
        await ex.sleep_until(next_at, record.path)
    while True:
        try:
            return await body.attempt(len(record.attempts), policy.timeout)
        except Interrupted:
            return Ending(StepStatus.CANCELED)
        except StepFailed as error:
            failure = error.failure
        except BaseException as error:
            if is_fatal(error) or not isinstance(error, Exception):
                raise
            failure = failure_of(error)
        done = len(record.attempts)
        if done >= policy.attempts or failure.non_retryable or failure.tripwire is not None or ex.cancel.aborted:
            return failure
        wait = policy.wait(done + 1)
        next_at = now_ms() + round(wait * 1000)
        data = body.site.place() | {"attempt": done + 1, "error": failure.error, "nextAt": next_at}
        if failure.stack:
            data["stack"] = failure.stack
        ex.emit(EventType.STEP_RETRY, data)
        if wait:
            await ex.sleep_until(next_at, record.path)
            if ex.cancel.aborted:
                return failure


class _Body:
    """A step's function, or its nested workflow, with all that it is given."""

    __slots__ = ("checked", "ex", "payload", "record", "schema_instance", "site", "span", "start", "walk_nested")

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
        self.walk_nested = walk_nested

    async def attempt(self, number: int, timeout: float | None) -> Ending:
        """One try. Raises what the step raised."""
        step = self.site.step
        if step.workflow is not None:
            start = self.start if number == 0 else Start(self.payload)
            return await self.walk_nested(self.ex, self.site.flow, self.site, self.record, start)
        context = self._context(number)
        result = await self._call(step, context, timeout)
        return await self._ending(step, context, result)

    def _context(self, number: int) -> StepContext[Any]:
        site, ex, step, record = self.site, self.ex, self.site.step, self.record
        resuming = record.resuming
        instance = self.schema_instance
        self.schema_instance = UNSET  # a model is handed out once; a further attempt gets a fresh one
        if instance is UNSET:
            instance = self.payload.copy()
            if step.input_schema is not None and (number or resuming) and site.flow.workflow.validate_inputs:
                instance = step.input_schema.instance(instance)
        answer: object = UNSET
        if resuming:
            answer = Value(record.resume_payload).copy()
            if step.resume_schema is not None:
                answer = step.resume_schema.instance(answer)
        iteration = "" if site.iteration is None else f":{site.iteration}"
        sink = ex if step.is_async else _ThreadSink(ex)
        values = {
            "input": instance,
            "run_id": site.flow.run_id,
            "workflow_id": site.flow.workflow.id,
            "resource_id": ex.snapshot.resource_id,
            "request_context": ex.request_context,
            "resume_data": answer,
            "suspend_data": Value(record.suspend_payload).copy() if record.suspend_payload is not UNSET else UNSET,
            "retry_count": number,
            "path": site.path,
            "iteration": site.iteration,
            "idempotency_key": f"{ex.snapshot.run_id}:{site.path}{iteration}",
            "restarted": self.start.again,
            "abort_signal": ex.cancel,
            "writer": Writer(sink, site.path, step.id),
            "tracing": TracingContext(self.span if self.span is not NO_SPAN else None),
        }
        return StepContext(step, site.flow.scope, checks=site.flow.workflow.validate_inputs, values=values)

    async def _call(self, step: Step, context: StepContext[Any], timeout: float | None) -> object:
        ex = self.ex
        task = ex.enter_body()
        try:
            if self.span.is_recording:
                with self.span.use():
                    return await _invoke(step, context, timeout)
            return await _invoke(step, context, timeout)
        except asyncio.CancelledError:
            if ex.was_interrupted(task):
                raise Interrupted from None
            raise
        finally:
            ex.leave_body(task)

    async def _ending(self, step: Step, context: StepContext[Any], result: object) -> Ending:
        state = context._state_update
        if context._suspended is not None:
            question, labels = context._suspended
            # What is returned beside a question is kept when it says something.
            beside = Value.settled(result) if truthy(result) else NOTHING
            return Ending(StepStatus.SUSPENDED, beside, state, Value(question), labels)
        if context._bailed is not _NOT_BAILED:
            return Ending(StepStatus.BAILED, Value.settled(context._bailed), state)
        output = Value.settled(result)
        if self.site.flow.workflow.validate_outputs and step.output_schema is not None:
            issues = step.output_schema.parse(output.copy()).issues
            if issues:
                text = issues_text("Step output validation failed", issues)
                raise StepRefused(text, code="WORKFLOW_STEP_OUTPUT_VALIDATION_FAILED", cause=issues_cause(issues))
        return Ending(StepStatus.SUCCESS, output, state)


async def _invoke(step: Step, context: StepContext[Any], timeout: float | None) -> object:
    function = step.function
    if function is None:
        raise TypeError(f"Step {step.id} has no function")
    async with asyncio.timeout(timeout) if timeout else _NO_LIMIT:
        if step.is_async:
            outcome = function(context)
        else:
            outcome = await run_in_thread(partial(function, context))
        return await outcome if inspect.isawaitable(outcome) else outcome


class _NoLimit:
    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *args: object) -> None: ...


_NO_LIMIT = _NoLimit()


class _ThreadSink:
    """Chunks of a step that runs in a thread: handed to the loop in order, and waited for now and then."""

    __slots__ = ("_ex", "_unseen")

    def __init__(self, ex: Execution) -> None:
        self._ex = ex
        self._unseen = 0

    def chunk(self, path: str, name: str, chunk: object, *, custom: bool) -> Awaitable[None]:
        """See Sink."""
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


def _changed_state(ex: Execution, site: Site, update: dict[str, object] | None) -> dict[str, object] | None:
    """The keys that the step really changes: an event must not repeat the whole state."""
    if not update:
        return None
    state = site.flow.scope.state
    return {key: value for key, value in update.items() if key not in state or not same_json(state[key], value)}


def _shared_changes(ex: Execution, site: Site, ending: Ending, data: dict[str, object]) -> None:
    if changed := _changed_state(ex, site, ending.state):
        data["state"] = changed
    if (context := ex.context_change()) is not None:
        data["requestContext"] = context


def _emit_result(ex: Execution, site: Site, ending: Ending, payload: Value, span: TraceSpan) -> None:
    data = site.place() | {"status": ending.status.value}
    _shared_changes(ex, site, ending, data)
    stored = dict(data)
    output = ending.output
    if (
        output.value is not UNSET
        and output.seq is None
        and payload.value is not UNSET
        and output.is_written_as(payload)
    ):
        output = payload
    inline = output.put("output", data, stored)
    seq = ex.emit(EventType.STEP_RESULT, data, stored)
    if inline:
        output.seq = seq
    ending.output = output
    span.end(status=ending.status.value, output=output.value)


def _emit_failure(ex: Execution, site: Site, failure: Failure, span: TraceSpan, workflow_id: str, run_id: str) -> None:
    data = site.place() | {"status": StepStatus.FAILED.value, "error": failure.error}
    if failure.stack:
        data["stack"] = failure.stack
    if failure.tripwire is not None:
        data["tripwire"] = failure.tripwire
    if failure.non_retryable:
        data["nonRetryable"] = True
    if (context := ex.context_change()) is not None:
        data["requestContext"] = context
    ex.emit(EventType.STEP_RESULT, data)
    if span is not NO_SPAN:
        told = step_error_info(workflow_id, run_id, site.step.id, failure.message, failure.stack_text)
        span.fail(told, status=StepStatus.FAILED.value)


def _emit_suspension(ex: Execution, site: Site, ending: Ending, span: TraceSpan) -> None:
    data = site.place()
    _shared_changes(ex, site, ending, data)
    stored = dict(data)
    for key, value in (("suspendPayload", ending.question), ("suspendOutput", ending.output)):
        if value.value is not UNSET:
            data[key] = value.value
            stored[key] = orjson.Fragment(value.text)
    extra: dict[str, object] = {}
    if ending.labels:
        extra["labels"] = list(ending.labels)
    if ending.path is not None:
        extra |= {"path": ending.path, "runId": ex.snapshot.steps[site.path].run_id or ex.snapshot.run_id}
    if ending.span_id is not None:
        extra["spanId"] = ending.span_id
    ex.emit(EventType.STEP_SUSPENDED, data | extra, stored | extra)
    span.end(status=StepStatus.SUSPENDED.value)
