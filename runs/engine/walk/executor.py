"""Walks the graph of a run; each outcome is an event, committed before the next step starts.

There is one way through: the log is folded into a snapshot, and the graph is walked from where the snapshot ends,
whether that is a first start, an answer, a restart, a time travel or the state that a crash left behind.
"""

import asyncio
from collections.abc import Awaitable, Mapping

import orjson

from ..commands.resuming import labels_of
from ..data.failures import Failure, failure_of
from ..data.schemas import INVALID_STATE
from ..data.text import clipped
from ..data.undefined import UNSET
from ..errors import NonRetryableError
from ..graph.entries import Branch, Entry, ForEach, Loop, Parallel, Sleep, Then
from ..graph.graph import Graph, NestedStep
from ..graph.lifecycle import RunEnd, RunInfo
from ..log.events import Event, EventType
from ..log.fold import fold
from ..log.records import RunSnapshot, StepRecord
from ..log.results import RunStatus, StepStatus
from ..log.step_result import run_result
from ..log.store import CardChange, RunLog, now_ms
from ..redaction.redactor import Redactor
from ..trace.tracing import NO_SPAN, Tracing, call_error_info, run_error_info
from ..trace.values import NOTHING, Origin, Value
from .cancellation import CancelToken
from .control_flow import Outcome, output_of_block, output_of_step, run_block, run_loop, run_then
from .current_step import current_redactor
from .execution import Execution, OnAbandoned, Parked
from .foreach import run_foreach
from .position import Answer, AttemptOutcome, GraphFrame, Start, StepFailed, StepPosition
from .run_trace import start_span
from .sleep import run_sleep


async def execute(
    workflow: Graph,
    log: RunLog,
    events: list[Event],
    *,
    cancel: CancelToken | None = None,
    tracing: Tracing | None = None,
    park_after: float | None = None,
    interrupt_after: float | None = None,
    on_abandoned: OnAbandoned | None = None,
    failed_steps: Mapping[str, dict[str, object]] | None = None,
) -> RunStatus:
    """Continue a claimed run from its log, and return its status when the task is over.

    `events`: all that is committed, at least the `workflow-start`. `park_after`: seconds; when all that is left of
    the run sleeps for longer, the task ends with status waiting and the card's `wake_at`. `interrupt_after`:
    seconds of grace that steps have after a cancel; None: they are never interrupted. `on_abandoned` is called for
    functions that go on in their threads after their step is over: see OnAbandoned.
    `failed_steps`: the errors, by path, of steps that were interrupted and are not tried again; given for a run
    whose process has ended before: what begins in it is durable before a step's function is called. Everything is
    committed on return.
    Raises Fenced when another owner has taken the run; a CancelledError is taken for a crash and writes nothing.
    """
    snapshot = fold(log.run_id, workflow.id, events)
    execution = Execution(
        workflow,
        log,
        snapshot,
        cancel=cancel,
        tracing=tracing,
        park_after=park_after,
        interrupt_after=interrupt_after,
        on_abandoned=on_abandoned,
    )
    execution.failed_steps = failed_steps or {}
    execution.commits_starts = failed_steps is not None
    return await run(execution, announced=False)


async def run(ex: Execution, *, announced: bool) -> RunStatus:
    """Walk the run's graph to its end. `announced`: the workflow's on_start has been called already."""
    snapshot = ex.snapshot
    if snapshot.status.is_final or snapshot.status in (RunStatus.SUSPENDED, RunStatus.PAUSED):
        return snapshot.status
    deadline = snapshot.deadline
    clock: asyncio.TimerHandle | None = None
    fresh = snapshot.control == EventType.RUN_START and snapshot.seq == snapshot.control_seq
    ex.walk_nested = walk_nested
    if ex.span is NO_SPAN:
        ex.span = start_span(ex)
    redacting = current_redactor.set(ex.redactor)
    stop_listening = ex.cancel.listen(ex.on_cancel)
    if deadline is not None:
        left = (deadline.at - now_ms()) / 1000
        if left > 0:
            clock = ex.loop.call_later(left, ex.cancel.expire, deadline.error())
        else:
            ex.cancel.expire(deadline.error())
    try:
        if fresh and not announced and (refusal := await _announce(ex)) is not None:
            return await _finish(ex, Outcome(StepStatus.FAILED), refusal)
        scope = snapshot.scopes[""]
        flow = GraphFrame(ex.workflow, scope, snapshot.run_id, ex.span, _answer(snapshot), snapshot.target)
        try:
            outcome = await walk(ex, flow)
        except Parked:
            await ex.commit()
            ex.span.end(status=RunStatus.WAITING.value)
            return RunStatus.WAITING
        return await _finish(ex, outcome)
    finally:
        if clock is not None:
            clock.cancel()
        stop_listening()
        current_redactor.reset(redacting)


