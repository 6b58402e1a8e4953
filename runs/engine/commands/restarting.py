"""What a restart runs again: the entry in which the run was left, as a whole."""

from ..graph.entries import ForEach, Sleep
from ..graph.graph import Graph, NestedStep
from ..log.records import RunSnapshot, Scope, StepRecord
from ..log.results import StepStatus


def restart_data(workflow: Graph, snapshot: RunSnapshot) -> dict[str, object]:
    """The data of a `workflow-restart` event: the paths that run again, and those that are forgotten.

    All members of a block that were begun run again, a foreach starts over, a sleep starts in full; a loop keeps its
    iteration, and a nested workflow goes on inside.
    """
    again: list[str] = []
    drop: list[str] = []
    _collect(workflow, snapshot, snapshot.scopes[""], again, drop)
    return {key: paths for key, paths in (("again", again), ("drop", drop)) if paths}


def _collect(workflow: Graph, snapshot: RunSnapshot, scope: Scope, again: list[str], drop: list[str]) -> None:
    if not 0 <= scope.entry < len(workflow.entries):
        return
    entry = workflow.entries[scope.entry]
    if isinstance(entry, Sleep):
        record = scope.steps.get(entry.id)
        if record is not None and record.status is StepStatus.WAITING:
            again.append(record.path)
        return
    for step in entry.steps:
        record = scope.steps.get(step.id)
        if record is None or record.entry != scope.entry or record.status is StepStatus.SUSPENDED:
            continue
        if isinstance(entry, ForEach):
            _start_over(record, again, drop)
        elif record.member is not None or record.status is StepStatus.RUNNING:
            again.append(record.path)
            inner = snapshot.scopes.get(record.path)
            if isinstance(step, NestedStep) and inner is not None:
                _collect(step.workflow, snapshot, inner, again, drop)


def _start_over(foreach: StepRecord, again: list[str], drop: list[str]) -> None:
    if foreach.status is StepStatus.RUNNING:
        again.append(foreach.path)
        drop += [item.path for _, item in sorted((foreach.items or {}).items())]
