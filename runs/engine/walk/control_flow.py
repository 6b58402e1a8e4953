"""Many steps: parallel, branch, loop, foreach, sleep; and the nested workflow."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..data import user_code
from ..data.failures import Failure, failure_of
from ..data.undefined import UNSET
from ..graph.conditions import Predicate, truthy
from ..graph.entries import Branch, Condition, Loop, Parallel, Then
from ..graph.step import Step
from ..log.events import EventType
from ..log.records import StepRecord
from ..log.results import StepStatus
from ..log.step_result import question_of
from ..trace.tracing import TraceSpan, block_error_info, condition_error_info, run_error_info
from ..trace.values import NOTHING, Value
from .context import FunctionContext, function_context
from .execution import Execution
from .position import Answer, GraphFrame, Start, StepPosition
from .step_execution import run_step


@dataclass(slots=True)
class Outcome:
    """How an entry, or a whole graph, ended. `record` is the step that decided it."""

    status: StepStatus
    value: Value = NOTHING  # the entry's own output
    onward: Value | None = None  # what the next entry gets, where that differs
    record: StepRecord | None = None
    worked: bool = True  # False: everything stood already


def of_record(record: StepRecord, *, worked: bool = True, output: Value | None = None) -> Outcome:
    """The outcome of an entry that is one step. `output`: the record's, if it has just been written as JSON."""
    value = output or (Value(record.output, seq=record.output_seq) if record.output is not UNSET else NOTHING)
    return Outcome(record.status, value, record=record, worked=worked)


ENDED = frozenset({StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.BAILED, StepStatus.CANCELED, StepStatus.PAUSED})


async def advance(ex: Execution, site: StepPosition, given: Value) -> tuple[StepRecord, bool]:
    """Bring one step as far as it goes: start it, answer it, or take it up where it was interrupted.

    Returns its record, and whether anything was done.
    """
    record = site.record
    if record is None or (record.restored and record.status is StepStatus.SKIPPED):
        return await run_step(ex, site, Start(given)), True
    if record.status is StepStatus.SUSPENDED:
        answer = answer_for(ex, site)
        if answer is None:
            return record, False
        return await run_step(ex, site, Start(_stored_input(record), answer=answer)), True
    if record.status is StepStatus.RUNNING:
        restarted = ex.snapshot.control == EventType.RUN_RESTART and record.seq < ex.snapshot.control_seq
        relist = record.restored or restarted
        start = Start(given, again=True, relist=relist)
        if site.iteration is not None or site.item is not None or not relist:
            start.given = _stored_input(record)
        return await run_step(ex, site, start), True
    return record, False


def _stored_input(record: StepRecord) -> Value:
    """The input of a step that has begun before, to be read as it was then."""
    if record.payload is UNSET:
        return NOTHING
    value = Value(record.payload, seq=record.payload_seq)
    return value if record.given is UNSET else Value(record.given)


def answer_for(ex: Execution, site: StepPosition) -> Answer | None:
    """The answer that is on its way to this suspended step; none, if it has asked since."""
    answer, record = site.flow.answer, site.record
    if answer is None or not answer.steps or answer.steps[0] != site.step.id:
        return None
    return answer if record is not None and record.seq < ex.snapshot.control_seq else None


def site_of(flow: GraphFrame, step: Step, index: int, span: TraceSpan, **more: Any) -> StepPosition:
    """Where a step of this graph runs."""
    owner = flow.scope.path
    path = f"{owner}.{step.id}" if owner else step.id
    return StepPosition(flow, step, path, index, span, owner=owner, **more)


async def run_then(ex: Execution, flow: GraphFrame, index: int, entry: Then, given: Value) -> Outcome:
    """One step."""
    site = site_of(flow, entry.step, index, flow.span, info=entry.info)
    record, worked = await advance(ex, site, given)
    return of_record(record, worked=worked, output=site.output)


# Parallel and branch


async def run_block(ex: Execution, flow: GraphFrame, index: int, entry: Parallel | Branch, given: Value) -> Outcome:
    """Steps at once. All of them finish; then failed beats suspended beats canceled."""
    standing: dict[int | None, StepRecord] = {
        record.member: record
        for step in entry.steps
        if (record := flow.scope.steps.get(step.id)) is not None and record.entry == index and record.member is not None
    }
    answered = bool(
        flow.answer and standing and any(s.id == flow.answer.steps[0] for s in entry.steps if flow.answer.steps)
    )
    span = flow.span if answered or _is_over(standing.values()) else _block_span(flow, entry, given)
    members = await _members(ex, flow, entry, given, standing, span, answered=answered)
    selected = members if isinstance(entry, Branch) else None
    sites = [
        site_of(flow, entry.steps[m], index, span, member=m, selected=selected, together=len(members) > 1)
        for m in members
    ]
    results: dict[int, StepRecord] = {}
    worked = False

    async def member(site: StepPosition) -> None:
        nonlocal worked
        record, did = await advance(ex, site, given)
        worked = worked or did
        results[site.member or 0] = record

    work: list[Callable[[], Awaitable[None]]] = [partial(member, site) for site in sites]
    if work:
        await ex.together(work)
    outcome = _block_outcome(ex, flow, entry, [results[m] for m in members], index)
    outcome.worked = worked or not standing
    if span is not flow.span:
        _end_block(ex, span, outcome)
    return outcome


