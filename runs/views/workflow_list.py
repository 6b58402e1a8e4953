"""All workflows: how they did lately, and the way to start them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.drawing.bars import Bars, outcome_bars
from runs.engine.log.results import RunStatus
from runs.models import WorkflowDefinition
from runs.models.run_figures import UsualDuration, active_counts, newest_outcomes, usual_durations

from .request import Request

OUTCOMES = 20
UNDER_WAY = (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING)


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
def workflow_list(request: Request) -> HttpResponse:
    workflows = list(WorkflowDefinition.objects.with_current())
    ids = [workflow.pk for workflow in workflows]
    usual, counts, outcomes = usual_durations(ids), active_counts(), newest_outcomes(ids, OUTCOMES)
    rows = [
        WorkflowRow(
            workflow,
            outcome_bars(found, 24, OUTCOMES) if (found := outcomes.get(workflow.pk, [])) else None,
            outcome_words(found),
            usual.get(workflow.pk),
            sum(counts.get((workflow.pk, status), 0) for status in UNDER_WAY),
            counts.get((workflow.pk, RunStatus.SUSPENDED), 0),
        )
        for workflow in workflows
    ]
    return render(request, "runs/workflow_list/page.html", {"rows": rows})


def outcome_words(outcomes: Sequence[tuple[str, float | None]]) -> str:
    """The outcomes counted: `53 success, 5 failed, 1 running`."""
    counted: dict[str, int] = defaultdict(int)
    for status, _ in outcomes:
        counted[status] += 1
    return ", ".join(f"{count} {status}" for status, count in sorted(counted.items(), key=lambda item: -item[1]))
