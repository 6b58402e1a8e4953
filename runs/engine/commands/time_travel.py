"""The snapshot as it must be to start from any step: a request for it becomes an event that rebuilds the records."""

from collections.abc import Mapping
from typing import Any

from ..data.json_value import to_json
from ..data.schemas import INVALID_TIME_TRAVEL, Schema
from ..data.undefined import UNSET
from ..errors import CannotTimeTravel, InvalidInput
from ..graph.entries import Branch, Entry, ForEach, Loop, Parallel, Sleep, entry_ids
from ..graph.graph import Graph, NestedStep
from ..log.records import RunSnapshot, Scope, StepRecord
from ..log.results import RunStatus, StepStatus
from .resuming import as_path

MAX_REPORTED = 10
_BROKEN = (StepStatus.FAILED, StepStatus.CANCELED, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.PAUSED)


def check_time_travel(workflow: Graph, snapshot: RunSnapshot, request: Mapping[str, object]) -> dict[str, object]:
    """The data of a `workflow-time-travel` event.

    `step`: the step to start from, a path into a nested workflow. `inputData` takes the place of the output before it,
    or of the run's input. `context`: results of earlier steps, `{id: {status?, payload?, output?}}`, that take the
    place of the recorded ones. `initialState` takes the place of the state. Raises CannotTimeTravel and InvalidInput.
    """
    if not request.get("step"):
        raise CannotTimeTravel("Step is required and must be a valid step or array of steps")
    if snapshot.status is RunStatus.RUNNING:
        raise CannotTimeTravel("This workflow run is still running, cannot time travel")
    steps = as_path(workflow, request["step"])
    given = request.get("inputData", UNSET)
    if len(steps) == 1:
        given = _parsed_input(workflow, steps[0], given)
    context = request.get("context")
    plan = _Plan(snapshot, given)
    plan.scope(workflow, snapshot.scopes[""], steps, context if isinstance(context, Mapping) else {}, request)
    data: dict[str, object] = {"step": steps, "drop": plan.drop, "steps": plan.steps, "entries": plan.entries}
    if given is not UNSET:
        data["inputData"] = to_json(given)
    if plan.input is not UNSET:
        data["input"] = to_json(plan.input)
    if plan.inputs:
        data["inputs"] = plan.inputs
    if request.get("initialState") is not None:
        data["state"] = to_json(request["initialState"])
    for key in ("requestContext", "tracingOptions", "outputOptions"):
        if request.get(key):
            data[key] = to_json(request[key])
    if request.get("perStep"):
        data["perStep"] = True
    return data


def _parsed_input(workflow: Graph, step_id: str, given: object) -> object:
    entry = next((entry for entry in workflow.entries if step_id in entry_ids(entry)), None)
    if given is UNSET or entry is None or not workflow.validate_inputs:
        return given
    step = next((step for step in entry.steps if step.id == step_id), None)
    schema = step.input_schema if step is not None else None
    if isinstance(entry, ForEach):
        if not isinstance(given, list):
            raise InvalidInput(INVALID_TIME_TRAVEL, [("", "Expected an array for foreach step")])
        return given if schema is None else [_kept(schema, item) for item in given]
    return given if schema is None or not given else _kept(schema, given)


def _kept(schema: Schema, given: object) -> object:
    return schema.to_store(schema.check(given, INVALID_TIME_TRAVEL), given)


