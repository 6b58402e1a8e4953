"""How each event changes the snapshot of a run: all that it takes to continue the run, and all that its page shows."""

from collections.abc import Callable
from typing import Any

from ..data.undefined import UNSET, Unset
from .deadline import Deadline
from .events import EventType
from .records import Attempt, Resume, RunSnapshot, Scope, StepRecord
from .results import RunStatus, StepStatus

__all__ = [
    "UNSET",
    "Attempt",
    "Resume",
    "RunSnapshot",
    "Scope",
    "StepRecord",
    "Unset",
    "apply",
]

Data = dict[str, Any]


def apply(snapshot: RunSnapshot, seq: int, type: str, at: int, data: Data) -> None:
    """Bring the snapshot up to one more event. `data` has its values in place, those of references beside these."""
    snapshot.seq = seq
    reducer = _REDUCERS.get(type)
    if reducer is not None:
        reducer(snapshot, seq, at, data)
        snapshot.control_at = at if snapshot.control_seq == seq else snapshot.control_at


def _run_start(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    snapshot.workflow_id = str(data.get("workflowId", snapshot.workflow_id))
    snapshot.input = data.get("input", UNSET)
    snapshot.resource_id = data.get("resourceId")
    snapshot.request_context = dict(data.get("requestContext") or {})
    state = dict(data.get("initialState") or {})
    snapshot.scopes = {"": Scope(input=snapshot.input, input_seq=seq, given=data.get("inputGiven", UNSET), state=state)}
    snapshot.steps = {}
    if "deadline" in data:
        snapshot.deadline = Deadline.from_json(data["deadline"])
    _options(snapshot, EventType.RUN_START, seq, data)


def _options(snapshot: RunSnapshot, control: str, seq: int, data: Data) -> None:
    snapshot.control = control
    snapshot.control_seq = seq
    snapshot.trace_parent = data.get("traceParent")
    snapshot.tracing_options = data.get("tracingOptions") or {}
    snapshot.output_options = data.get("outputOptions") or {}
    snapshot.per_step = bool(data.get("perStep"))
    snapshot.resume = None
    snapshot.target = None
    snapshot.result = UNSET
    snapshot.error = snapshot.tripwire = snapshot.ended_at = None


def _run_resume(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    _options(snapshot, EventType.RUN_RESUME, seq, data)
    snapshot.status = RunStatus.RUNNING
    snapshot.request_context |= data.get("requestContext") or {}
    snapshot.resume = Resume(
        steps=list(data.get("steps") or []),
        data=data.get("resumeData", UNSET),
        index=data.get("forEachIndex"),
        label=data.get("label"),
    )


def _run_restart(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    per_step = snapshot.per_step
    _options(snapshot, EventType.RUN_RESTART, seq, data)
    snapshot.per_step = per_step and "perStep" not in data
    snapshot.status = RunStatus.RUNNING
    snapshot.request_context |= data.get("requestContext") or {}
    for path in data.get("drop") or ():
        snapshot.forget(path)
    for path in data.get("again") or ():
        if (record := snapshot.steps.get(path)) is not None:
            record.status = StepStatus.RUNNING
            record.wake_at = None
            record.attempts = []


def _run_time_travel(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    _options(snapshot, EventType.RUN_TIME_TRAVEL, seq, data)
    snapshot.status = RunStatus.RUNNING
    snapshot.target = list(data.get("step") or [])
    snapshot.travel_input = data.get("inputData", UNSET)
    if snapshot.deadline is not None:
        snapshot.deadline = snapshot.deadline.again(at)
    snapshot.request_context |= data.get("requestContext") or {}
    scope = snapshot.scopes[""]
    if "input" in data:
        snapshot.input = scope.input = data["input"]
        scope.input_seq, scope.given = seq, UNSET
    if "state" in data:
        scope.state = dict(data["state"])
    for path in data.get("drop") or ():
        snapshot.forget(path)
    for found in data.get("steps") or ():
        _restore(snapshot, seq, at, found)
    for path, entry in (data.get("entries") or {}).items():
        snapshot.scopes.setdefault(path, Scope(path, state=dict(scope.state))).entry = entry
    for path, value in (data.get("inputs") or {}).items():
        snapshot.scopes[path].input = value
        snapshot.scopes[path].input_seq, snapshot.scopes[path].given = None, UNSET


def _restore(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    """Rebuild a record for a time travel: a new one, or changed in the keys of `data`."""
    path = str(data["id"])
    record = snapshot.steps.get(path)
    if record is None:
        record = snapshot.steps[path] = StepRecord(path, StepStatus.SUCCESS, at)
        _place(snapshot, record, data)
    record.status = StepStatus(str(data["status"]))
    record.seq = seq
    record.restored = True
    for key, name in _RESTORED.items():
        if key in data:
            setattr(record, name, data[key])
    if "payload" in data:
        record.given = UNSET
    if "output" in data or "payload" in data:
        record.payload_seq = record.output_seq = None


_STATUSES = {status.value: status for status in StepStatus}
_RESTORED = {"payload": "payload", "output": "output", "startedAt": "started_at", "endedAt": "ended_at"}
_RESTORED |= {"resumePayload": "resume_payload", "suspendPayload": "suspend_payload"}


def _place(snapshot: RunSnapshot, record: StepRecord, data: Data) -> Scope:
    """Hang a record where it belongs, and give the nested run that it belongs to."""
    owner = str(data.get("in", ""))
    item = data.get("item")
    if isinstance(item, int):
        foreach = snapshot.steps.get(owner)
        record.item = item
        if foreach is not None:
            if foreach.items is None:
                foreach.items = {}
            foreach.items[item] = record
            record.step_id, record.scope, record.entry = foreach.step_id, foreach.scope, foreach.entry
        return snapshot.scopes.get(record.scope) or snapshot.scopes[""]
    scope = snapshot.scopes.get(owner)
    if scope is None:
        scope = snapshot.scopes[owner] = Scope(owner)
    record.scope = owner
    record.step_id = record.path[len(owner) + 1 :] if owner else record.path
    record.entry = data.get("entry", record.entry)
    record.member = data.get("member")
    scope.steps[record.step_id] = record
    scope.entry = record.entry
    return scope


def _touch(snapshot: RunSnapshot, at: int, data: Data) -> None:
    snapshot.status = RunStatus.RUNNING
    if snapshot.started_at is None:
        snapshot.started_at = at
    if "spanId" in data and "traceId" in data:
        snapshot.trace_id, snapshot.span_id = data["traceId"], data["spanId"]


def _step_start(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    _touch(snapshot, at, data)
    path = data["id"]
    again = bool(data.get("again"))
    resumed = "resumePayload" in data or "resumed" in data
    record = snapshot.steps.get(path)
    if record is None:
        record = snapshot.steps[path] = StepRecord(path, StepStatus.RUNNING, at)
    elif not again and not resumed:
        if record.item is None and record.entry != data.get("entry"):
            _replace(snapshot, record, data)
        _renew(snapshot, record, at)
    scope = _place(snapshot, record, data)
    record.status = StepStatus.RUNNING
    record.restored = False
    record.seq = record.start_seq = seq
    record.attempt_at = at
    record.ended_at = None
    if "payload" in data:
        record.payload = data["payload"]
        record.payload_seq = data.get("payloadFrom", seq)
        record.given = data.get("given", UNSET)
    if "iteration" in data:
        record.iteration = data["iteration"]
    if "totalCount" in data:
        record.total_count = data["totalCount"]
        if record.completed_count is None:
            record.completed_count = 0
    record.selected = data.get("selected")
    if resumed:
        record.resume_payload = data.get("resumePayload", UNSET)
        record.resumed_at = at if "resumePayload" in data else None
        record.resuming = True
    if data.get("relist") or "resumed" in data:
        record.started_at = at
    single = record.item is None and record.member is None and record.iteration is None and record.total_count is None
    if single and not resumed and (not again or data.get("relist")):
        scope.execution_path.append(record.step_id)
    if "runId" in data:
        record.call_run_id = data["runId"]
        record.run_id = record.run_id or record.call_run_id
    if data.get("nested") and path not in snapshot.scopes:
        state = data.get("state", scope.state)
        hidden = record.item is not None or scope.hidden
        _open(snapshot, record, state, hidden=hidden)


def _open(snapshot: RunSnapshot, record: StepRecord, state: Data, *, hidden: bool) -> None:
    """The nested run of a step begins, with a state of its own."""
    scope = Scope(record.path, state=dict(state), hidden=hidden)
    scope.input, scope.input_seq, scope.given = record.payload, record.payload_seq, record.given
    snapshot.scopes[record.path] = scope


def _replace(snapshot: RunSnapshot, record: StepRecord, data: Data) -> None:
    """The same step is used again further on: keep its output while that may be the input of the entry it begins."""
    scope = snapshot.scopes.get(record.scope)
    if scope is not None:
        if scope.entry != data.get("entry"):
            scope.replaced = {}
        scope.replaced[record.step_id] = (record.output, record.output_seq)


def _renew(snapshot: RunSnapshot, record: StepRecord, at: int) -> None:
    """The step starts afresh; what an earlier answer was stays with it, as in the reference."""
    snapshot.forget_below(record)
    record.started_at = at
    record.payload = record.given = record.output = record.suspend_payload = record.suspend_output = UNSET
    record.error = record.stack = record.tripwire = record.suspended_at = record.wake_at = None
    record.iteration = record.total_count = record.completed_count = record.ended_by = None
    record.suspended_path = record.run_id = record.span_id = record.payload_seq = record.output_seq = None
    record.attempts = []
    record.labels = []
    record.chunk_count = 0
    record.resuming = record.non_retryable = record.restored = record.sleeps = False


def _step_retry(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    record = snapshot.steps.get(data["id"])
    if record is None:
        return
    next_at = data.get("nextAt")
    record.attempts.append(
        Attempt(len(record.attempts) + 1, record.attempt_at, at, data.get("error") or {}, next_at, data.get("stack"))
    )
    record.attempt_at = next_at or at
    record.seq = seq
    if record.path in snapshot.scopes:  # a nested workflow runs again as a whole
        hidden = snapshot.scopes[record.path].hidden
        snapshot.forget_below(record)
        state = data.get("state", snapshot.scopes[record.scope].state)
        _open(snapshot, record, state, hidden=hidden)


def _settle(snapshot: RunSnapshot, record: StepRecord, seq: int, data: Data) -> None:
    """What the end and the suspension of a step have in common."""
    record.seq = seq
    record.resuming = False
    if state := data.get("state"):
        snapshot.scopes.get(record.scope, snapshot.scopes[""]).state.update(state)
    if "requestContext" in data:
        snapshot.request_context = data["requestContext"]


def _step_result(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    record = snapshot.steps.get(data["id"])
    if record is None:
        return
    _settle(snapshot, record, seq, data)
    record.status = _STATUSES[data["status"]]
    if record.item is not None and record.status is StepStatus.SUCCESS:
        foreach = snapshot.steps.get(str(data.get("in")))
        if foreach is not None:
            foreach.completed_count = (foreach.completed_count or 0) + 1
    record.ended_at = None if record.status is StepStatus.PAUSED else at
    record.suspend_payload = record.suspend_output = UNSET
    record.suspended_at = record.suspended_path = record.wake_at = None
    record.labels = []
    if "output" in data:
        record.output = data["output"]
        record.output_seq = data.get("outputFrom", seq)
    elif record.status is not StepStatus.CANCELED:
        record.output = UNSET
    record.error = data.get("error")
    record.stack = data.get("stack")
    record.tripwire = data.get("tripwire")
    record.non_retryable = bool(data.get("nonRetryable"))
    record.ended_by = data.get("fromItem")


def _step_suspended(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    record = snapshot.steps.get(data["id"])
    if record is None:
        return
    _settle(snapshot, record, seq, data)
    record.status = StepStatus.SUSPENDED
    record.suspended_at = at
    record.suspend_payload = data.get("suspendPayload", UNSET)
    record.suspend_output = data.get("suspendOutput", UNSET)
    record.suspended_path = data.get("path")
    record.labels = data.get("labels") or []
    record.ended_by = data.get("fromItem")
    record.span_id = data.get("spanId")
    record.run_id = data.get("runId", record.run_id)


def _step_waiting(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    _touch(snapshot, at, data)
    path = str(data["id"])
    record = snapshot.steps.get(path)
    if record is None:
        record = snapshot.steps[path] = StepRecord(path, StepStatus.WAITING, at)
    if "entry" in data:
        scope = _place(snapshot, record, data)
        _renew(snapshot, record, at)
        record.start_seq = seq
        record.sleeps = True
        record.ended_at = None
        record.payload = data.get("payload", UNSET)
        record.payload_seq = data.get("payloadFrom", seq)
        scope.execution_path.append(record.step_id)
        record.status = StepStatus.WAITING
    record.seq = seq
    record.wake_at = data.get("wakeAt")
    snapshot.status = RunStatus.WAITING


def _step_progress(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    record = snapshot.steps.get(data["id"])
    if record is not None:
        record.seq = seq


def _chunk(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    snapshot.chunk_count += 1
    record = snapshot.steps.get(data["id"])
    if record is not None:
        record.chunk_count += 1


def _run_suspended(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    snapshot.status = RunStatus.SUSPENDED


def _run_paused(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    snapshot.status = RunStatus.PAUSED


def _run_canceled(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    snapshot.status = RunStatus.CANCELED
    snapshot.ended_at = at
    snapshot.canceled_by = data.get("by")


def _run_finish(snapshot: RunSnapshot, seq: int, at: int, data: Data) -> None:
    snapshot.status = RunStatus(data["status"])
    snapshot.result = data.get("result", UNSET)
    snapshot.error = data.get("error")
    snapshot.tripwire = data.get("tripwire")
    snapshot.ended_at = at


_REDUCERS: dict[str, Callable[[RunSnapshot, int, int, Data], None]] = {
    EventType.RUN_START: _run_start,
    EventType.RUN_RESUME: _run_resume,
    EventType.RUN_RESTART: _run_restart,
    EventType.RUN_TIME_TRAVEL: _run_time_travel,
    EventType.RUN_SUSPENDED: _run_suspended,
    EventType.RUN_PAUSED: _run_paused,
    EventType.RUN_CANCELED: _run_canceled,
    EventType.RUN_FINISH: _run_finish,
    EventType.STEP_START: _step_start,
    EventType.STEP_RETRY: _step_retry,
    EventType.STEP_RESULT: _step_result,
    EventType.STEP_SUSPENDED: _step_suspended,
    EventType.STEP_WAITING: _step_waiting,
    EventType.STEP_PROGRESS: _step_progress,
    EventType.STEP_OUTPUT: _chunk,
    EventType.STEP_CUSTOM: _chunk,
}
