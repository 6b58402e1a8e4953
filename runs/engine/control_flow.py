"""Many steps: parallel, branch, loop, foreach, sleep; and the nested workflow."""

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .conditions import Predicate, truthy
from .context import FunctionContext
from .errors import EngineError
from .events import EventType
from .execution import Execution
from .failures import Failure, failure_of, is_fatal
from .graph import Branch, Condition, ForEach, Loop, Parallel, Sleep, Then, milliseconds
from .records import StepRecord
from .results import StepStatus
from .step import Step
from .step_execution import Answer, Flow, Site, Start, Walk, run_step
from .store import now_ms
from .tracing import NO_SPAN, TraceSpan, block_error_info, condition_error_info, run_error_info
from .undefined import UNSET
from .values import NOTHING, Value


@dataclass(slots=True)
class Outcome:
    """How an entry, or a whole graph, ended. `record` is the step that decided it."""

    status: StepStatus
    value: Value = field(default_factory=lambda: NOTHING)  # the entry's own output
    onward: Value | None = None  # what the next entry gets, where that differs
    record: StepRecord | None = None
    worked: bool = True  # False: everything stood already


def of_record(record: StepRecord, *, worked: bool = True) -> Outcome:
    """The outcome of an entry that is one step."""
    value = Value(record.output, seq=record.output_seq) if record.output is not UNSET else NOTHING
    return Outcome(record.status, value, record=record, worked=worked)


ENDED = frozenset({StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.BAILED, StepStatus.CANCELED, StepStatus.PAUSED})


async def advance(ex: Execution, site: Site, given: Value, walk_nested: Walk) -> tuple[StepRecord, bool]:
    """Bring one step as far as it goes: start it, answer it, or take it up where it was interrupted.

    Gives its record, and whether anything was done.
    """
    record = site.record
    if record is None or (record.restored and record.status is StepStatus.SKIPPED):
        return await run_step(ex, site, Start(given), walk_nested), True
    if record.status is StepStatus.SUSPENDED:
        answer = answer_for(ex, site)
        if answer is None:
            return record, False
        payload = Value(record.payload, seq=record.payload_seq)
        return await run_step(ex, site, Start(payload, answer=answer), walk_nested), True
    if record.status is StepStatus.RUNNING:
        restarted = ex.snapshot.control == EventType.RUN_RESTART and record.seq < ex.snapshot.control_seq
        start = Start(given, again=True, relist=record.restored or restarted)
        if site.iteration is not None or site.item is not None:
            start.given = Value(record.payload, seq=record.payload_seq)
        return await run_step(ex, site, start, walk_nested), True
    return record, False


def answer_for(ex: Execution, site: Site) -> Answer | None:
    """The answer that is on its way to this step, unless the step has had it."""
    answer = site.flow.answer
    resume = ex.snapshot.resume
    if answer is None or not answer.steps or answer.steps[0] != site.step.id:
        return None
    if resume is not None and site.path in resume.taken:
        return None
    return answer


def _site(flow: Flow, step: Step, index: int, span: TraceSpan, **more: Any) -> Site:
    owner = flow.scope.path
    path = f"{owner}.{step.id}" if owner else step.id
    return Site(flow, step, path, index, span, owner=owner, **more)


async def run_then(ex: Execution, flow: Flow, index: int, entry: Then, given: Value, walk: Walk) -> Outcome:
    """One step."""
    site = _site(flow, entry.step, index, flow.span, info=entry.info)
    record, worked = await advance(ex, site, given, walk)
    return of_record(record, worked=worked)


# Parallel and branch


async def run_block(
    ex: Execution, flow: Flow, index: int, entry: Parallel | Branch, given: Value, walk: Walk
) -> Outcome:
    """Steps at once. All of them finish; then failed beats suspended beats canceled."""
    standing = {
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
        _site(flow, entry.steps[m], index, span, member=m, selected=selected, together=len(members) > 1)
        for m in members
    ]
    results: dict[int, StepRecord] = {}
    worked = False

    async def member(site: Site) -> None:
        nonlocal worked
        record, did = await advance(ex, site, given, walk)
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


