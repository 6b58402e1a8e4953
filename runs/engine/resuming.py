"""The answer to a suspended run: which step it goes to, and whether it fits."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .errors import NotSuspended
from .graph import Sleep
from .json_value import to_json
from .records import RunSnapshot, StepRecord
from .results import RunStatus, StepStatus
from .schemas import INVALID_RESUME
from .step import Step
from .undefined import UNSET

if TYPE_CHECKING:
    from .workflow import Workflow


def check_resume(workflow: "Workflow", snapshot: RunSnapshot, request: Mapping[str, object]) -> dict[str, object]:
    """The data of a `workflow-resume` event: the full path of the step, and the parsed data.

    `step`: a step's id, a dotted path, a list of ids, or a Step; `label` goes before it, an unknown one is ignored.
    Raises NotSuspended and InvalidInput; the run stays suspended.
    """
    if snapshot.status is not RunStatus.SUSPENDED:
        raise NotSuspended("This workflow run was not suspended")
    label = request.get("label")
    named = snapshot.resume_labels.get(label) if isinstance(label, str) else None
    steps = _path(snapshot, named["stepId"] if named is not None else request.get("step"))
    top = snapshot.scopes[""].steps.get(steps[0])
    if top is None or top.status is not StepStatus.SUSPENDED:
        raise _not_waiting(steps[0], list(snapshot.suspended_paths))
    index = request.get("forEachIndex", named.get("foreachIndex") if named is not None else None)
    steps, leaf = _down(workflow, snapshot, top, steps, index if isinstance(index, int) else None)
    data: dict[str, object] = {"steps": steps}
    given = request.get("resumeData", UNSET)
    if workflow.validate_inputs and leaf is not None and leaf.resume_schema is not None:
        given = leaf.resume_schema.check(given, INVALID_RESUME).value
    if given is not UNSET:
        data["resumeData"] = to_json(given)
    if isinstance(index, int):
        data["forEachIndex"] = index
    if isinstance(label, str):
        data["label"] = label
    for key in ("requestContext", "tracingOptions", "outputOptions"):
        if request.get(key):
            data[key] = to_json(request[key])
    if request.get("perStep"):
        data["perStep"] = True
    return data


def as_path(step: object) -> list[str]:
    """A path of step ids, from a dotted text, an id, a list of either, or steps."""
    if isinstance(step, str):
        return step.split(".")
    if isinstance(step, Sequence):
        return [part if isinstance(part, str) else str(getattr(part, "id", part)) for part in step]
    return [str(getattr(step, "id", step))]


def _path(snapshot: RunSnapshot, step: object) -> list[str]:
    top = snapshot.scopes[""].steps
    if step:
        # An id may hold a dot itself.
        return [step] if isinstance(step, str) and step in top else as_path(step)
    waiting = [record for record in top.values() if record.status is StepStatus.SUSPENDED]
    if not waiting:
        raise NotSuspended("No suspended steps found in this workflow run")
    paths = [[record.step_id, *(record.suspended_path or [])] for record in waiting]
    if len(paths) > 1:
        listed = ", ".join(f"[{', '.join(path)}]" for path in paths)
        raise NotSuspended(
            f'Multiple suspended steps found: {listed}. Please specify which step to resume using the "step" parameter.'
        )
    return paths[0]


def _down(
    workflow: "Workflow", snapshot: RunSnapshot, top: StepRecord, steps: list[str], index: int | None
) -> tuple[list[str], Step | None]:
    """The path down to the step that waits, and that step. Refuses one that does not wait: nothing is lost yet."""
    record, step = top, _step(workflow, top.step_id)
    path = [top.step_id]
    rest = list(steps[1:])
    while step is not None and step.workflow is not None:
        if record.items is not None:
            waiting = {k: item for k, item in record.items.items() if item.status is StepStatus.SUSPENDED}
            record = waiting.get(index) if index is not None else next(iter(waiting.values()), record)  # type: ignore[assignment]
            index = None
            if record is None:
                break
        scope = snapshot.scopes.get(record.path)
        if scope is None:
            break
        below = [inner for inner in scope.steps.values() if inner.status is StepStatus.SUSPENDED]
        wanted = rest.pop(0) if rest else (record.suspended_path or [below[0].step_id if below else ""])[0]
        found = next((inner for inner in below if inner.step_id == wanted), None)
        if found is None:
            raise _not_waiting(wanted, [inner.step_id for inner in below])
        path.append(wanted)
        record, step = found, _step(step.workflow, wanted)
    return path, step


def _step(workflow: "Workflow", step_id: str) -> Step | None:
    for entry in workflow.entries:
        if isinstance(entry, Sleep):
            continue
        for step in entry.steps:
            if step.id == step_id:
                return step
    return None


def _not_waiting(step_id: str, available: list[str]) -> NotSuspended:
    return NotSuspended(
        f'This workflow step "{step_id}" was not suspended. Available suspended steps: [{", ".join(available)}]'
    )
