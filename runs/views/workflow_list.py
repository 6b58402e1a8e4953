"""All workflows: how they did lately, and the way to start them."""

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.drawing.bars import Bars, outcome_bars
from runs.models import WorkflowDefinition
from runs.models.run_figures import UsualDuration, active_counts, newest_of_each, usual_durations

OUTCOMES = 20


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    workflow: WorkflowDefinition
    outcomes: Bars | None
    outcome_words: str
    usual: UsualDuration | None
    active: int
    suspended: int


@require_GET
@permission_required("runs.view_workflowdefinition", raise_exception=True)
def workflow_list(request: HttpRequest) -> HttpResponse:
    workflows = list(WorkflowDefinition.objects.with_current())
    ids = [workflow.pk for workflow in workflows]
    usual, counts, newest = usual_durations(ids), active_counts(), _newest(ids)
    rows = [
        WorkflowRow(
            workflow,
            outcome_bars(newest[workflow.pk], 24, OUTCOMES) if newest[workflow.pk] else None,
            outcome_words(newest[workflow.pk]),
            usual.get(workflow.pk),
            sum(counts.get((workflow.pk, status), 0) for status in ("pending", "running", "waiting")),
            counts.get((workflow.pk, "suspended"), 0),
        )
        for workflow in workflows
    ]
    return render(request, "runs/workflow_list.html", {"rows": rows})


def _newest(ids: list[str]) -> dict[str, list[tuple[str, float | None]]]:
    found: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for workflow_id, status in newest_of_each(ids, "status", OUTCOMES):
        found[workflow_id].append((status, 1.0))
    return defaultdict(list, {workflow_id: outcomes[::-1] for workflow_id, outcomes in found.items()})


def outcome_words(outcomes: list[tuple[str, float | None]]) -> str:
    """The outcomes counted: `53 success, 5 failed, 1 running`."""
    counted: dict[str, int] = defaultdict(int)
    for status, _ in outcomes:
        counted[status] += 1
    return ", ".join(f"{count} {status}" for status, count in sorted(counted.items(), key=lambda item: -item[1]))