def _block_span(flow: Flow, entry: Parallel | Branch, given: Value) -> TraceSpan:
    if isinstance(entry, Branch):
        return flow.span.conditional(len(entry.conditions), given.value, entry=entry.info)
    return flow.span.parallel([step.id for step in entry.steps], given.value, entry=entry.info)


async def _members(
    ex: Execution,
    flow: Flow,
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
    chosen = next((record.selected for record in standing.values() if record.selected is not None), None)
    if chosen is not None and not traveled:
        return chosen
    if standing and not traveled:  # rebuilt by a time travel before: it has run as it stands
        return sorted(m for m, record in standing.items() if m is not None and record.status is not StepStatus.SKIPPED)
    holding = await _holding(ex, flow, entry, given, span)
    chosen = holding
    if traveled:
        running = [m for m, record in standing.items() if m is not None and record.status is StepStatus.RUNNING]
        chosen = running or holding
    elif ex.snapshot.per_step:
        fresh = [m for m in holding if entry.steps[m].id not in flow.scope.steps]
        chosen = fresh[:1] or holding
    span.set_attributes({"truthyIndexes": holding, "selectedSteps": [entry.steps[m].id for m in chosen]})
    return chosen


async def _holding(ex: Execution, flow: Flow, entry: Branch, given: Value, span: TraceSpan) -> list[int]:
    """Which conditions hold. One that raises does not."""
    holds: dict[int, bool] = {}

    async def evaluate(number: int, condition: Condition) -> None:
        own = span.condition(number, given.value)
        context = ex.function_context(flow.workflow, flow.scope, flow.run_id, given.copy(), "conditional", own)
        try:
            holds[number] = truthy(await call(condition, context))
        except BaseException as error:
            if is_fatal(error):
                raise
            holds[number] = False
            failure = failure_of(error)
            told = condition_error_info(flow.workflow.id, flow.run_id, failure.message, failure.stack_text)
            own.fail(told, attributes={"result": False})
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
    """The answer of a condition or of another function of the workflow; plain functions run on the loop."""
    if isinstance(function, Predicate):
        return function.evaluate(context)
    outcome = function(context)
    return await outcome if inspect.isawaitable(outcome) else outcome


def _block_outcome(
    ex: Execution, flow: Flow, entry: Parallel | Branch, records: list[StepRecord], index: int
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
    return Outcome(StepStatus.SUCCESS, Value(output), onward=output_of_block(flow, entry))


def output_of_block(flow: Flow, entry: Parallel | Branch) -> Value:
    """What the entry after a block gets: the outputs of all members, bailed ones included."""
    outputs: dict[str, object] = {}
    for step in entry.steps:
        record = flow.scope.steps.get(step.id)
        if record is not None and record.output is not UNSET:
            outputs[step.id] = record.output
    return Value(outputs)


def _end_block(ex: Execution, span: TraceSpan, outcome: Outcome) -> None:
    record = outcome.record
    if outcome.status is StepStatus.FAILED and record is not None and record.error is not None:
        span.fail(block_error_info(record.error))
    elif outcome.status is StepStatus.SUCCESS:
        span.end(output=outcome.value.value)
    else:
        told: dict[str, object] = {"status": outcome.status.value}
        if record is not None and record.suspend_payload is not UNSET:
            told["suspendPayload"] = record.suspend_payload
        span.end(output=told)


# Loop


async def run_loop(ex: Execution, flow: Flow, index: int, entry: Loop, given: Value, walk: Walk) -> Outcome:
    """A step, then its condition, and again."""
    record = flow.scope.steps.get(entry.step.id)
    standing = record if record is not None and record.entry == index and record.iteration is not None else None
    if standing is not None and standing.status is StepStatus.SUSPENDED:
        probe = _site(flow, entry.step, index, flow.span)
        if answer_for(ex, probe) is None:
            return of_record(standing, worked=False)
    iteration = standing.iteration or 1 if standing is not None else 1
    span = flow.span.loop(entry.kind, given.value, entry=entry.info)
    done = iteration - 1
    value = given
    while True:
        if ex.cancel.aborted:
            return _canceled_loop(ex, flow, entry, span, done)
        site = _site(flow, entry.step, index, span, iteration=iteration)
        if standing is not None and standing.restored and standing.iteration is None:
            standing = None
        if standing is None:
            record = await run_step(ex, site, Start(value), walk)
        else:
            record, _ = await advance(ex, site, value, walk)
            standing = None
        if record.status is not StepStatus.SUCCESS:
            span.end(attributes={"totalIterations": done})
            return of_record(record)
        value = Value(record.output, seq=record.output_seq) if record.output is not UNSET else NOTHING
        if ex.cancel.aborted:
            return _canceled_loop(ex, flow, entry, span, done + 1)
        try:
            holds = await _loop_holds(ex, flow, entry, span, value, iteration)
        except BaseException as error:
            if is_fatal(error):
                raise
            return _failed_entry(ex, site, failure_of(error), span)
        done = iteration
        if ex.cancel.aborted:
            return _canceled_loop(ex, flow, entry, span, done)
        if holds is (entry.kind == "dountil"):
            span.end(output=value.value, attributes={"totalIterations": done})
            return of_record(record)
        await ex.commit()
        iteration += 1


async def _loop_holds(ex: Execution, flow: Flow, entry: Loop, span: TraceSpan, value: Value, iteration: int) -> bool:
    own = span.loop_condition(entry.kind, value.value)
    own.set_attributes({"conditionIndex": iteration - 1})
    context = ex.function_context(flow.workflow, flow.scope, flow.run_id, value.copy(), "loop", own, iteration)
    try:
        answer = await call(entry.condition, context)
    except BaseException as error:
        failure = failure_of(error)
        own.fail(run_error_info(failure.error))
        raise
    holds = truthy(answer)
    own.end(output=answer if type(answer) in (bool, int, float, str, type(None)) else holds)
    return holds


def _canceled_loop(ex: Execution, flow: Flow, entry: Loop, span: TraceSpan, done: int) -> Outcome:
    record = flow.scope.steps.get(entry.step.id)
    if record is not None and record.iteration is not None:
        data: dict[str, object] = {"id": record.path, "status": StepStatus.CANCELED.value}
        if flow.scope.path:
            data["in"] = flow.scope.path
        ex.emit(EventType.STEP_RESULT, data)
    span.end(attributes={"totalIterations": done})
    return Outcome(StepStatus.CANCELED, record=record)


def _failed_entry(ex: Execution, site: Site, failure: Failure, span: TraceSpan) -> Outcome:
    """What fails beside a step's function fails the entry: the error stands on its step."""
    data: dict[str, object] = site.place() | {"status": StepStatus.FAILED.value, "error": failure.error}
    if failure.stack:
        data["stack"] = failure.stack
    ex.emit(EventType.STEP_RESULT, data)
    span.fail(block_error_info(failure.error, failure.stack_text))
    return Outcome(StepStatus.FAILED, record=ex.snapshot.steps[site.path])


# Sleep


async def run_sleep(ex: Execution, flow: Flow, index: int, entry: Sleep, given: Value) -> Outcome:
    """Wait; the input passes through. An interrupted sleep ends when it would have ended."""
    owner = flow.scope.path
    path = f"{owner}.{entry.id}" if owner else entry.id
    place: dict[str, object] = {"id": path} | ({"in": owner} if owner else {})
    record = flow.scope.steps.get(entry.id)
    standing = record if record is not None and record.entry == index else None
    if standing is not None and standing.status in ENDED:
        return of_record(standing, worked=False)
    dynamic = callable(entry.until if entry.duration is None else entry.duration)
    if standing is None or standing.wake_at is None:
        data: dict[str, object] = place | {"entry": index}
        stored = dict(data)
        if not dynamic:
            data["wakeAt"] = stored["wakeAt"] = _wake_at(entry.duration, entry.until)
        given.put("payload", data, stored)
        card = {"status": _WAITING} if ex.park_after is None else None
        ex.emit(EventType.STEP_WAITING, data, stored, card=card)  # type: ignore[arg-type]
        standing = None
    record = ex.snapshot.steps[path]
    span = _sleep_span(flow, entry, record.wake_at if not dynamic else None, dynamic=dynamic)
    if dynamic and standing is None:
        try:
            wake_at = await _told_wake_at(ex, flow, entry, given, span)
        except BaseException as error:
            if is_fatal(error):
                raise
            site = Site(flow, _NAMELESS, path, index, span, owner=owner)
            return _failed_entry(ex, site, failure_of(error), span)
        ex.emit(EventType.STEP_WAITING, place | {"wakeAt": wake_at})
    if (record.wake_at or 0) > now_ms():
        await ex.commit()
        await ex.sleep_until(record.wake_at or 0, path)
    if ex.cancel.aborted:
        span.end()
        return Outcome(StepStatus.CANCELED, record=record)
    data = place | {"status": StepStatus.SUCCESS.value}
    stored = dict(data)
    payload = Value(record.payload, seq=record.payload_seq) if record.payload is not UNSET else NOTHING
    payload.put("output", data, stored)
    ex.emit(EventType.STEP_RESULT, data, stored)
    span.end()
    return of_record(record)


_WAITING = "waiting"
_NAMELESS = Step(None, id="sleep", kind="sleep")


def _wake_at(duration: object, until: object) -> int:
    if isinstance(until, datetime):
        moment = until if until.tzinfo else until.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    seconds = float(duration) if isinstance(duration, int | float) and math.isfinite(duration) else 0.0
    return now_ms() + max(0, round(seconds * 1000))


def _sleep_span(flow: Flow, entry: Sleep, wake_at: int | None, *, dynamic: bool) -> TraceSpan:
    if entry.until is None:
        fixed = entry.duration if isinstance(entry.duration, int | float) else None
        return flow.span.sleep(
            entry.id, None if fixed is None else milliseconds(fixed), dynamic=dynamic, entry=entry.info
        )
    until = entry.until if isinstance(entry.until, datetime) else None
    wait = None if wake_at is None else max(0, wake_at - now_ms())
    return flow.span.sleep_until(entry.id, until, wait, dynamic=dynamic, entry=entry.info)


async def _told_wake_at(ex: Execution, flow: Flow, entry: Sleep, given: Value, span: TraceSpan) -> int:
    function = entry.until if entry.duration is None else entry.duration
    context = ex.function_context(flow.workflow, flow.scope, flow.run_id, given.copy(), "sleep", span)
    told = await call(function, context)  # type: ignore[arg-type]
    wake_at = _wake_at(told, told)
    if isinstance(told, datetime):
        span.set_attributes({"durationMs": max(0, wake_at - now_ms())})
    elif isinstance(told, int | float):
        span.set_attributes({"durationMs": milliseconds(told)})
    return wake_at


# Foreach


async def run_foreach(ex: Execution, flow: Flow, index: int, entry: ForEach, given: Value, walk: Walk) -> Outcome:
    """The step once for each item, some at a time."""
    site = _site(flow, entry.step, index, flow.span, info=entry.info)
    record = site.record
    if record is not None and record.total_count is None and not record.restored:
        record = None
    answer: Answer | None = None
    again = False
    if record is not None:
        if record.status in ENDED:
            return of_record(record, worked=False)
        if record.status is StepStatus.SUSPENDED:
            answer = answer_for(ex, site)
            if answer is None:
                return of_record(record, worked=False)
        again = record.status is StepStatus.RUNNING
    runner = _ForEach(ex, flow, index, entry, site, walk)
    return await runner.run(given, record, answer, again=again)


class _ForEach:
    """One pass over the items."""

    def __init__(self, ex: Execution, flow: Flow, index: int, entry: ForEach, site: Site, walk: Walk) -> None:
        self.ex = ex
        self.flow = flow
        self.index = index
        self.entry = entry
        self.site = site
        self.walk = walk
        self.span: TraceSpan = NO_SPAN
        self.completed = 0
        self.ended_by: StepRecord | None = None  # the first item that failed or bailed
        self.stopped = False
        self.canceled = False

    async def run(self, given: Value, record: StepRecord | None, answer: Answer | None, *, again: bool) -> Outcome:
        ex, path = self.ex, self.site.path
        restored = record is not None and record.restored
        standing = record if record is not None and not restored else None
        payload = Value(standing.payload, seq=standing.payload_seq) if standing is not None else given
        items = items_of(payload.value)
        limit = await self._concurrency(payload)
        shown = limit if isinstance(limit, int) else 1
        self.span = self.flow.span.loop("foreach", given.value, concurrency=shown, entry=self.entry.info)
        self._start(payload, items, standing, answer, again=again)
        if isinstance(limit, Failure) or items is None:
            failure = limit if isinstance(limit, Failure) else failure_of(_no_list(payload.value))
            return _failed_entry(ex, self.site, failure, self.span)
        todo = self._todo(items, standing, answer)
        lanes = min(shown, len(todo))
        queue = iter(todo)

        async def lane() -> None:
            for k, value in queue:
                if self.stopped:
                    return
                if ex.cancel.aborted:
                    self.stopped = self.canceled = True
                    return
                await self._item(k, value, together=lanes > 1)

        if lanes:
            await ex.together([lane for _ in range(lanes)])
        return self._finish(ex.snapshot.steps[path], len(items))

    async def _concurrency(self, given: Value) -> int | Failure:
        told: object = self.entry.concurrency
        if callable(told):
            span = self.flow.span
            context = self.ex.function_context(
                self.flow.workflow, self.flow.scope, self.flow.run_id, given.copy(), "foreach", span
            )
            try:
                told = await call(told, context)
            except BaseException as error:
                if is_fatal(error):
                    raise
                return failure_of(error)
        number = told if isinstance(told, int | float) and not isinstance(told, bool) else 1
        return max(1, math.floor(number)) if math.isfinite(number) else 1

    def _start(
        self,
        payload: Value,
        items: list[object] | None,
        standing: StepRecord | None,
        answer: Answer | None,
        *,
        again: bool,
    ) -> None:
        ex = self.ex
        data: dict[str, object] = self.site.place() | {"entry": self.index, "totalCount": len(items or [])}
        if again and standing is not None:
            data["again"] = True
            if ex.snapshot.control == EventType.RUN_RESTART and standing.seq < ex.snapshot.control_seq:
                data["relist"] = True
        stored = dict(data)
        inline = False
        if answer is not None:
            data["resumePayload"] = stored["resumePayload"] = answer.data
        else:
            inline = payload.put("payload", data, stored)
        seq = ex.emit(EventType.STEP_START, data, stored)
        if inline:
            payload.seq = seq

    def _todo(
        self, items: list[object], standing: StepRecord | None, answer: Answer | None
    ) -> list[tuple[int, object]]:
        """The items that run now: those that have not ended, and of the suspended ones those that are answered."""
        known = (standing.items or {}) if standing is not None else {}
        resume = self.ex.snapshot.resume
        wanted = answer.index if answer is not None else (resume.index if resume is not None else None)
        # Taken up after a crash: an item that had stopped the others still does.
        stopped = any(item.status in _STOPPING and item.seq > self.ex.snapshot.control_seq for item in known.values())
        todo: list[tuple[int, object]] = []
        for k, value in enumerate(items):
            item = known.get(k)
            if (item is None and stopped) or (item is not None and item.status in ENDED):
                continue
            if item is not None and item.status is StepStatus.SUSPENDED:
                if wanted is not None and wanted != k:
                    continue
                if resume is None or item.path in resume.taken:
                    continue
            todo.append((k, value))
        return todo

    async def _item(self, k: int, value: object, *, together: bool) -> None:
        site = self.site
        own = Site(
            site.flow,
            site.step,
            f"{site.path}[{k}]",
            self.index,
            self.span,
            owner=site.path,
            item=k,
            together=together,
        )
        record, _ = await advance(self.ex, own, Value(value) if value is not UNSET else NOTHING, self.walk)
        status = {StepStatus.SUCCESS: "success", StepStatus.SUSPENDED: "suspended"}.get(record.status, "failed")
        if record.status is not StepStatus.SUSPENDED:
            self.completed += 1
        if record.status is not StepStatus.SUCCESS:
            self.stopped = True
            if record.status in (StepStatus.FAILED, StepStatus.BAILED) and self.ended_by is None:
                self.ended_by = record
        foreach = self.ex.snapshot.steps[site.path]
        data: dict[str, object] = site.place() | {
            "completedCount": self.completed,
            "totalCount": foreach.total_count or 0,
            "currentIndex": k,
            "iterationStatus": status,
        }
        self.ex.emit(EventType.STEP_PROGRESS, data)
        await self.ex.commit()

    def _finish(self, foreach: StepRecord, count: int) -> Outcome:
        ex = self.ex
        items = foreach.items or {}
        outputs: list[object] = []
        for k in range(count):
            item = items.get(k)
            if item is not None and item.status is StepStatus.SUCCESS and item.output is not UNSET:
                outputs.extend([None] * (k - len(outputs)))  # a hole is null, as it is when it is stored
                outputs.append(item.output)
        if self.canceled or ex.cancel.aborted:
            return self._end(StepStatus.CANCELED, Value(outputs))
        ended_by = self.ended_by or next(
            (items[k] for k in sorted(items) if items[k].status in (StepStatus.FAILED, StepStatus.BAILED)), None
        )
        if ended_by is not None:
            return self._end_by(ended_by)
        waiting = [items[k] for k in sorted(items) if items[k].status is StepStatus.SUSPENDED]
        if waiting:
            return self._suspend(waiting[0])
        return self._end(StepStatus.SUCCESS, Value(outputs))

    def _end(self, status: StepStatus, output: Value) -> Outcome:
        data: dict[str, object] = self.site.place() | {"status": status.value}
        stored = dict(data)
        inline = output.put("output", data, stored)
        seq = self.ex.emit(EventType.STEP_RESULT, data, stored)
        if inline:
            output.seq = seq
        self.span.end(output=output.value)
        return Outcome(status, output, record=self.ex.snapshot.steps[self.site.path])

    def _end_by(self, item: StepRecord) -> Outcome:
        data: dict[str, object] = self.site.place() | {"status": item.status.value, "fromItem": item.item}
        value = Value(item.output, seq=item.output_seq) if item.output is not UNSET else NOTHING
        stored = dict(data)
        if item.status is StepStatus.FAILED:
            more = {"error": item.error, "tripwire": item.tripwire, "nonRetryable": item.non_retryable or None}
            data |= {key: told for key, told in more.items() if told is not None}
            stored = dict(data)
        else:
            value.put("output", data, stored)
        self.ex.emit(EventType.STEP_RESULT, data, stored)
        record = self.ex.snapshot.steps[self.site.path]
        if item.status is StepStatus.FAILED and item.error is not None:
            self.span.fail(block_error_info(item.error))
        else:
            self.span.end(output=value.value)
        return Outcome(item.status, value, record=record)

    def _suspend(self, item: StepRecord) -> Outcome:
        data: dict[str, object] = self.site.place() | {"fromItem": item.item}
        told: dict[str, object] = {"status": "suspended"}
        if item.suspend_payload is not UNSET:
            data["suspendPayload"] = told["suspendPayload"] = item.suspend_payload
        if item.suspend_output is not UNSET:
            data["suspendOutput"] = item.suspend_output
        if item.suspended_path is not None:
            data |= {"path": item.suspended_path, "runId": item.run_id}
        self.ex.emit(EventType.STEP_SUSPENDED, data)
        record = self.ex.snapshot.steps[self.site.path]
        self.span.end(output=told | {"suspendedAt": record.suspended_at})
        return Outcome(StepStatus.SUSPENDED, record=record)


_STOPPING = (StepStatus.FAILED, StepStatus.BAILED, StepStatus.SUSPENDED)


def items_of(value: object) -> list[object] | None:
    """What a foreach goes over. As in the reference a text gives its characters, and what has no items none."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return list(value)
    return None if value is None or value is UNSET else []


def _no_list(value: object) -> EngineError:
    found = "nothing" if value is UNSET else "null"
    return ForEachInput(f"A foreach needs a list as its input, but got {found}.")


class ForEachInput(EngineError):
    """The input of a foreach is no list."""

    name = "TypeError"
