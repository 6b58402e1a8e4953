"""A stored run in the reference's forms: what getWorkflowRunById answers, and the snapshot behind it.

Both are made from data alone, the serialised graph of the version that the run belongs to: reading a run needs no code.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..data.undefined import UNSET
from ..graph.entries import SerializedGraph
from ..log.records import RunSnapshot, Scope, StepRecord
from ..log.results import RunStatus, StepStatus
from ..log.step_result import Json, own_payload, shown_steps, step_result
from ..log.store import RunCard

BLOCKS = ("parallel", "conditional", "foreach")  # entries whose members run together


def run_state(graph: SerializedGraph, card: RunCard, snapshot: RunSnapshot, fields: Sequence[str] | None) -> Json:
    """The run with its card, its steps (nested ones as `inner.x`) and the fields asked for; all of them without."""
    wanted = set(fields or ())

    def has(field: str) -> bool:
        return not wanted or field in wanted

    state: Json = {"runId": card.run_id, "workflowName": card.workflow_id}
    if card.resource_id is not None:
        state["resourceId"] = card.resource_id
    state |= {"createdAt": card.created_at, "updatedAt": card.updated_at, "status": card.status.value}
    if snapshot.state:
        state["initialState"] = dict(snapshot.state)
    if has("result") and snapshot.result is not UNSET and card.status is RunStatus.SUCCESS:
        state["result"] = snapshot.result
    if has("error") and snapshot.error is not None:
        state["error"] = snapshot.error
    if has("payload") and snapshot.input is not UNSET:
        state["payload"] = snapshot.input
    if has("steps"):
        state["steps"] = _flat_steps(graph, snapshot)
    more: Json = {
        "activeStepsPath": _active_paths(graph, card, snapshot),
        "serializedStepGraph": list(graph),
        "suspendedPaths": snapshot.suspended_paths if card.status is RunStatus.SUSPENDED else {},
        "resumeLabels": snapshot.resume_labels if card.status is RunStatus.SUSPENDED else {},
        "waitingPaths": {},
    }
    state |= {key: value for key, value in more.items() if has(key)}
    if "requestContext" in wanted:
        state["requestContext"] = snapshot.request_context
    if "tracingContext" in wanted and snapshot.trace_id is not None:
        state["tracingContext"] = {"traceId": snapshot.trace_id, "spanId": snapshot.span_id}
    return state


def snapshot_form(graph: SerializedGraph, card: RunCard, snapshot: RunSnapshot) -> Json:
    """The reference's stored snapshot, made from the fold."""
    scope = snapshot.scopes[""]
    form: Json = {
        "runId": card.run_id,
        "status": card.status.value,
        "value": dict(scope.state),
        "context": shown_steps(scope, whole=True),
        "activePaths": [scope.entry] if scope.entry >= 0 else [],
        "stepExecutionPath": list(scope.execution_path),
        "activeStepsPath": _active_paths(graph, card, snapshot),
        "serializedStepGraph": list(graph),
        "suspendedPaths": snapshot.suspended_paths,
        "waitingPaths": {},
        "resumeLabels": snapshot.resume_labels,
        "requestContext": snapshot.request_context,
        "timestamp": card.updated_at,
    }
    if snapshot.result is not UNSET:
        form["result"] = snapshot.result
    if snapshot.error is not None:
        form["error"] = snapshot.error
    if card.status is RunStatus.SUSPENDED and snapshot.trace_id is not None:
        form["tracingContext"] = {"traceId": snapshot.trace_id, "spanId": snapshot.span_id}
    return form


def _flat_steps(graph: SerializedGraph, snapshot: RunSnapshot) -> Json:
    found: Json = {}
    _flatten(snapshot, snapshot.scopes[""], "", found)
    for record in _begun(graph, snapshot):
        found.pop(record.path, None)
    if begun := _begun(graph, snapshot):
        last = max(begun, key=lambda record: record.start_seq)
        shown = last.items[max(last.items)] if last.items else last
        found[last.path] = own_payload(shown) | {"startedAt": shown.started_at, "status": "running"}
    return found


def _flatten(snapshot: RunSnapshot, scope: Scope, prefix: str, found: Json) -> None:
    for step_id, record in scope.steps.items():
        key = prefix + step_id
        shown = step_result(record)
        metadata = shown.get("metadata")
        if isinstance(metadata, dict) and "nestedRunId" in metadata:
            del shown["metadata"]
        found[key] = shown
        below: Json = {}
        inner = snapshot.scopes.get(record.path)
        if inner is not None:
            _flatten(snapshot, inner, f"{key}.", below)
        for index, item in sorted((record.items or {}).items()):
            inner = snapshot.scopes.get(item.path)
            if inner is not None:
                _flatten(snapshot, inner, f"{key}[{index}].", below)
        if record.status is StepStatus.SUSPENDED and any(_is_suspended(step) for step in below.values()):
            found[key] = {**shown, "status": "running"}  # the step that asks is the one below
        found |= below


def _is_suspended(step: Any) -> bool:
    return isinstance(step, dict) and step.get("status") == "suspended"


def _begun(graph: SerializedGraph, snapshot: RunSnapshot) -> list[StepRecord]:
    """The members of the block that is under way. The reference stores their ends only with the end of the block, and
    of their starts only the latest.
    """
    scope = snapshot.scopes[""]
    if snapshot.status not in (RunStatus.RUNNING, RunStatus.WAITING) or not 0 <= scope.entry < len(graph):
        return []
    entry = graph[scope.entry]
    if entry.get("type") not in BLOCKS:
        return []
    ids = [_step_id(step) for step in entry.get("steps") or [entry.get("step")]]
    records = [record for step_id in ids if (record := scope.steps.get(step_id)) and record.entry == scope.entry]
    running = any(record.status is StepStatus.RUNNING for record in records)
    return records if running else []


def _step_id(entry: object) -> str:
    """Return the id of a member of a block: a step has it inside, a nested workflow beside its graph."""
    if not isinstance(entry, Mapping):
        return ""
    inner = entry.get("step")
    return str(inner.get("id", "") if isinstance(inner, Mapping) else entry.get("id", ""))


def _active_paths(graph: SerializedGraph, card: RunCard, snapshot: RunSnapshot) -> dict[str, list[int]]:
    if card.status not in (RunStatus.RUNNING, RunStatus.WAITING):
        return {}
    begun = _begun(graph, snapshot) or [
        record
        for record in snapshot.scopes[""].steps.values()
        if record.status in (StepStatus.RUNNING, StepStatus.WAITING)
    ]
    return {
        record.step_id: [record.entry] if record.member is None else [record.entry, record.member] for record in begun
    }
