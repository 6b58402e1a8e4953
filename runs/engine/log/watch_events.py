"""The reference's run events, as watchers and streams see them: one translation of the stored events."""

from collections.abc import Callable, Mapping
from hashlib import md5

from ..data.undefined import UNSET
from .events import EventType
from .records import RunSnapshot, StepRecord
from .results import StepStatus
from .step_result import own_payload, question_of, step_result

WatchEvent = dict[str, object]


def call_id(run_id: str, seq: int) -> str:
    """The id of one execution of a step: a UUID that follows from the run and the event that started it."""
    digest = md5(f"{run_id}\0{seq}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def watch_events(snapshot: RunSnapshot, type: str, data: Mapping[str, object]) -> list[WatchEvent]:
    """What watchers see of an event that the snapshot has taken in already; nothing for most of them.

    As in the reference, items of a foreach and what runs inside them show in progress events only.
    """
    if type in (EventType.RUN_CANCELED, EventType.RUN_PAUSED):
        return [{"type": str(type), "payload": {}}]
    if type not in _SHOWN:
        return []
    record = snapshot.steps.get(str(data["id"]))
    if record is None or record.item is not None or snapshot.scopes[record.scope].hidden:
        return []
    return _SHOWN[type](snapshot, record, data)


def _started(snapshot: RunSnapshot, record: StepRecord, data: Mapping[str, object]) -> list[WatchEvent]:
    payload = {"id": record.path, **_call(snapshot, record), **own_payload(record)}
    payload |= {"startedAt": record.started_at, "status": "running"}
    if record.resume_payload is not UNSET:
        payload |= {"resumePayload": record.resume_payload, "resumedAt": record.resumed_at}
    if record.iteration is not None:
        payload["metadata"] = {"iterationCount": record.iteration}
    return [{"type": EventType.STEP_START.value, "payload": payload}]


def _ended(snapshot: RunSnapshot, record: StepRecord, data: Mapping[str, object]) -> list[WatchEvent]:
    """Result and finish; a sleep and a foreach have fewer keys, and a canceled block has no events."""
    payload: WatchEvent = {"id": record.path, **_call(snapshot, record)}
    if record.status is StepStatus.CANCELED and (record.total_count is not None or record.iteration is not None):
        return []
    if record.sleeps or (record.total_count is not None and record.status is not StepStatus.BAILED):
        payload |= {"endedAt": record.ended_at, "status": record.status.value}
        if record.error is not None:
            payload["error"] = record.error
        elif record.output is not UNSET:
            payload["output"] = record.output
    elif record.ended_by is not None and record.items is not None:
        payload |= step_result(record.items[record.ended_by], shows_bail=True)
    else:
        payload |= step_result(record, shows_bail=True)
    finish: WatchEvent = {"id": record.path, **_call(snapshot, record), "metadata": {}}
    return [
        {"type": EventType.STEP_RESULT.value, "payload": payload},
        {"type": "workflow-step-finish", "payload": finish},
    ]


def _suspended(snapshot: RunSnapshot, record: StepRecord, data: Mapping[str, object]) -> list[WatchEvent]:
    payload: WatchEvent = {"id": record.path, **_call(snapshot, record)}
    if record.total_count is None:
        payload |= step_result(record)
    else:
        payload |= {"status": "suspended", "suspendedAt": record.suspended_at}
        if (question := question_of(record)) is not UNSET:
            payload["suspendPayload"] = question
    return [{"type": EventType.STEP_SUSPENDED.value, "payload": payload}]


def _waiting(snapshot: RunSnapshot, record: StepRecord, data: Mapping[str, object]) -> list[WatchEvent]:
    if "entry" not in data:  # only says when it will wake
        return []
    payload = {"id": record.path, **own_payload(record), "startedAt": record.started_at, "status": "waiting"}
    return [{"type": EventType.STEP_WAITING.value, "payload": payload}]


def _progress(snapshot: RunSnapshot, record: StepRecord, data: Mapping[str, object]) -> list[WatchEvent]:
    keys = ("completedCount", "totalCount", "currentIndex", "iterationStatus")
    payload: WatchEvent = {"id": record.path, **{key: data[key] for key in keys}}
    index = data["currentIndex"]
    item = record.items.get(index) if record.items is not None and isinstance(index, int) else None
    if item is not None and item.status is StepStatus.SUCCESS and item.output is not UNSET:
        payload["iterationOutput"] = item.output
    return [{"type": EventType.STEP_PROGRESS.value, "payload": payload}]


def _call(snapshot: RunSnapshot, record: StepRecord) -> WatchEvent:
    if record.total_count is not None or record.sleeps:
        return {}
    return {"stepCallId": call_id(snapshot.run_id, record.start_seq)}


_SHOWN: dict[str, Callable[[RunSnapshot, StepRecord, Mapping[str, object]], list[WatchEvent]]] = {
    EventType.STEP_START: _started,
    EventType.STEP_RESULT: _ended,
    EventType.STEP_SUSPENDED: _suspended,
    EventType.STEP_WAITING: _waiting,
    EventType.STEP_PROGRESS: _progress,
}

_NO_USAGE = dict.fromkeys(
    (
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cachedInputTokens",
        "cacheCreationInputTokens",
        "reasoningTokens",
    ),
    0,
)


def stream_chunk(run_id: str, event: WatchEvent) -> WatchEvent | None:
    """A watch event, or a chunk that a step wrote, as run.stream() gives it. Step ends are not in the stream."""
    type = event.get("type")
    if type == "workflow-step-finish":
        return None
    source = event.get("from", "WORKFLOW")
    payload = event.get("payload")
    if payload is None and "data" in event:
        rest = {key: value for key, value in event.items() if key not in ("type", "from", "data")}
        return {"type": type, "runId": run_id, "from": source, "data": event["data"], **rest}
    body: WatchEvent = dict(payload) if isinstance(payload, Mapping) else {}
    if "id" in body:
        body = {"stepName": body["id"], **body}
    return {"type": type, "runId": run_id, "from": source, "payload": body}


def stream_start(run_id: str, workflow_id: str) -> WatchEvent:
    """The first chunk of a stream."""
    return {"type": "workflow-start", "runId": run_id, "from": "WORKFLOW", "payload": {"workflowId": workflow_id}}


def stream_finish(run_id: str, status: str, result: object, tripwire: object, error: WatchEvent | None) -> WatchEvent:
    """The last chunk of a stream. `error`: what the call itself raised."""
    metadata: WatchEvent = {"error": error, "errorMessage": error.get("message")} if error is not None else {}
    payload: WatchEvent = {"workflowStatus": status, "metadata": metadata, "output": {"usage": dict(_NO_USAGE)}}
    if result is not UNSET:
        payload["finalWorkflowResult"] = result
    if tripwire is not None:
        payload["tripwire"] = tripwire
    return {"type": "workflow-finish", "runId": run_id, "from": "WORKFLOW", "payload": payload}
