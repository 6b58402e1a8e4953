"""A step's record in the reference's form, as results, events and stored runs contain it."""

from collections.abc import Mapping
from typing import Any

from ..data.json_value import same_json
from ..data.undefined import UNSET
from .records import RunSnapshot, Scope, StepRecord
from .results import RunStatus, StepStatus, WorkflowResult

Json = dict[str, Any]


def own_payload(record: StepRecord) -> Json:
    """The payload under its key, unless there is none."""
    return {} if record.payload is UNSET else {"payload": record.payload}


def step_result(record: StepRecord, *, shows_bail: bool = False) -> Json:
    """`{status, payload, startedAt, endedAt?, output?, error?, …}`, with no key for what is absent.

    A bail counts as success but in parallel blocks, branches and events.
    """
    if record.ended_by is not None and record.items is not None and record.status is not StepStatus.SUSPENDED:
        return _ended_by_item(record, record.items[record.ended_by])
    status = record.status
    if status is StepStatus.BAILED and not shows_bail and record.member is None:
        status = StepStatus.SUCCESS
    if status is StepStatus.CANCELED and record.iteration is not None:
        return {"status": "canceled"}
    data: Json = own_payload(record) | {"startedAt": record.started_at, "status": status.value}
    if record.resume_payload is not UNSET:
        data |= {"resumePayload": record.resume_payload, "resumedAt": record.resumed_at}
    if record.ended_at is not None:
        data["endedAt"] = record.ended_at
    if record.output is not UNSET and status not in (StepStatus.SUSPENDED, StepStatus.RUNNING, StepStatus.WAITING):
        data["output"] = record.output
    if record.error is not None and status is StepStatus.FAILED:
        data["error"] = record.error
    if record.tripwire is not None:
        data["tripwire"] = record.tripwire
    if record.non_retryable:
        data["nonRetryable"] = True
    if record.iteration is not None:
        data["metadata"] = {"iterationCount": record.iteration}
    elif record.call_run_id is not None:
        data["metadata"] = {"nestedRunId": record.call_run_id}
    if status is StepStatus.SUSPENDED:
        data |= _suspension(record)
    return data


def _suspension(record: StepRecord) -> Json:
    data: Json = {"suspendedAt": record.suspended_at}
    question = question_of(record)
    if record.items is not None:
        first = record.ended_by if record.ended_by is not None else 0
        payload = dict(question) if isinstance(question, Mapping) else {}
        meta = {**payload.get("__workflow_meta", {}), "foreachIndex": first, "foreachOutput": _item_results(record)}
        data["suspendPayload"] = payload | {"__workflow_meta": meta | {"resumeLabels": _labels(record)}}
    elif question is not UNSET:
        data["suspendPayload"] = question
    if record.suspend_output is not UNSET:
        data["suspendOutput"] = record.suspend_output
    return data


def question_of(record: StepRecord) -> object:
    """The suspend payload with the reference's note of which nested step asks it."""
    if record.suspended_path is None:
        return record.suspend_payload
    payload = dict(record.suspend_payload) if isinstance(record.suspend_payload, Mapping) else {}
    return payload | {"__workflow_meta": {"runId": record.run_id, "path": record.suspended_path}}


def _labels(foreach: StepRecord) -> Json:
    return {
        label: {"stepId": foreach.step_id, "foreachIndex": index}
        for index, item in sorted((foreach.items or {}).items())
        if item.status is StepStatus.SUSPENDED
        for label in item.labels
    }


def _item_results(foreach: StepRecord) -> list[object]:
    """What the reference notes of the items that have run; a hole is null."""
    items = foreach.items or {}
    return [
        _item_result(foreach, items[index]) if index in items else None for index in range(max(items, default=-1) + 1)
    ]


def _item_result(foreach: StepRecord, item: StepRecord) -> Json:
    data = step_result(item)
    if foreach.resume_payload is not UNSET and item.start_seq > foreach.start_seq:
        data.setdefault("resumePayload", foreach.resume_payload)
        data.setdefault("resumedAt", foreach.resumed_at)
    if item.resume_payload is not UNSET:
        data["payload"] = foreach.payload  # the reference forgets which item it was
    if item.status is not StepStatus.SUSPENDED:
        data["suspendPayload"] = {}
    return data


def _ended_by_item(foreach: StepRecord, item: StepRecord) -> Json:
    data = step_result(item)
    if item.status is StepStatus.FAILED:
        meta = {"foreachOutput": _item_results(foreach), "resumeLabels": {}}
        data["suspendPayload"] = {"__workflow_meta": meta}
    return data


def shown_steps(scope: Scope, *, whole: bool = False) -> Json:
    """All steps of a graph by id, and its input. A payload that only repeats the output before it is left out, as in
    the reference, unless the `whole` is wanted.
    """
    steps: Json = {} if scope.input is UNSET else {"input": scope.input}
    steps |= {step_id: step_result(record) for step_id, record in scope.steps.items()}
    if whole:
        return steps
    before = steps.get("input", UNSET)  # a step may have that very name
    repeats: dict[str, bool] = {}
    for step_id in scope.execution_path:
        record = scope.steps.get(step_id)
        if record is None:
            continue
        repeats[step_id] = record.payload is not UNSET and before is not UNSET and same_json(record.payload, before)
        if record.status in (StepStatus.SUCCESS, StepStatus.BAILED):
            before = record.output
    for step_id, repeated in repeats.items():
        if repeated and isinstance(steps.get(step_id), dict):
            steps[step_id].pop("payload", None)
    return steps


def clean_question(record: StepRecord) -> object:
    """The question as a person should see it: what is no object counts as empty."""
    payload = record.suspend_payload
    if payload is UNSET:
        return {}
    return payload


def run_result(snapshot: RunSnapshot, *, trace_id: str | None, span_id: str | None) -> WorkflowResult:
    """Return the result of the run, as start(), resume() and the others return it."""
    scope = snapshot.scopes[""]
    options = snapshot.output_options
    result = WorkflowResult(
        status=snapshot.status,
        run_id=snapshot.run_id,
        steps=shown_steps(scope),
        input=snapshot.input,
        step_execution_path=list(scope.execution_path),
        trace_id=trace_id,
        span_id=span_id,
    )
    if "input" in scope.steps:  # a step of that name takes the place of the input, as in the reference
        result.input = result.steps["input"]
    if snapshot.status is RunStatus.SUCCESS:
        result.result = snapshot.result
    elif snapshot.status is RunStatus.FAILED:
        result.error = snapshot.error
    elif snapshot.status is RunStatus.TRIPWIRE:
        result.tripwire = snapshot.tripwire or {}
    elif snapshot.status is RunStatus.SUSPENDED:
        waiting = {key: record for key, record in scope.steps.items() if record.status is StepStatus.SUSPENDED}
        result.suspended = [[key, *(record.suspended_path or [])] for key, record in waiting.items()]
        result.suspend_payload = {key: clean_question(record) for key, record in waiting.items()}
        if options.get("includeResumeLabels"):
            result.resume_labels = snapshot.resume_labels
    if options.get("includeState"):
        result.state = dict(scope.state)
    return result