async def _announce(ex: Execution) -> Failure | None:
    """Call the workflow's on_start; what it raises ends the run before its first step."""
    try:
        await ex.workflow.announce(
            RunInfo(ex.snapshot.run_id, ex.workflow.id, ex.snapshot.resource_id, ex.request_context, ex.snapshot)
        )
    except Exception as error:
        return failure_of(error)
    return None


def _answer(snapshot: RunSnapshot) -> Answer | None:
    resume = snapshot.resume
    return None if resume is None else Answer(resume.steps, resume.data, resume.index, resume.label)


async def walk(ex: Execution, flow: GraphFrame) -> Outcome:
    """Run entries from the current one until one does not succeed, or to the end of the graph."""
    entries = flow.workflow.entries
    index = max(flow.scope.entry, 0)
    value = value_before(flow, index)
    outcome = Outcome(StepStatus.SUCCESS, value)
    while index < len(entries):
        if ex.cancel.aborted:
            return Outcome(StepStatus.CANCELED)
        outcome = await run_entry(ex, flow, index, entries[index], value)
        if ex.cancel.aborted:
            return Outcome(StepStatus.CANCELED)
        if outcome.status is not StepStatus.SUCCESS:
            return outcome
        if ex.snapshot.per_step and (outcome.worked or _began_now(ex, flow, index)):
            return Outcome(StepStatus.PAUSED)
        before, value = value, outcome.onward if outcome.onward is not None else outcome.value
        if isinstance(entries[index], Sleep) and value is not NOTHING:
            value.origin = before.origin
        index += 1
        if index < len(entries):
            await ex.commit()
    return outcome


def _began_now(ex: Execution, flow: GraphFrame, index: int) -> bool:
    """Whether the entry has been done since the run was last set going, before a crash."""
    return any(
        record.entry == index and record.start_seq > ex.snapshot.control_seq for record in flow.scope.steps.values()
    )


def run_entry(ex: Execution, flow: GraphFrame, index: int, entry: Entry, given: Value) -> Awaitable[Outcome]:
    """Run one entry of any kind until it ends or waits."""
    if isinstance(entry, Then):
        return run_then(ex, flow, index, entry, given)
    if isinstance(entry, Parallel | Branch):
        return run_block(ex, flow, index, entry, given)
    if isinstance(entry, Loop):
        return run_loop(ex, flow, index, entry, given)
    if isinstance(entry, ForEach):
        return run_foreach(ex, flow, index, entry, given)
    return run_sleep(ex, flow, index, entry, given)


def value_before(flow: GraphFrame, index: int) -> Value:
    """Return the input of the entry at this index: the output of the one before it, or the input of the graph."""
    if index == 0:
        return _input_of(flow)
    before = flow.workflow.entries[index - 1]
    if isinstance(before, Parallel | Branch):
        return output_of_block(flow, before, index - 1)
    if not isinstance(before, Sleep):
        return output_of_step(flow, before.step.id, index - 1)
    value, slept = output_of_step(flow, before.id, index - 1), value_before(flow, index - 1)
    # After a time travel the output of a sleep may be another value than its input.
    if value is not NOTHING and slept.origin is not None and value.is_written_as(slept):
        value.origin = slept.origin
    return value


def _input_of(flow: GraphFrame) -> Value:
    scope, schema = flow.scope, flow.workflow.input_schema
    if scope.input is UNSET:
        return NOTHING
    value = Value(scope.input, seq=scope.input_seq)
    if scope.given is not UNSET and schema is not None:
        value.origin = Origin(schema, scope.given)
    return value


async def walk_nested(ex: Execution, site: StepPosition, record: StepRecord, start: Start) -> AttemptOutcome:
    """A workflow as a step: its graph, walked below the step's path, in the same log."""
    assert isinstance(site.step, NestedStep)  # noqa: S101 (only nested workflows come here)
    parent, workflow = site.flow, site.step.workflow
    scope = ex.snapshot.scopes[record.path]
    run_id = record.run_id or parent.run_id
    answer = _answer_below(ex, parent, record, start)
    target = parent.target[1:] if parent.target and parent.target[:1] == [site.step.id] else None
    resumed_from = record.span_id if record.resuming else None
    shown = start.answer.data if start.answer is not None else record.payload
    if start.answer is None and start.again and scope.entry >= 0:
        shown = ex.snapshot.travel_input if target else UNSET
    span = site.own_span.nested_run(workflow.id, run_id, shown, resumed_from=resumed_from)
    flow = GraphFrame(workflow, scope, run_id, span, answer, target or None, parent.depth + 1)
    if scope.entry < 0 and not start.again:
        try:
            await _open_nested(ex, flow, parent)
        except Exception as error:
            span.fail(call_error_info(error))
            raise
    outcome = await walk(ex, flow)
    ending = _nested_ending(ex, flow, outcome, record)
    if workflow.listens:
        info = RunInfo(run_id, workflow.id, ex.snapshot.resource_id, ex.request_context, ex.snapshot, scope)
        failed = outcome.record if outcome.status is StepStatus.FAILED else None
        await workflow.notify_end(RunEnd.of(info, outcome.status.value, outcome.value.value, failed))
    if outcome.status is StepStatus.FAILED:
        raise StepFailed(_nested_failure(flow, outcome.record))
    return ending


