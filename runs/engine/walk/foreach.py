"""Foreach: a step once for each item of a list, some at a time."""

import math

from ..data.failures import Failure, failure_of
from ..data.undefined import UNSET
from ..errors import EngineError
from ..graph.entries import ForEach
from ..log.events import EventType
from ..log.records import StepRecord
from ..log.results import StepStatus
from ..log.step_result import question_of
from ..trace.tracing import NO_SPAN, TraceSpan, block_error_info
from ..trace.values import NOTHING, Value
from .context import function_context
from .control_flow import ENDED, Outcome, advance, answer_for, call, failed_entry, of_record, site_of
from .execution import Execution
from .position import Answer, GraphFrame, StepPosition
from .step_execution import emit_answer


async def run_foreach(ex: Execution, flow: GraphFrame, index: int, entry: ForEach, given: Value) -> Outcome:
    """The step once for each item, some at a time."""
    site = site_of(flow, entry.step, index, flow.span, info=entry.info)
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
    runner = _ForEach(ex, flow, index, entry, site)
    return await runner.run(given, record, answer, again=again)


class _ForEach:
    """One pass over the items."""

    def __init__(self, ex: Execution, flow: GraphFrame, index: int, entry: ForEach, site: StepPosition) -> None:
        self.ex = ex
        self.flow = flow
        self.index = index
        self.entry = entry
        self.site = site
        self.span: TraceSpan = NO_SPAN
        self.completed = 0
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
        self.span = self.flow.span.loop("foreach", given, concurrency=shown, entry=self.entry.info)
        self._start(payload, items, standing, answer, again=again)
        if isinstance(limit, Failure) or items is None:
            failure = limit if isinstance(limit, Failure) else failure_of(_no_list(payload.value))
            return failed_entry(ex, self.site, failure, self.span)
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
        limit: object = self.entry.concurrency
        if callable(limit):
            span = self.flow.span
            context = function_context(self.ex, self.flow, given.copy(), "foreach", span)
            try:
                limit = await call(limit, context)
            except Exception as error:
                return failure_of(error)
        number = limit if isinstance(limit, int | float) and not isinstance(limit, bool) else 1
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
        if answer is not None:
            emit_answer(ex, data, answer)
        else:
            ex.emit(EventType.STEP_START, data, payload=payload)

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
                if resume is None or item.seq > self.ex.snapshot.control_seq:
                    continue
            todo.append((k, value))
        return todo

    async def _item(self, k: int, value: object, *, together: bool) -> None:
        site = self.site
        own = StepPosition(
            site.flow,
            site.step,
            f"{site.path}[{k}]",
            self.index,
            self.span,
            owner=site.path,
            item=k,
            together=together,
        )
        record, _ = await advance(self.ex, own, Value(value) if value is not UNSET else NOTHING)
        status = {StepStatus.SUCCESS: "success", StepStatus.SUSPENDED: "suspended"}.get(record.status, "failed")
        if record.status is not StepStatus.SUSPENDED:
            self.completed += 1
        if record.status is not StepStatus.SUCCESS:
            self.stopped = True
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
        ending = [item for item in items.values() if item.status in (StepStatus.FAILED, StepStatus.BAILED)]
        if ending:
            return self._end_by(min(ending, key=lambda item: item.seq))
        waiting = [items[k] for k in sorted(items) if items[k].status is StepStatus.SUSPENDED]
        if waiting:
            return self._suspend(waiting[0])
        return self._end(StepStatus.SUCCESS, Value(outputs))

    def _end(self, status: StepStatus, output: Value) -> Outcome:
        self.ex.emit(EventType.STEP_RESULT, self.site.place() | {"status": status.value}, output=output)
        self.span.end(output=output)
        return Outcome(status, output, record=self.ex.snapshot.steps[self.site.path])

    def _end_by(self, item: StepRecord) -> Outcome:
        data: dict[str, object] = self.site.place() | {"status": item.status.value, "fromItem": item.item}
        value = Value(item.output, seq=item.output_seq) if item.output is not UNSET else NOTHING
        if item.status is StepStatus.FAILED:
            more = {"error": item.error, "tripwire": item.tripwire, "nonRetryable": item.non_retryable or None}
            data |= {key: field for key, field in more.items() if field is not None}
            self.ex.emit(EventType.STEP_RESULT, data)
        else:
            self.ex.emit(EventType.STEP_RESULT, data, output=value)
        record = self.ex.snapshot.steps[self.site.path]
        if item.status is StepStatus.FAILED and item.error is not None:
            self.span.fail(block_error_info(item.error))
        else:
            self.span.end(output=value)
        return Outcome(item.status, value, record=record)

    def _suspend(self, item: StepRecord) -> Outcome:
        data: dict[str, object] = self.site.place() | {"fromItem": item.item}
        output: dict[str, object] = {"status": "suspended"}
        if item.suspend_payload is not UNSET:
            data["suspendPayload"] = item.suspend_payload
        if (question := question_of(item)) is not UNSET:
            output["suspendPayload"] = question
        if item.suspend_output is not UNSET:
            data["suspendOutput"] = item.suspend_output
        if item.suspended_path is not None:
            data |= {"path": item.suspended_path, "runId": item.run_id}
        self.ex.emit(EventType.STEP_SUSPENDED, data)
        record = self.ex.snapshot.steps[self.site.path]
        self.span.end(output=output | {"suspendedAt": record.suspended_at})
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