class _Plan:
    """What has to be forgotten and what rebuilt, gathered from the top down to the step to start from."""

    def __init__(self, snapshot: RunSnapshot, given: object) -> None:
        self.snapshot = snapshot
        self.given = given
        self.input: object = UNSET
        self.inputs: dict[str, object] = {}  # of nested workflows
        self.drop: list[str] = []
        self.steps: list[dict[str, object]] = []
        self.entries: dict[str, int] = {}

    def scope(
        self,
        workflow: Graph,
        scope: Scope,
        steps: list[str],
        context: Mapping[str, Any],
        request: Mapping[str, object],
    ) -> None:
        """Plan one graph. Raises CannotTimeTravel when graph and records do not lead to the step."""
        target, entries = steps[0], workflow.entries
        at = next((i for i, entry in enumerate(entries) if target in entry_ids(entry)), None)
        _require(entries, scope, target, at, context)
        if at is None:
            where = ".".join(steps)
            raise CannotTimeTravel(
                f"Time travel target step not found in execution graph: '{where}'. Verify the step id/path."
            )
        self.entries[scope.path] = at
        outputs: dict[str, object] = {}
        for index in range(at):
            payload = _output_before(entries, index, outputs)
            replaced = self.given if index == at - 1 and len(steps) == 1 else UNSET
            for step_id in entry_ids(entries[index]):
                self._before(scope, index, entries[index], step_id, payload, replaced, context, outputs)
        first = target if at == 0 else next((each for each in entry_ids(entries[0]) if each in context), None)
        if first is not None:
            self._first_input(scope, context.get(first, {}).get("payload", self.given if at == 0 else UNSET))
        self._target(workflow, scope, at, steps, _output_before(entries, at, outputs), context, request)
        later = [r.path for r in scope.steps.values() if r.entry > at and r.path not in self.drop]
        self.drop += later

    def _first_input(self, scope: Scope, given: object) -> None:
        """The first step of a graph gets the graph's input: what is given for the step takes its place."""
        if given is UNSET or given is None:
            return
        if scope.path:
            self.inputs[scope.path] = to_json(given)
        else:
            self.input = given

    def _before(
        self,
        scope: Scope,
        index: int,
        entry: Entry,
        step_id: str,
        payload: object,
        replaced: object,
        context: Mapping[str, Any],
        outputs: dict[str, object],
    ) -> None:
        """A step before the one to start from: as the context says, else as it was recorded."""
        record, replacement = scope.steps.get(step_id), context.get(step_id)
        if record is None and replacement is None and replaced is UNSET:
            return
        replacement = replacement or {}
        output = replacement.get("output", replaced if replaced is not UNSET else (record.output if record else UNSET))
        status = str(replacement.get("status", record.status.value if record else "success"))
        broken = record is None or record.status in _BROKEN or status in ("failed", "canceled")
        if output is UNSET and broken:
            output = {}
        if output is not UNSET:
            outputs[step_id] = output
        changed = replacement or replaced is not UNSET or broken
        if changed:
            rebuilt = self._rebuilt(scope, index, entry, step_id, "success" if broken else status)
            if output is not UNSET:
                rebuilt["output"] = to_json(output)
            shown = replacement.get("payload", payload)
            if shown is not UNSET:
                rebuilt["payload"] = to_json(shown)
            self._keep(rebuilt, replacement)

    def _keep(self, rebuilt: dict[str, object], replacement: Mapping[str, Any]) -> None:
        for key in ("startedAt", "endedAt", "suspendPayload", "resumePayload"):
            if key in replacement:
                rebuilt[key] = to_json(replacement[key])
        self.steps.append(rebuilt)

    def _target(
        self,
        workflow: Graph,
        scope: Scope,
        at: int,
        steps: list[str],
        payload: object,
        context: Mapping[str, Any],
        request: Mapping[str, object],
    ) -> None:
        """The entry to start from: its step runs again, its neighbours in a block stay as they are."""
        entry, target = workflow.entries[at], steps[0]
        record = scope.steps.get(target)
        step = next((step for step in entry.steps if step.id == target), None)
        nested = step.workflow if isinstance(step, NestedStep) and len(steps) > 1 else None
        if record is not None and nested is None:
            self.drop.append(record.path)
        rebuilt = self._rebuilt(scope, at, entry, target, "running")
        if payload is not UNSET:
            rebuilt["payload"] = to_json(payload)
        self.steps.append(rebuilt)
        for step_id in entry_ids(entry):
            if step_id != target:
                self._neighbour(scope, at, entry, step_id, context, per_step=bool(request.get("perStep")))
        if nested is not None:
            path = str(rebuilt["id"])
            below = self.snapshot.scopes.get(path) or Scope(path)
            further = request.get("nestedStepsContext")
            own = further.get(nested.id, {}) if isinstance(further, Mapping) else {}
            known = payload if payload is not UNSET else scope.given_or_input
            if below.input is UNSET and known is not UNSET:  # a run that never was there: its steps ask for it
                self.inputs[path] = to_json(known)
            self.scope(nested, below, steps[1:], own, request)

    def _neighbour(
        self, scope: Scope, at: int, entry: Entry, step_id: str, context: Mapping[str, Any], *, per_step: bool
    ) -> None:
        record, replacement = scope.steps.get(step_id), context.get(step_id)
        if record is not None and record.entry != at:
            record = None
        if per_step and replacement is None:
            if record is not None:
                self.drop.append(record.path)
            return
        if record is None and replacement is None:
            if isinstance(entry, Branch):
                self.steps.append(self._rebuilt(scope, at, entry, step_id, "skipped") | {"payload": {}})
            return
        if replacement is None and record is not None and record.status not in _BROKEN:
            return
        rebuilt = self._rebuilt(
            scope, at, entry, step_id, "skipped" if isinstance(entry, Branch) and not replacement else "success"
        )
        replacement = replacement or {}
        if rebuilt["status"] == "success":
            rebuilt["output"] = to_json(replacement.get("output", {}))
        if "payload" in replacement:
            rebuilt["payload"] = to_json(replacement["payload"])
        self._keep(rebuilt, replacement)

    def _rebuilt(self, scope: Scope, index: int, entry: Entry, step_id: str, status: str) -> dict[str, object]:
        place: dict[str, object] = {"id": f"{scope.path}.{step_id}" if scope.path else step_id, "entry": index}
        if scope.path:
            place["in"] = scope.path
        if isinstance(entry, Parallel | Branch):
            place["member"] = entry_ids(entry).index(step_id)
        return place | {"status": status}


