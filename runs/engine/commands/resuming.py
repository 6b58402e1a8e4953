"""The answer to a suspended run: which step it goes to, and whether it fits."""

from collections.abc import Mapping, Sequence

from ..data.json_value import to_json
from ..data.schemas import INVALID_RESUME
from ..data.undefined import UNSET
from ..errors import NotSuspended
from ..graph.entries import Sleep
from ..graph.graph import Graph, NestedStep
from ..graph.step import Step
from ..graph.step_paths import path_of
from ..log.records import RunSnapshot, StepRecord
from ..log.results import RunStatus, StepStatus


def check_resume(workflow: Graph, snapshot: RunSnapshot, request: Mapping[str, object]) -> dict[str, object]:
    """The data of a `workflow-resume` event: the full path of the step, and the parsed data.

    `step`: a step's id, a dotted path, a list of ids, or a Step; `label` goes before it, an unknown one is ignored.
    Raises NotSuspended and InvalidInput; the run stays suspended.
    """
    if snapshot.status is not RunStatus.SUSPENDED:
        raise NotSuspended("This workflow run was not suspended")
    label = request.get("label")
    named = snapshot.resume_labels.get(label) if isinstance(label, str) else None
    steps = _path(workflow, snapshot, named["stepId"] if named is not None else request.get("step"))
    top = snapshot.scopes[""].steps.get(steps[0])
    if top is None or top.status is not StepStatus.SUSPENDED:
        raise _not_waiting(steps[0], list(snapshot.suspended_paths))
    index = request.get("forEachIndex", named.get("foreachIndex") if named is not None else None)
    way = _Way(snapshot, label if named is not None and isinstance(label, str) else None, index)
    leaf = way.down(workflow, top, steps[1:])
    steps, index = way.path, way.index
    data: dict[str, object] = {"steps": steps}
    given = request.get("resumeData", UNSET)
    if workflow.validate_inputs and leaf is not None and leaf.resume_schema is not None:
        given = leaf.resume_schema.to_store(leaf.resume_schema.check(given, INVALID_RESUME), given)
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


def as_path(workflow: Graph, step: object) -> list[str]:
    """A path of step ids, from a path in words, an id, a list of ids, or steps."""
    if isinstance(step, str):
        return path_of(workflow, step)
    if isinstance(step, Sequence):
        return [part if isinstance(part, str) else str(getattr(part, "id", part)) for part in step]
    return [str(getattr(step, "id", step))]


def _path(workflow: Graph, snapshot: RunSnapshot, step: object) -> list[str]:
    top = snapshot.scopes[""].steps
    if step:
        return [step] if isinstance(step, str) and step in top else as_path(workflow, step)
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


class _Way:
    """The way down to the step that waits. Refuses one that does not wait: nothing is lost yet."""

    def __init__(self, snapshot: RunSnapshot, label: str | None, index: object) -> None:
        self.path: list[str] = []
        self.index = index if isinstance(index, int) else None  # of an item on the way
        self._snapshot = snapshot
        self._label = label

    def down(self, workflow: Graph, top: StepRecord, rest: list[str]) -> Step | None:
        """Go as far as there are nested workflows; the step there. Raises NotSuspended."""
        record, step = top, _step(workflow, top.step_id)
        self.path.append(top.step_id)
        while isinstance(step, NestedStep):
            scope = self._snapshot.scopes.get(self._item(record).path)
            if scope is None:
                break
            waiting = [inner for inner in scope.steps.values() if inner.status is StepStatus.SUSPENDED]
            wanted = rest.pop(0) if rest else self._guess(self._item(record), waiting)
            found = next((inner for inner in waiting if inner.step_id == wanted), None)
            if found is None:
                raise _not_waiting(wanted, [inner.step_id for inner in waiting])
            self.path.append(wanted)
            record, step = found, _step(step.workflow, wanted)
        self._item(record)
        return step

    def _item(self, record: StepRecord) -> StepRecord:
        """Of a foreach, the item that is meant: by index, by label, or the first that waits."""
        waiting = {k: item for k, item in (record.items or {}).items() if item.status is StepStatus.SUSPENDED}
        if self.index is None and self._label is not None:
            self.index = next((k for k, item in waiting.items() if self._label in item.labels), None)
        if self.index is not None and self.index in waiting:
            return waiting[self.index]
        return next(iter(waiting.values()), record)

    def _guess(self, record: StepRecord, waiting: list[StepRecord]) -> str:
        """The step that is meant when none is named: the one that has the label, else the one that asked last."""
        labelled = [step.step_id for step in waiting if self._label in labels_of(step)]
        asked = (record.suspended_path or [""])[0]
        return labelled[0] if labelled else asked or (waiting[0].step_id if waiting else "")


def labels_of(record: StepRecord) -> list[str]:
    """The labels under which a suspended step, or one of its items, can be answered."""
    items = [item for item in (record.items or {}).values() if item.status is StepStatus.SUSPENDED]
    return [*record.labels, *(label for item in items for label in item.labels)]


def _step(workflow: Graph, step_id: str) -> Step | None:
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