def _is_over(records: Any) -> bool:
    found = list(records)
    return bool(found) and all(record.status in ENDED for record in found)


def _block_span(flow: GraphFrame, entry: Parallel | Branch, given: Value) -> TraceSpan:
    if isinstance(entry, Branch):
        return flow.span.conditional(len(entry.conditions), given, entry=entry.info)
    return flow.span.parallel([step.id for step in entry.steps], given, entry=entry.info)


async def _members(
    ex: Execution,
    flow: GraphFrame,
    entry: Parallel | Branch,
    given: Value,
    standing: dict[int | None, StepRecord],
    span: TraceSpan,
    *,
    answered: bool,
) -> list[int]:
    """The indexes of the members that take part, in graph order."""
    traveled = any(record.restored for record in standing.values()) and flow.target is not None
    if isinstance(entry, Parallel):
        everyone = list(range(len(entry.steps)))
        if traveled:
            return [m for m in everyone if m in standing]
        if ex.snapshot.per_step and not standing:
            return everyone[:1]
        return [m for m in everyone if m in standing] if ex.snapshot.per_step else everyone
    restarted = ex.snapshot.control == EventType.RUN_RESTART
    valid = [r for r in standing.values() if not restarted or r.start_seq > ex.snapshot.control_seq]
    chosen = next((record.selected for record in valid if record.selected is not None), None)
    if chosen is not None and not traveled:
        return chosen
    if standing and not traveled and not restarted:  # rebuilt by a time travel before: it has run as it is
        return sorted(m for m, record in standing.items() if m is not None and record.status is not StepStatus.SKIPPED)
    holding = await _matching_arms(ex, flow, entry, given, span)
    chosen = holding
    if traveled:
        running = [m for m, record in standing.items() if m is not None and record.status is StepStatus.RUNNING]
        chosen = running or holding
    elif ex.snapshot.per_step:
        fresh = [m for m in holding if entry.steps[m].id not in flow.scope.steps]
        chosen = fresh[:1] or holding
    span.set_attributes({"truthyIndexes": holding, "selectedSteps": [entry.steps[m].id for m in chosen]})
    return chosen


async def _matching_arms(ex: Execution, flow: GraphFrame, entry: Branch, given: Value, span: TraceSpan) -> list[int]:
    """Which conditions hold. One that raises does not."""
    holds: dict[int, bool] = {}

    async def evaluate(number: int, condition: Condition) -> None:
        own = span.condition(number, given)
        context = function_context(ex, flow, given.copy(), "conditional", own)
        try:
            holds[number] = truthy(await call(condition, context))
        except Exception as error:
            holds[number] = False
            failure = failure_of(error)
            info = condition_error_info(flow.workflow.id, flow.run_id, failure.message, failure.stack_text)
            own.fail(info, attributes={"result": False})
        else:
            own.end(output=holds[number], attributes={"result": holds[number]})

    jobs = [evaluate(number, condition) for number, condition in enumerate(entry.conditions)]
    if any(inspect.iscoroutinefunction(condition) for condition in entry.conditions):
        await asyncio.gather(*jobs)
    else:
        for job in jobs:
            await job
    return [number for number in range(len(entry.conditions)) if holds[number]]


async def call(function: Condition | Callable[..., object], context: FunctionContext) -> object:
    """The answer of a condition or of another function of the workflow; plain functions run on the loop.

    Raises Exceptions alone, or a CancelledError when the task was canceled from outside.
    """
    if isinstance(function, Predicate):
        return function.evaluate(context)
    return await user_code.call(function, context)


def _block_outcome(
    ex: Execution, flow: GraphFrame, entry: Parallel | Branch, records: list[StepRecord], index: int
) -> Outcome:
    failed = next((record for record in records if record.status is StepStatus.FAILED), None)
    if failed is not None:
        return Outcome(StepStatus.FAILED, record=failed)
    waiting = next((record for record in records if record.status is StepStatus.SUSPENDED), None)
    if waiting is not None:
        return Outcome(StepStatus.SUSPENDED, record=waiting)
    if ex.cancel.aborted:
        return Outcome(StepStatus.CANCELED)
    if any(record.status is StepStatus.PAUSED for record in records):
        return Outcome(StepStatus.PAUSED)
    output = {
        record.step_id: record.output
        for record in records
        if record.status is StepStatus.SUCCESS and record.output is not UNSET
    }
    return Outcome(StepStatus.SUCCESS, Value(output), onward=output_of_block(flow, entry, index))


def output_of_block(flow: GraphFrame, entry: Parallel | Branch, index: int) -> Value:
    """What the entry after a block gets: the outputs of all members, bailed ones included."""
    outputs: dict[str, object] = {}
    for step in entry.steps:
        output = output_of_step(flow, step.id, index).value
        if output is not UNSET:
            outputs[step.id] = output
    return Value(outputs)