def _output_before(entries: list[Entry], index: int, outputs: dict[str, object]) -> object:
    if index == 0:
        return UNSET
    ids = entry_ids(entries[index - 1])
    if len(ids) == 1 and not isinstance(entries[index - 1], Parallel | Branch):
        return outputs.get(ids[0], UNSET)
    return {step_id: outputs[step_id] for step_id in ids if step_id in outputs}


def _require(entries: list[Entry], scope: Scope, target: str, at: int | None, context: Mapping[str, Any]) -> None:
    """Raise CannotTimeTravel unless every step before the target is recorded, or is in the context."""
    recorded: dict[str, StepRecord] = scope.steps
    if not recorded:
        return
    names = list(recorded)
    listed = ", ".join(names[:MAX_REPORTED])
    if len(names) > MAX_REPORTED:
        listed += f" (and {len(names) - MAX_REPORTED} more)"
    tail = f"Steps recorded in the snapshot: {listed}. The stored snapshot has not been modified."
    if at is None:
        raise CannotTimeTravel(
            f"Cannot time travel to step '{target}': the step does not exist in the current execution graph. "
            "The workflow definition has likely changed since the run was recorded (renamed step, or an unnamed .map() "
            f"step whose generated id changed across processes). {tail}"
        )
    missing: list[str] = []
    for entry in entries[:at]:
        if isinstance(entry, Sleep | ForEach | Loop):
            continue
        ids = entry_ids(entry)
        absent = [step_id for step_id in ids if step_id not in recorded and context.get(step_id) is None]
        if not isinstance(entry, Branch) or len(absent) == len(ids):
            missing += absent
    if missing:
        steps = ", ".join(f"'{step_id}'" for step_id in missing)
        raise CannotTimeTravel(
            f"Cannot time travel to step '{target}': step(s) {steps} precede the target in the current execution graph "
            "but were not recorded in the snapshot. Either the workflow definition changed since the run was recorded "
            "(renamed steps, or unnamed .map() steps whose generated ids changed across processes), or the recorded "
            f"run never reached these steps (it failed, was canceled, or was suspended before them). {tail}"
        )
