"""Home: what needs somebody, what is going on, and how the last day went."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.drawing.bars import duration_bar, hour_bars
from runs.engine.results import RunStatus
from runs.execution import dispatch
from runs.models import WorkflowDefinition, WorkflowRun
from runs.models.run_figures import active_counts, causes, last_day, usual_durations

from .run_list import CARD, RunRow, duration_of

ACTIVE_SHOWN = 8
WORKFLOWS_SHOWN = 12
UNDER_WAY = (RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PENDING)


@require_GET
@permission_required("runs.view_workflowrun", raise_exception=True)
def home(request: HttpRequest) -> HttpResponse:
    template = "runs/_home_now.html" if request.htmx.request_type == "partial" else "runs/home.html"
    return render(request, template, _context())


def _context() -> dict[str, object]:
    everything, by_workflow = last_day()
    counts = active_counts()
    workflows = list(WorkflowDefinition.objects.with_current().order_by("id"))
    shown = sorted(workflows, key=lambda workflow: -_total(by_workflow.get(workflow.pk)))[:WORKFLOWS_SHOWN]
    under_way = _newest(UNDER_WAY)
    usual = usual_durations([workflow.pk for workflow in shown] + [run.workflow_id for run in under_way])
    most = max([max(*day.hours[0], *day.hours[1]) for day in by_workflow.values()] or [1])
    return {
        "day": everything,
        "running": sum(runs for (_, status), runs in counts.items() if status in ("running", "waiting")),
        "waiting": sum(runs for (_, status), runs in counts.items() if status == "suspended"),
        "executor": dispatch.executor_state(),
        "under_way": [_row(run, usual) for run in under_way],
        "asking": _newest((RunStatus.SUSPENDED,)),
        "causes": causes(),
        "workflow_count": len(workflows),
        "workflows": [
            (
                workflow,
                by_workflow.get(workflow.pk),
                hour_bars(by_workflow[workflow.pk].hours, 24, most=most) if workflow.pk in by_workflow else None,
                usual.get(workflow.pk),
                counts.get((workflow.pk, "suspended"), 0),
            )
            for workflow in shown
        ],
        "any_run": bool(everything.total) or WorkflowRun.objects.exists(),
    }


def _total(day) -> int:
    return day.total if day else 0


def _newest(statuses) -> list[WorkflowRun]:
    return list(WorkflowRun.objects.filter(status__in=statuses).newest_first().only(*CARD)[:ACTIVE_SHOWN])


def _row(run: WorkflowRun, usual) -> RunRow:
    took = duration_of(run)
    known = usual.get(run.workflow_id)
    return RunRow(run, took, duration_bar(took, known.p95 if known else None))
