"""One step: check the input, attempt, retry, suspend, bail."""

import asyncio
import uuid
from contextlib import suppress
from typing import NamedTuple

from ..data.failures import Failure, failure_of
from ..data.json_value import same_json
from ..data.schemas import STEP_INPUT, issues_cause, issues_text, step_context_head
from ..data.undefined import UNSET
from ..errors import NotJson, StepRefused
from ..graph.graph import NestedStep
from ..graph.step import RetryPolicy, Step
from ..log.events import EventType
from ..log.records import StepRecord
from ..log.results import StepStatus
from ..log.store import now_ms
from ..trace.tracing import NO_SPAN, TraceSpan, step_error_info
from ..trace.values import Value
from .attempt import STEP_INPUT_CODE, attempt
from .execution import Execution, Interrupted
from .invocation import StepInvocation
from .position import Answer, AttemptOutcome, Start, StepFailed, StepPosition


async def run_step(ex: Execution, site: StepPosition, start: Start) -> StepRecord:
    """Run a step to its end, with all its attempts; its outcome is in the log and in the record that comes back."""
    step, flow = site.step, site.flow
    workflow = flow.workflow
    reading: _Reading | None = None
    unread: Exception | None = None
    if start.answer is None and ex.workflow.validate_inputs:
        try:
            reading = _read_input(ex, step, start.given)
        except Exception as error:  # of a model's own code: as if the step had raised it
            unread = error
    if reading is None:
        reading = _Reading(start.given)
    payload = reading.payload
    info = site.info
    span = site.span.step(
        step.id,
        payload,
        description=info.description if info else None,
        metadata=info.metadata if info else None,
    )
    site.own_span = span
    record = _emit_start(ex, site, start, reading)
    if ex.commits_starts:
        await ex.commit()
    if site.together:
        await asyncio.sleep(0)  # all that begin together begin before one of them ends
    policy = step.retry_policy(workflow.retries)
    invocation = StepInvocation(ex, site, span, record, payload, reading.instance, start)
    invocation.unread = unread
    if reading.given is not None:
        invocation.keep(reading.given, retries=policy.attempts > 0)
    ending: AttemptOutcome | Failure
    if reading.refusal is not None:
        ending = failure_of(reading.refusal)  # trying again could not help
    elif start.again and (given_up := ex.failed_steps.get(site.path)) is not None:
        ending = Failure(given_up)
    else:
        ending = await _attempts(ex, invocation, policy, step.time_limit(workflow.retries))
    if site.together:
        await asyncio.sleep(0)
    if isinstance(ending, Failure):
        _emit_failure(ex, site, ending, span, workflow.id, flow.run_id)
    elif ending.status is StepStatus.SUSPENDED:
        _emit_suspension(ex, site, ending, span)
    else:
        _emit_result(ex, site, ending, payload, span)
    return record


class _Reading(NamedTuple):
    """A step's input as its schemas read it."""

    payload: Value
    instance: object = UNSET  # for the function; UNSET: a copy of the payload
    refusal: StepRefused | None = None  # what is wrong with it
    given: Value | None = None  # what is to be read in place of the payload whenever an instance is needed again


def _read_input(ex: Execution, step: Step, given: Value) -> _Reading:
    schema = step.input_schema
    if schema is None:
        reading = _Reading(given)
    else:
        source = given
        if given.origin is not None and schema.is_same(given.origin.schema):
            source = Value(given.origin.given)  # the same model has read it before
        text = source.text if source.value is not UNSET else None
        parsed = schema.parse(source.value if schema.copies else source.copy(), text=text)
        if parsed.issues:
            refusal = StepRefused(
                issues_text(STEP_INPUT, parsed.issues),
                code=STEP_INPUT_CODE,
                cause=issues_cause(parsed.issues),
            )
            return _Reading(given, refusal=refusal)
        payload = given
        # The reference takes an input that reads as empty as it was given.
        if parsed.value != {} and (text is None or parsed.text is not text):
            read = Value(parsed.value, text=parsed.text)
            payload = given if read.is_written_as(given) else read
        # Plain data is what each attempt gets a copy of its own of.
        instance = UNSET if parsed.instance is parsed.value else parsed.instance
        is_same = source is payload or schema.reads_back(parsed) or source.is_written_as(payload)
        reading = _Reading(payload, instance, given=None if is_same else source)
    if step.request_context_schema is not None:
        issues = step.request_context_schema.parse(ex.request_context.to_dict()).issues
        if issues:
            message = issues_text(step_context_head(step.id), issues)
            code = "WORKFLOW_STEP_REQUEST_CONTEXT_VALIDATION_FAILED"
            return reading._replace(refusal=StepRefused(message, code=code))
    return reading


