"""Home: what needs a person, what is running, and how the last day went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from runs.drawing.bars import Bars, hour_bars
from runs.engine.log.results import RunStatus
from runs.executor import dispatch
from runs.forms.run_filter import RunFilter, Term
from runs.models import WorkflowDefinition, WorkflowRun
from runs.models.run_figures import (
    Cause,
    DayFigures,
    UsualDuration,
    active_counts,
    causes,
    last_day,
    usual_durations,
)
from runs.models.run_walk import RunWalk

from .request import Request
from .run_rows import run_rows

UNDER_WAY_SHOWN = 8
ASKING_SHOWN = 5
WORKFLOWS_SHOWN = 12
UNDER_WAY = (RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PENDING)
NO_DAY = DayFigures()


@dataclass(frozen=True, slots=True)
class CauseRow:
    """Failures that say the same, and where to see them."""

    cause: Cause
    query: str
    span: str  # when: `09:40 to 12:58`


@dataclass(frozen=True, slots=True)
class WorkflowDay:
    """How the last day of a workflow went."""

    workflow: WorkflowDefinition
    figures: DayFigures
    bars: Bars | None
    usual: UsualDuration | None
    asking: int


@require_GET
@permission_required("runs.view_workflowrun", raise_exception=True)
@vary_on_headers("HX-Request-Type")
def home(request: Request) -> HttpResponse:
    template = "runs/home/_now.html" if request.htmx.request_type == "partial" else "runs/home/page.html"
    return render(request, template, _context())


def _context() -> dict[str, object]:
    everything, by_workflow = last_day()
    counts = active_counts()
    workflows = list(WorkflowDefinition.objects.with_current().order_by("id"))
    shown = sorted(workflows, key=lambda workflow: -by_workflow.get(workflow.pk, NO_DAY).total)[:WORKFLOWS_SHOWN]
    usual = usual_durations(workflow.pk for workflow in shown)
    return {
        "day": everything,
        "running": _standing(counts, RunStatus.RUNNING, RunStatus.WAITING),
        "waiting": _standing(counts, RunStatus.SUSPENDED),
        "executor": dispatch.executor_state(),
        "under_way": run_rows(RunWalk(statuses=UNDER_WAY).page(UNDER_WAY_SHOWN)),
        "asking": run_rows(RunWalk(statuses=[RunStatus.SUSPENDED]).page(ASKING_SHOWN)),
        "causes": [CauseRow(cause, _query(cause), _span(cause.first, cause.last)) for cause in causes()],
        "workflow_count": len(workflows),
        "workflows": list(_days(shown, by_workflow, usual, counts)),
        "any_run": bool(everything.total) or WorkflowRun.objects.exists(),
    }


def _standing(counts: Mapping[tuple[str, str], int], *statuses: str) -> int:
    return sum(runs for (_, status), runs in counts.items() if status in statuses)


def _days(
    shown: Sequence[WorkflowDefinition],
    by_workflow: Mapping[str, DayFigures],
    usual: Mapping[str, UsualDuration],
    counts: Mapping[tuple[str, str], int],
):
    # One scale for all rows, so that they can be held against each other.
    most = max((max(day.hours[0]) for day in by_workflow.values()), default=1)
    most_failed = max((max(day.hours[1]) for day in by_workflow.values()), default=1)
    for workflow in shown:
        day = by_workflow.get(workflow.pk)
        bars = hour_bars(day.hours, 24, most=most, most_failed=most_failed) if day else None
        asking = counts.get((workflow.pk, RunStatus.SUSPENDED), 0)
        yield WorkflowDay(workflow, day or NO_DAY, bars, usual.get(workflow.pk), asking)


def _query(cause: Cause) -> str:
    """The filter of the history that finds the runs of a cause."""
    terms = [Term("status", cause.status), Term("workflow", cause.workflow_id), Term("started>", "-24h")]
    if cause.detail:
        terms.append(Term("", cause.detail))
    return RunFilter(tuple(terms)).query


def _span(first: datetime, last: datetime) -> str:
    words = _hour(first)
    return words if _hour(last) == words else f"{words} to {_hour(last)}"


def _hour(moment: datetime) -> str:
    """The time of day, with the day of the week when it is not today's."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M}" if local.date() == timezone.localtime().date() else f"{local:%a %H:%M}"
