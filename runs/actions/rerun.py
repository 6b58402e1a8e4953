"""Running again: a new run with everything of an earlier one, from its beginning or from one of its steps.

The earlier run is never changed: what it did stays to be read, and the new one points to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runs.engine import UNSET, Workflow
from runs.engine.data.schemas import INVALID_TIME_TRAVEL
from runs.engine.errors import CannotTimeTravel, InvalidInput
from runs.engine.graph.entries import Branch, Entry, ForEach, Parallel, entry_ids
from runs.engine.graph.graph import Graph, NestedStep
from runs.engine.log.deadline import BY_START
from runs.engine.log.events import Event, EventType
from runs.engine.log.fold import fold
from runs.engine.log.records import RunSnapshot, Scope
from runs.engine.log.results import StepStatus
from runs.models import Actor, WorkflowRun
from runs.store.control_events import event_of

from .list_schema import list_of
from .resume import events_of, find_run, workflow_of
from .start import RunPurged, StartRequest, start_run

KEPT = (StepStatus.SUCCESS, StepStatus.BAILED, StepStatus.SKIPPED)


def request_of(run: WorkflowRun) -> StartRequest:
    """The start of a run as a request for another one: everything is copied but its id and its trace's ids.

    With the trace id of the first run, the traces of both would be one.
    """
    if run.purged_at is not None:
        raise RunPurged(run)
    first = events_of(run)[0].decoded()
    tracing = {
        key: value
        for key, value in (first.get("tracingOptions") or {}).items()
        if key not in ("traceId", "parentSpanId")
    }
    return StartRequest(
        workflow_id=run.workflow_id,
        input=first.get("inputGiven", first.get("input", UNSET)),
        initial_state=first.get("initialStateGiven", first.get("initialState", UNSET)),
        request_context=first.get("requestContext") or {},
        tracing_options=tracing,
        output_options=first.get("outputOptions") or {},
        resource_id=run.resource_id,
        priority=run.priority,
        time_limit=_own_limit(first),
        per_step=first.get("perStep") is True,
        origin_id=run.pk,
    )


def _own_limit(first: Mapping[str, Any]) -> float | None:
    """The time limit that a start was given, in seconds; one of the workflow's is looked up anew."""
    deadline = first.get("deadline") or {}
    return deadline["seconds"] if deadline.get("setBy") == BY_START else None


def run_again(
    run_id: str,
    *,
    start_key: str | None = None,
    actor: Actor,
) -> WorkflowRun:
    """Start the current version of a run's workflow with the same input and options. Raises as start_run() does."""
    request = replace(request_of(find_run(run_id)), start_key=start_key)
    return start_run(request, actor=actor)


def run_from_step(
    run_id: str,
    step: str,
    *,
    input: object = UNSET,
    start_key: str | None = None,
    actor: Actor,
) -> WorkflowRun:
    """Start a new run at a step of an earlier one, with that run's results before it, and its state as it was then.

    The new run is of the earlier one's version. `step`: its path, such as `review` or `inner.review`. `input`: the
    step's input instead of the recorded one. Raises CannotTimeTravel, InvalidInput, RunNotFound, and what start_run()
    raises.
    """
    run = find_run(run_id)
    workflow = workflow_of(run)
    start = step_start(run, workflow, step)
    way = _way(workflow, start, input)
    is_first = start.steps[0] in entry_ids(workflow.entries[0])
    request = replace(request_of(run), origin_step=step, start_key=start_key, version_id=run.version_id, per_step=False)
    # The second event takes the place of the first one's options, too.
    way |= {"tracingOptions": request.tracing_options, "outputOptions": request.output_options}

    def second(first: Event) -> Event:
        data = workflow.check_time_travel(fold("", run.workflow_id, [first]), way)
        if not is_first:  # the new run begins with the input of the earlier one; a step's payload is what it has read
            data.pop("input", None)
        if (place := first.decoded().get("traceParent")) is not None:
            data["traceParent"] = place
        return event_of(2, EventType.RUN_TIME_TRAVEL, first.at, data)

    return start_run(request, actor=actor, second=second)


# --- The step to start from -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepStart:
    """A step as a run came to it. `scopes`: the path of each graph from the outermost down to the step's own."""

    steps: list[str]  # ids, from the outermost workflow down
    scopes: list[str]
    workflows: list[Workflow]
    before: RunSnapshot  # all that had happened until then
    latest: RunSnapshot
    input: object

    @property
    def input_schema(self) -> Mapping[str, object] | None:
        """The JSON Schema of the step's input: of a foreach, of all its items; None accepts anything."""
        step_id = self.steps[-1]
        for entry in self.workflows[-1].entries:
            step = next((each for each in entry.steps if each.id == step_id), None)
            if step is None or step.input_schema is None:
                continue
            schema = step.input_schema.json_schema
            if not isinstance(entry, ForEach):
                return schema
            return list_of(schema)
        return None


def step_start(run: WorkflowRun, workflow: Workflow, step: str) -> StepStart:
    """How the run came to a step, the last time. Raises CannotTimeTravel when it never did, or the step is an item, and
    RunPurged."""
    if run.purged_at is not None:
        raise RunPurged(run)
    events = events_of(run)
    latest = fold(run.pk, run.workflow_id, events)
    record = latest.steps.get(step)
    if record is None or not (began := _began(events, step)):
        raise CannotTimeTravel(f"The run never came to a step {step}. Choose one that it has begun.")
    steps, workflows = _down(workflow, step)
    if not steps:
        raise CannotTimeTravel(f"{step} is a part of a foreach. Choose the foreach: a run starts from whole steps.")
    before = fold(run.pk, run.workflow_id, [event for event in events if event.seq < began])
    there = fold(run.pk, run.workflow_id, [event for event in events if event.seq <= began]).steps[step]
    scopes = [".".join(steps[:depth]) for depth in range(len(steps))]
    return StepStart(steps, scopes, workflows, before, latest, there.given_or_payload)