def _answer_below(ex: Execution, parent: GraphFrame, record: StepRecord, start: Start) -> Answer | None:
    """What is left of an answer's way below this step; also after a crash on that way."""
    answer, resume = start.answer, ex.snapshot.resume
    if answer is None and record.resuming and resume is not None:
        answer = Answer(resume.steps[parent.depth :], resume.data, resume.index, resume.label)
    if answer is None:
        return None
    below = answer.steps[1:] or list(record.suspended_path or [])
    return Answer(below, answer.data, answer.index, answer.label)


async def _open_nested(ex: Execution, flow: GraphFrame, parent: GraphFrame) -> None:
    """Read the parent's state with the nested workflow's schema. Raises what makes the parent's step fail."""
    workflow = flow.workflow
    same = workflow.state_schema is not None and workflow.state_schema.is_same(parent.workflow.state_schema)
    if workflow.state_schema is not None and ex.workflow.validate_inputs and not same:
        parsed = workflow.state_schema.check(dict(flow.scope.state), INVALID_STATE)
        flow.scope.state.clear()
        flow.scope.state.update(parsed.value)  # type: ignore[call-overload]
    info = RunInfo(flow.run_id, workflow.id, ex.snapshot.resource_id, ex.request_context, ex.snapshot, flow.scope)
    await workflow.announce(info)


def _nested_ending(ex: Execution, flow: GraphFrame, outcome: Outcome, record: StepRecord) -> AttemptOutcome:
    state = dict(flow.scope.state)
    if outcome.status is StepStatus.SUSPENDED:
        asking = [step for step in flow.scope.steps.values() if step.status is StepStatus.SUSPENDED]
        last = asking[-1] if asking else outcome.record
        path = [last.step_id, *(last.suspended_path or [])] if last is not None else []
        payload = last.suspend_payload if last is not None else UNSET
        labels = tuple(dict.fromkeys(label for step in asking for label in labels_of(step)))
        flow.span.end(status="suspended")
        span_id = flow.span.span_id
        return AttemptOutcome(StepStatus.SUSPENDED, NOTHING, state, Value(payload), labels, path, span_id)
    if outcome.status is StepStatus.CANCELED:
        flow.span.end(status="canceled")
        ex.notify_watchers({"type": EventType.RUN_CANCELED.value, "payload": {}})
        return AttemptOutcome(StepStatus.SUCCESS, NOTHING, state)
    if outcome.status is StepStatus.PAUSED:
        flow.span.end(status="paused")
        if not flow.scope.hidden:
            ex.notify_watchers({"type": EventType.RUN_PAUSED.value, "payload": {}})
        return AttemptOutcome(StepStatus.PAUSED, NOTHING, state)
    if outcome.status is StepStatus.FAILED:
        if outcome.record is not None and outcome.record.tripwire is not None:
            flow.span.end(status="tripwire")
        else:
            error = outcome.record.error if outcome.record is not None else None
            flow.span.fail(run_error_info(error or {}), status="failed")
        return AttemptOutcome(StepStatus.FAILED)
    flow.span.end(status="success", output=outcome.value)
    return AttemptOutcome(StepStatus.SUCCESS, outcome.value, state)


def _nested_failure(flow: GraphFrame, record: StepRecord | None) -> Failure:
    """The failure of a nested workflow as its parent's step reports it."""
    if record is None or record.error is None:
        return Failure({"message": "The nested workflow failed", "name": "Error"})
    error = record.error
    if record.tripwire is not None:
        options = {key: record.tripwire[key] for key in ("retry", "metadata") if key in record.tripwire}
        wrapped: dict[str, object] = {
            "message": str(record.tripwire.get("reason", "")),
            "name": "Error",
            "options": options,
        }
        return Failure(wrapped, record.stack, record.tripwire)
    if any(step.non_retryable and step.status is StepStatus.FAILED for step in flow.scope.steps.values()):
        name = NonRetryableError.name
        wrapped = {"message": error.get("message", ""), "name": name, "isNonRetryable": True, "cause": error}
        return Failure(wrapped, record.stack, None, non_retryable=True)
    return Failure(error, record.stack)