def _emit_start(ex: Execution, site: StepPosition, start: Start, reading: _Reading) -> StepRecord:
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
    if isinstance(site.step, NestedStep):
        data["nested"] = True
        if site.item is not None:
            data["runId"] = str(uuid.uuid4())
    if start.answer is not None:
        emit_answer(ex, data, start.answer)
    elif reading.given is None:
        ex.emit(EventType.STEP_START, data, payload=reading.payload)
    else:
        ex.emit(EventType.STEP_START, data, payload=reading.payload, given=reading.given.again())
    return ex.snapshot.steps[site.path]


def emit_answer(ex: Execution, data: dict[str, object], answer: Answer) -> None:
    """The event that starts a step again with its answer, which may be without data."""
    if answer.data is UNSET:
        ex.emit(EventType.STEP_START, data | {"resumed": True})
    else:
        ex.emit(EventType.STEP_START, data, resumePayload=Value(answer.data))


async def _attempts(
    ex: Execution, invocation: StepInvocation, policy: RetryPolicy, timeout: float | None
) -> AttemptOutcome | Failure:
    record = invocation.record
    if record.attempts and (next_at := record.attempts[-1].next_at) is not None and next_at > now_ms():
        await ex.sleep_until(next_at, record.path)
    while True:
        try:
            return await attempt(invocation, len(record.attempts), timeout)
        except Interrupted:
            return AttemptOutcome(StepStatus.CANCELED)
        except StepFailed as error:
            failure = error.failure
        except Exception as error:
            failure = failure_of(error)
        done = len(record.attempts)
        if done >= policy.attempts or failure.non_retryable or failure.is_refusal or ex.cancel.aborted:
            return failure
        wait = policy.wait(done + 1)
        next_at = now_ms() + round(wait * 1000)
        data = invocation.site.place() | {"attempt": done + 1, "error": failure.error, "nextAt": next_at}
        if failure.stack:
            data["stack"] = failure.stack
        ex.emit(EventType.STEP_RETRY, data)
        if wait:
            await ex.sleep_until(next_at, record.path)
            if ex.cancel.aborted:
                return failure


def _changed_state(ex: Execution, site: StepPosition, update: dict[str, object] | None) -> dict[str, object] | None:
    """The keys that the step really changes: an event must not repeat the whole state."""
    if not update:
        return None
    state = site.flow.scope.state
    return {key: value for key, value in update.items() if key not in state or not same_json(state[key], value)}


def _shared_changes(ex: Execution, site: StepPosition, ending: AttemptOutcome, data: dict[str, object]) -> None:
    if changed := _changed_state(ex, site, ending.state):
        data["state"] = changed
        ex.redactor.learn(changed)
    if (context := ex.context_change()) is not None:
        data["requestContext"] = context


def _emit_result(ex: Execution, site: StepPosition, ending: AttemptOutcome, payload: Value, span: TraceSpan) -> None:
    status = ending.status.value
    data = site.place() | {"status": status}
    _shared_changes(ex, site, ending, data)
    output = ending.output
    if isinstance(site.step, NestedStep) and output.seq is None and output.is_written_as(payload):
        output = payload  # what a function returns was compared when it was settled
    ex.emit(EventType.STEP_RESULT, data, output=output)
    if output.value is not UNSET:
        site.output = output
    span.end(status=status, output=output)


def _emit_failure(
    ex: Execution, site: StepPosition, failure: Failure, span: TraceSpan, workflow_id: str, run_id: str
) -> None:
    data = site.place() | {"status": StepStatus.FAILED.value, "error": failure.error}
    if failure.stack:
        data["stack"] = failure.stack
    if failure.tripwire is not None:
        data["tripwire"] = failure.tripwire
    if failure.non_retryable:
        data["nonRetryable"] = True
    with suppress(NotJson):
        ex.check_context()
    if (context := ex.context_change()) is not None:
        data["requestContext"] = context
    ex.emit(EventType.STEP_RESULT, data)
    if span is not NO_SPAN:
        info = step_error_info(workflow_id, run_id, site.step.id, failure.message, failure.stack_text)
        span.fail(info, status=StepStatus.FAILED.value)


def _emit_suspension(ex: Execution, site: StepPosition, ending: AttemptOutcome, span: TraceSpan) -> None:
    data = site.place()
    _shared_changes(ex, site, ending, data)
    if ending.labels:
        data["labels"] = list(ending.labels)
    if ending.path is not None:
        data |= {"path": ending.path, "runId": ex.snapshot.steps[site.path].run_id or ex.snapshot.run_id}
    if ending.span_id is not None:
        data["spanId"] = ending.span_id
    ex.emit(EventType.STEP_SUSPENDED, data, suspendPayload=ending.question, suspendOutput=ending.output)
    span.end(status=StepStatus.SUSPENDED.value)