def _began(events: list[Event], path: str) -> int:
    """The event that began the step for the last time: not a later round of a loop, nor its going on after a question.

    0: it never began.
    """
    seq = 0
    for event in events:
        if event.type not in (EventType.STEP_START, EventType.STEP_WAITING):
            continue
        data = event.decoded()
        goes_on = "again" in data or "resumed" in data or "resumePayload" in data or data.get("iteration", 1) != 1
        if data.get("id") == path and "entry" in data and not (goes_on and seq):
            seq = event.seq
    return seq


def _down(workflow: Graph, path: str) -> tuple[list[str], list[Graph]]:
    """The ids that lead to a step, and the workflow that each stands in; none for what a graph does not name."""
    for entry in workflow.entries:
        if path in entry_ids(entry):
            return [path], [workflow]
        for step in entry.steps:
            if isinstance(step, NestedStep) and path.startswith(f"{step.id}.") and not isinstance(entry, ForEach):
                steps, workflows = _down(step.workflow, path.removeprefix(f"{step.id}."))
                if steps:
                    return [step.id, *steps], [workflow, *workflows]
    return [], []


# --- The way there --------------------------------------------------------------------------------


def _way(workflow: Workflow, start: StepStart, input: object) -> dict[str, Any]:
    """The time travel that leads a new run to the step. Raises CannotTimeTravel and InvalidInput."""
    contexts = [
        _results(inner, start, scope, step)
        for inner, scope, step in zip(start.workflows, start.scopes, start.steps, strict=True)
    ]
    way: dict[str, Any] = {"step": start.steps, "context": contexts[0], "initialState": dict(start.before.state)}
    if len(contexts) > 1:
        inner_ids = [inner.id for inner in start.workflows[1:]]
        way["nestedStepsContext"] = dict(zip(inner_ids, contexts[1:], strict=True))
        for scope, step, context in zip(start.scopes[1:], start.steps[1:], contexts[1:], strict=True):
            # Of a nested workflow, its own input: what its first step gets, and get_init_data().
            if (known := start.before.scopes.get(scope)) is not None and known.given_or_input is not UNSET:
                context.setdefault(step, {})["payload"] = known.given_or_input
    if input is not UNSET:
        _change_input(start, input, way, contexts[-1])
    return way


def _results(workflow: Workflow, start: StepStart, scope: str, step: str) -> dict[str, dict[str, Any]]:
    """What the steps before have given, and those beside it, in the form that a time travel takes."""
    before = start.before.scopes.get(scope) or Scope(scope)
    latest = start.latest.scopes.get(scope) or Scope(scope)
    entry = next(entry for entry in workflow.entries if step in entry_ids(entry))
    beside = [other for other in entry_ids(entry) if other != step]
    results: dict[str, dict[str, Any]] = {}
    for step_id, record in [*before.steps.items(), *((other, latest.steps.get(other)) for other in beside)]:
        if record is None or step_id == step or record.status not in KEPT:
            continue
        known = {"payload": record.payload, "output": record.output}
        results[step_id] = {key: value for key, value in known.items() if value is not UNSET}
        results[step_id] |= {"status": record.status.value, "startedAt": record.started_at, "endedAt": record.ended_at}
    lacking = [other for other in beside if isinstance(entry, Parallel) and other not in results]
    if lacking:
        names = " and ".join(lacking)
        raise CannotTimeTravel(f"{names} beside {step} gave no result. Start from a step before them.")
    return results


def _change_input(start: StepStart, input: object, way: dict[str, Any], context: dict[str, Any]) -> None:
    """Have the step get this input: what it gets is what the entry before it has given, so that is changed."""
    workflow, step = start.workflows[-1], start.steps[-1]
    index = next(i for i, entry in enumerate(workflow.entries) if step in entry_ids(entry))
    input = _checked(workflow, workflow.entries[index], step, input)
    before = workflow.entries[index - 1] if index else None
    if before is None:
        context.setdefault(step, {})["payload"] = input
    elif not isinstance(before, Parallel | Branch):
        context.setdefault(entry_ids(before)[0], {})["output"] = input
    else:
        members = entry_ids(before)
        if not isinstance(input, dict) or not input.keys() <= set(members):
            names = ", ".join(members)
            issue = f"An object with the outputs of the steps before: {names}"
            raise InvalidInput(INVALID_TIME_TRAVEL, [("", issue)])
        for member in members:
            if member in input:
                context.setdefault(member, {"status": "success"})["output"] = input[member]
            else:
                context.pop(member, None)


def _checked(workflow: Workflow, entry: Entry, step: str, input: object) -> object:
    """The input as the step will get it. Raises InvalidInput."""
    schema = next((each.input_schema for each in entry.steps if each.id == step), None)
    if not workflow.validate_inputs:
        return input
    if not isinstance(entry, ForEach):
        return input if schema is None else schema.to_store(schema.check(input, INVALID_TIME_TRAVEL), input)
    if not isinstance(input, list):
        raise InvalidInput(INVALID_TIME_TRAVEL, [("", "Expected an array for foreach step")])
    if schema is None:
        return input
    items = [schema.parse(item) for item in input]
    issues = [
        (f"{number}.{issue.dotted}".rstrip("."), issue.message)
        for number, item in enumerate(items)
        for issue in item.issues
    ]
    if issues:
        raise InvalidInput(INVALID_TIME_TRAVEL, issues)
    return [schema.to_store(item, given) for item, given in zip(items, input, strict=True)]
