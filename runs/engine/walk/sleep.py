"""Sleeps: a pause of some seconds, or until a moment."""

import math
from datetime import UTC, datetime

from ..data.failures import failure_of
from ..data.undefined import UNSET
from ..graph.entries import Sleep, check_sleep, milliseconds
from ..graph.step import Step
from ..log.events import EventType
from ..log.records import StepRecord
from ..log.results import RunStatus, StepStatus
from ..log.store import CardChange, now_ms
from ..trace.tracing import TraceSpan
from ..trace.values import NOTHING, Value
from .context import function_context
from .control_flow import ENDED, Outcome, call, failed_entry, of_record
from .execution import Execution
from .position import GraphFrame, StepPosition

_NAMELESS = Step(None, id="sleep", kind="sleep")


async def run_sleep(ex: Execution, flow: GraphFrame, index: int, entry: Sleep, given: Value) -> Outcome:
    """Wait; the input passes through. An interrupted sleep ends when it would have ended."""
    owner = flow.scope.path
    path = f"{owner}.{entry.id}" if owner else entry.id
    place: dict[str, object] = {"id": path, "in": owner} if owner else {"id": path}
    record = flow.scope.steps.get(entry.id)
    standing = record if record is not None and record.entry == index else None
    if standing is not None and standing.status in ENDED:
        return of_record(standing, worked=False)
    dynamic = callable(entry.until if entry.duration is None else entry.duration)
    if standing is None or standing.status is not StepStatus.WAITING:
        _begin(ex, place, index, entry, given, dynamic=dynamic)
    record = ex.snapshot.steps[path]
    span = _sleep_span(flow, entry, record.wake_at if not dynamic else None, dynamic=dynamic)
    if record.wake_at is None:
        try:
            wake_at = await _computed_wake_at(ex, flow, entry, given, span)
        except Exception as error:
            site = StepPosition(flow, _NAMELESS, path, index, span, owner=owner)
            return failed_entry(ex, site, failure_of(error), span)
        ex.emit(EventType.STEP_WAITING, place | {"wakeAt": wake_at})
    if (record.wake_at or 0) > now_ms():
        await ex.commit()
        await ex.sleep_until(record.wake_at or 0, path)
    if ex.cancel.aborted:
        span.end()
        return Outcome(StepStatus.CANCELED, record=record)
    _end(ex, place, record)
    span.end()
    return of_record(record)


def _begin(ex: Execution, place: dict[str, object], index: int, entry: Sleep, given: Value, *, dynamic: bool) -> None:
    data: dict[str, object] = place | {"entry": index}
    if not dynamic:
        data["wakeAt"] = _wake_at(entry.duration, entry.until)
    # Under an executor the status changes only when the task ends: no other executor may take the run meanwhile.
    card: CardChange | None = {"status": RunStatus.WAITING} if ex.park_after is None else None
    ex.emit(EventType.STEP_WAITING, data, card=card, payload=given)


def _end(ex: Execution, place: dict[str, object], record: StepRecord) -> None:
    payload = Value(record.payload, seq=record.payload_seq) if record.payload is not UNSET else NOTHING
    ex.emit(EventType.STEP_RESULT, {**place, "status": StepStatus.SUCCESS.value}, output=payload)


def _wake_at(duration: object, until: object) -> int:
    if isinstance(until, datetime):
        moment = until if until.tzinfo else until.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    seconds = float(duration) if isinstance(duration, int | float) and math.isfinite(duration) else 0.0
    return now_ms() + max(0, round(seconds * 1000))


def _sleep_span(flow: GraphFrame, entry: Sleep, wake_at: int | None, *, dynamic: bool) -> TraceSpan:
    if entry.until is None:
        fixed = entry.duration if isinstance(entry.duration, int | float) else None
        return flow.span.sleep(
            entry.id, None if fixed is None else milliseconds(fixed), dynamic=dynamic, entry=entry.info
        )
    until = entry.until if isinstance(entry.until, datetime) else None
    wait = None if wake_at is None else max(0, wake_at - now_ms())
    return flow.span.sleep_until(entry.id, until, wait, dynamic=dynamic, entry=entry.info)


async def _computed_wake_at(ex: Execution, flow: GraphFrame, entry: Sleep, given: Value, span: TraceSpan) -> int:
    function = entry.until if entry.duration is None else entry.duration
    context = function_context(ex, flow, given.copy(), "sleep", span)
    computed = await call(function, context)  # type: ignore[arg-type]
    check_sleep(computed)
    wake_at = _wake_at(computed, computed)
    if isinstance(computed, datetime):
        span.set_attributes({"durationMs": max(0, wake_at - now_ms())})
    elif isinstance(computed, int | float):
        span.set_attributes({"durationMs": milliseconds(computed)})
    return wake_at