def output_of_step(flow: GraphFrame, step_id: str, index: int) -> Value:
    """What a step gave in the entry at this index, or NOTHING; a later entry may have begun it again."""
    record = flow.scope.steps.get(step_id)
    if record is None:
        return NOTHING
    output, seq = record.output, record.output_seq
    if record.entry > index and step_id in flow.scope.replaced:
        output, seq = flow.scope.replaced[step_id]
    return Value(output, seq=seq) if output is not UNSET else NOTHING


def _end_block(ex: Execution, span: TraceSpan, outcome: Outcome) -> None:
    record = outcome.record
    if outcome.status is StepStatus.FAILED and record is not None and record.error is not None:
        span.fail(block_error_info(record.error))
    elif outcome.status is StepStatus.SUCCESS:
        span.end(output=outcome.value)
    else:
        output: dict[str, object] = {"status": outcome.status.value}
        if record is not None and (question := question_of(record)) is not UNSET:
            output["suspendPayload"] = question
        span.end(output=output)


# Loop


async def run_loop(ex: Execution, flow: GraphFrame, index: int, entry: Loop, given: Value) -> Outcome:
    """A step, then its condition, and again."""
    record = flow.scope.steps.get(entry.step.id)
    standing = record if record is not None and record.entry == index and record.iteration is not None else None
    if standing is not None and standing.status is StepStatus.SUSPENDED:
        probe = site_of(flow, entry.step, index, flow.span)
        if answer_for(ex, probe) is None:
            return of_record(standing, worked=False)
    iteration = standing.iteration or 1 if standing is not None else 1
    span = flow.span.loop(entry.kind, given, entry=entry.info)
    done = iteration - 1
    value = given
    while True:
        if ex.cancel.aborted:
            return _canceled_loop(ex, flow, entry, span, done)
        site = site_of(flow, entry.step, index, span, iteration=iteration)
        if standing is not None and standing.restored and standing.iteration is None:
            standing = None
        if standing is None:
            record = await run_step(ex, site, Start(value))
        else:
            record, _ = await advance(ex, site, value)
            standing = None
        if record.status is not StepStatus.SUCCESS:
            span.end(attributes={"totalIterations": done})
            return of_record(record)
        value = Value(record.output, seq=record.output_seq) if record.output is not UNSET else NOTHING
        if ex.cancel.aborted:
            return _canceled_loop(ex, flow, entry, span, done + 1)
        try:
            holds = await _loop_holds(ex, flow, entry, span, value, iteration)
        except Exception as error:
            return failed_entry(ex, site, failure_of(error), span)
        done = iteration
        if ex.cancel.aborted:
            return _canceled_loop(ex, flow, entry, span, done)
        if holds is (entry.kind == "dountil"):
            span.end(output=value, attributes={"totalIterations": done})
            return of_record(record)
        await ex.commit()
        iteration += 1


async def _loop_holds(
    ex: Execution, flow: GraphFrame, entry: Loop, span: TraceSpan, value: Value, iteration: int
) -> bool:
    own = span.loop_condition(entry.kind, _looked_at(value.value))
    own.set_attributes({"conditionIndex": iteration - 1})
    context = function_context(ex, flow, value.copy(), "loop", own, iteration)
    try:
        answer = await call(entry.condition, context)
    except Exception as error:
        failure = failure_of(error)
        own.fail(run_error_info(failure.error))
        raise
    holds = truthy(answer)
    own.end(output=answer if type(answer) in (bool, int, float, str, type(None)) else holds)
    return holds


def _looked_at(output: object) -> object:
    """What of a loop's output its condition's span shows; of an object only the parts that the reference shows."""
    if not isinstance(output, dict):
        return output
    return {key: output[key] for key in ("stepResult", "messages") if key in output}


def _canceled_loop(ex: Execution, flow: GraphFrame, entry: Loop, span: TraceSpan, done: int) -> Outcome:
    record = flow.scope.steps.get(entry.step.id)
    if record is not None and record.iteration is not None:
        data: dict[str, object] = {"id": record.path, "status": StepStatus.CANCELED.value}
        if flow.scope.path:
            data["in"] = flow.scope.path
        ex.emit(EventType.STEP_RESULT, data)
    span.end(attributes={"totalIterations": done})
    return Outcome(StepStatus.CANCELED, record=record)


def failed_entry(ex: Execution, site: StepPosition, failure: Failure, span: TraceSpan) -> Outcome:
    """Fail an entry for an error outside a step's function; its step gets the error."""
    data: dict[str, object] = site.place() | {"status": StepStatus.FAILED.value, "error": failure.error}
    if failure.stack:
        data["stack"] = failure.stack
    ex.emit(EventType.STEP_RESULT, data)
    span.fail(block_error_info(failure.error, failure.stack_text))
    return Outcome(StepStatus.FAILED, record=ex.snapshot.steps[site.path])
