"""Running again: a new run with everything of an earlier one, from its beginning or from one of its steps.

The earlier run is never changed: what it did stays to be read, and the new one points to it.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from runs.engine import UNSET, Workflow
from runs.engine.errors import CannotTimeTravel, InvalidInput
from runs.engine.events import Event, EventType
from runs.engine.graph import Branch, Parallel, entry_ids
from runs.engine.records import RunSnapshot
from runs.engine.results import StepStatus
from runs.engine.schemas import INVALID_TIME_TRAVEL
from runs.engine.snapshot import fold
from runs.models import WorkflowRun

from .announce import announce
from .answer import events_of, find_run
from .outside import event_of, store_event
from .registry import runnable
from .start import StartRequest, WorkflowDisabled, start_run

KEPT = (StepStatus.SUCCESS, StepStatus.BAILED, StepStatus.SKIPPED)


def request_of(run: WorkflowRun) -> StartRequest:
    """The start of a run as a request for another one: everything is copied but its id and its trace's ids.

    With the trace id of the first run, the traces of both would be one.
    """
    first = events_of(run)[0].decoded()
    tracing = {
        key: value
        for key, value in (first.get("tracingOptions") or {}).items()
        if key not in ("traceId", "parentSpanId")
    }
    return StartRequest(
        workflow_id=run.workflow_id,
        input=first.get("input", UNSET),
        initial_state=first.get("initialState", UNSET),
        request_context=first.get("requestContext") or {},
        tracing_options=tracing,
        output_options=first.get("outputOptions") or {},
        resource_id=run.resource_id,
        priority=run.priority,
        origin_id=run.pk,
    )


def run_again(
    run_id: str, *, start_key: str | None = None, actor: AbstractBaseUser | None = None, address: str | None = None
) -> WorkflowRun:
    """Start the current version of a run's workflow with the same input and options. Raises as start_run() does."""
    request = replace(request_of(find_run(run_id)), start_key=start_key)
    return start_run(request, actor=actor, address=address)


def run_from_step(
    run_id: str,
    step: str,
    *,
    input: object = UNSET,
    start_key: str | None = None,
    actor: AbstractBaseUser | None = None,
    address: str | None = None,
) -> WorkflowRun:
    """Start a new run at a step of an earlier one, with that run's results before it, and its state as it was then.

    `input`: the step's input instead of the recorded one. Raises CannotTimeTravel, InvalidInput, RunNotFound, and
    what start_run() raises.
    """
    run = find_run(run_id)
    workflow = runnable(run.version)
    if workflow is None:
        raise WorkflowDisabled(run.workflow_id, f"This server does not have version {run.version.number} of it.")
    before = snapshot_before(run, step)
    request = replace(request_of(run), origin_step=step, start_key=start_key)
    way: dict[str, Any] = {"step": step, "context": _results(before, step), "initialState": dict(before.state)}
    if input is not UNSET:
        _change_input(workflow, step, input, way)
    with transaction.atomic():
        child = start_run(request, actor=actor, address=address)
        if child.last_seq == 1:  # not one that the same form had made before
            event = _way_back(child, workflow, way)
            WorkflowRun.objects.filter(pk=child.pk).update(last_seq=event.seq)
            child.last_seq = event.seq
            transaction.on_commit(lambda: announce({child.pk: [event]}))
    return child


def _way_back(child: WorkflowRun, workflow: Workflow, way: Mapping[str, object]) -> Event:
    """The second event of a run that starts at a step."""
    data = workflow.check_time_travel(fold(child.pk, child.workflow_id, events_of(child)), way)
    event = event_of(2, EventType.RUN_TIME_TRAVEL, time.time_ns() // 1_000_000, data)
    store_event(child.pk, event)
    return event


def snapshot_before(run: WorkflowRun, step: str) -> RunSnapshot:
    """The run as it was when the step began for the last time. Raises CannotTimeTravel when it never did."""
    events = events_of(run)
    record = fold(run.pk, run.workflow_id, events).scopes[""].steps.get(step)
    if record is None or not record.start_seq:
        raise CannotTimeTravel(f"The run never came to a step {step}. Choose one that it has begun.")
    return fold(run.pk, run.workflow_id, [event for event in events if event.seq < record.start_seq])


def _results(snapshot: RunSnapshot, step: str) -> dict[str, dict[str, object]]:
    """What the steps before have given, in the form that a time travel takes."""
    results: dict[str, dict[str, object]] = {}
    for step_id, record in snapshot.scopes[""].steps.items():
        if step_id == step or record.status not in KEPT:
            continue
        known = {"payload": record.payload, "output": record.output}
        results[step_id] = {key: value for key, value in known.items() if value is not UNSET}
        results[step_id] |= {"status": record.status.value, "startedAt": record.started_at, "endedAt": record.ended_at}
    return results


def _change_input(workflow: Workflow, step: str, input: object, way: dict[str, Any]) -> None:
    """Have the step get this input: what it gets is what the entry before it has given, so that is changed."""
    index = next((i for i, entry in enumerate(workflow.entries) if step in entry_ids(entry)), 0)
    before = workflow.entries[index - 1] if index else None
    if not isinstance(before, Parallel | Branch):
        way["inputData"] = input
        if before is not None:
            way["context"].setdefault(entry_ids(before)[0], {})["output"] = input
        return
    members = entry_ids(before)
    if not isinstance(input, dict) or not input.keys() <= set(members):
        names = ", ".join(members)
        raise InvalidInput(INVALID_TIME_TRAVEL, [("", f"An object with the outputs of the steps before: {names}")])
    schema = next((each.input_schema for each in workflow.entries[index].steps if each.id == step), None)
    if schema is not None:
        schema.check(input, INVALID_TIME_TRAVEL)
    for member in members:
        if member in input:
            way["context"].setdefault(member, {"status": "success"})["output"] = input[member]