async def _finish(ex: Execution, outcome: Outcome, refusal: Failure | None = None) -> RunStatus:
    """Append and commit the end of the run; then end its span and call the workflow's callbacks."""
    ex.cancel.notify()  # a cancel that came while a step blocked the loop
    status, type, data, detail = _end_event(ex, outcome, refusal)
    card: CardChange = {"status": status, "wake_at": None, "detail": detail}
    if status.is_final:
        card["ended_at"] = now_ms()
    result = outcome.value if status is RunStatus.SUCCESS else NOTHING
    ex.emit(type, data, card=card, result=result)
    await ex.commit()
    snapshot = ex.snapshot
    if status is RunStatus.FAILED:
        ex.span.fail(run_error_info(snapshot.error or {}), status=status.value)
    else:
        ex.span.end(status=status.value, output=result)
    if status is not RunStatus.PAUSED and ex.workflow.listens:
        info = RunInfo(snapshot.run_id, ex.workflow.id, snapshot.resource_id, ex.request_context, snapshot)
        await ex.workflow.notify_end(RunEnd.of_run(info, run_result(snapshot, trace_id=None, span_id=None)))
    return status


def _end_event(
    ex: Execution, outcome: Outcome, refusal: Failure | None
) -> tuple[RunStatus, str, dict[str, object], str]:
    """The status, the event and what it holds, and a line for lists."""
    status = outcome.status
    if status is StepStatus.CANCELED and ex.cancel.expired is not None:
        failed: dict[str, object] = {"status": RunStatus.FAILED.value, "error": ex.cancel.expired}
        return RunStatus.FAILED, EventType.RUN_FINISH, failed, str(ex.cancel.expired["message"])
    if status is StepStatus.CANCELED:
        data: dict[str, object] = {"by": ex.cancel.by} if ex.cancel.by else {}
        return RunStatus.CANCELED, EventType.RUN_CANCELED, data, ""
    if status is StepStatus.SUSPENDED:
        return RunStatus.SUSPENDED, EventType.RUN_SUSPENDED, {}, _question(outcome.record, ex.redactor)
    if status is StepStatus.PAUSED:
        return RunStatus.PAUSED, EventType.RUN_PAUSED, {}, ""
    if status is StepStatus.FAILED:
        record = outcome.record
        tripwire = record.tripwire if record is not None else None
        error = refusal.error if refusal is not None else (record.error if record is not None else None)
        if tripwire is not None:
            data = {"status": RunStatus.TRIPWIRE.value, "tripwire": tripwire}
            detail = _named(ex, record, tripwire.get("reason"))
            return RunStatus.TRIPWIRE, EventType.RUN_FINISH, data, detail
        data = {"status": RunStatus.FAILED.value, "error": error or {}}
        detail = _named(ex, record, (error or {}).get("message"))
        return RunStatus.FAILED, EventType.RUN_FINISH, data, detail
    return RunStatus.SUCCESS, EventType.RUN_FINISH, {"status": RunStatus.SUCCESS.value}, ""


DETAIL_LENGTH = 200


def _line(text: object) -> str:
    line = " ".join(str(text or "").split())
    return clipped(line, DETAIL_LENGTH)


def _named(ex: Execution, record: StepRecord | None, text: object) -> str:
    """A failure in one line, with the path of the innermost step that failed; redacted, for lists show it as it is."""
    while record is not None:
        scope = ex.snapshot.scopes.get(record.path)
        below = record.items.values() if record.items else scope.steps.values() if scope is not None else ()
        failed = [step for step in below if step.status is StepStatus.FAILED]
        if not failed:
            break
        record = min(failed, key=lambda step: step.seq)
    hidden = ex.redactor.text(str(text or ""))
    return _line(f"{record.path}: {hidden}" if record is not None else hidden)


def _question(record: StepRecord | None, redactor: Redactor) -> str:
    """What a suspended run asks, in one line: its message if it has one."""
    payload = redactor.apply(record.suspend_payload) if record is not None else UNSET
    if isinstance(payload, dict):
        for key in ("message", "question", "ask", "reason", "title"):
            if isinstance(payload.get(key), str):
                return _line(payload[key])
    if payload is UNSET or payload == {}:
        return f"{record.path} waits for an answer" if record is not None else ""
    return _line(payload if isinstance(payload, str) else orjson.dumps(payload).decode())


def append_cancel(log: RunLog, by: str | None = None) -> None:
    """Append the end of a run that is not executed, such as a suspended one. The caller commits the log."""
    at = now_ms()
    card: CardChange = {"status": RunStatus.CANCELED, "ended_at": at, "wake_at": None, "detail": ""}
    log.append(EventType.RUN_CANCELED, {"by": by} if by else {}, at=at, card=card)
