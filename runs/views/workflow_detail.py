"""One workflow: its graph, how its runs went, its schemas and versions."""

import json
from dataclasses import dataclass

from django.contrib.auth.decorators import permission_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from runs.drawing.bars import outcome_bars
from runs.drawing.graph import draw_graph
from runs.drawing.trend import Trend, draw_trend
from runs.forms.schema_tree import schema_twigs
from runs.models import AuditEntry, WorkflowDefinition, WorkflowRun, WorkflowVersion
from runs.models.run_figures import DAY, DayFigures, daily_durations, last_day, usual_durations

from .run_list import duration_of, read_page
from .workflow_list import outcome_words

LAST_RUNS = 60
TREND_DAYS = 30
TABS = {"overview": "Overview", "runs": "Runs", "schemas": "Schemas", "versions": "Versions"}
SCHEMAS = {
    "input_schema": "Input schema",
    "output_schema": "Output schema",
    "state_schema": "State schema",
    "request_context_schema": "Request context schema",
}


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: WorkflowVersion
    runs: int


@require_GET
@permission_required("runs.view_workflowdefinition", raise_exception=True)
def workflow_detail(request: HttpRequest, workflow_id: str) -> HttpResponse:
    workflow = get_object_or_404(WorkflowDefinition.objects.with_current(), pk=workflow_id)
    tab = request.GET.get("tab") if request.GET.get("tab") in TABS else "overview"
    context = {"workflow": workflow, "version": workflow.current, "tab": tab, "tabs": TABS.items()}
    context |= {"overview": _overview, "runs": _runs, "schemas": _schemas, "versions": _versions}[tab](
        request, workflow
    )
    return render(request, "runs/workflow_detail.html", context)


def _overview(request: HttpRequest, workflow: WorkflowDefinition) -> dict[str, object]:
    newest = list(
        workflow.runs.newest_first().only("status", "started_at", "ended_at", "created_at", "workflow_id")[:LAST_RUNS]
    )[::-1]
    outcomes = [(run.status, duration_of(run)) for run in newest]
    day = last_day()[1].get(workflow.pk, DayFigures())
    return {
        "drawing": draw_graph(workflow.current.graph) if workflow.current else None,
        "bars": outcome_bars(outcomes, 72, LAST_RUNS) if outcomes else None,
        "bars_label": f"Last {len(outcomes)} runs, height is duration: {outcome_words(outcomes)}",
        "outcome_words": outcome_words(outcomes),
        "day": day,
        "usual": usual_durations([workflow.pk]).get(workflow.pk),
        "waiting": workflow.runs.filter(status="suspended").count(),
        "trend": _trend(workflow),
        "twigs": schema_twigs(workflow.current.input_schema) if workflow.current else [],
        **_versions(request, workflow, limit=3),
    }


def _trend(workflow: WorkflowDefinition) -> Trend | None:
    since = timezone.now() - TREND_DAYS * DAY
    return draw_trend(daily_durations(workflow.pk, since), since.date(), TREND_DAYS)


def _runs(request: HttpRequest, workflow: WorkflowDefinition) -> dict[str, object]:
    return {"page": read_page(WorkflowRun.objects.filter(workflow=workflow).newest_first(), "")}


def _schemas(request: HttpRequest, workflow: WorkflowDefinition) -> dict[str, object]:
    version = workflow.current
    if version is None:
        return {"schemas": []}
    return {
        "schemas": [
            (
                field,
                title,
                schema_twigs(schema := getattr(version, field)),
                json.dumps(schema, indent=2, ensure_ascii=False),
            )
            for field, title in SCHEMAS.items()
        ]
    }


def _versions(request: HttpRequest, workflow: WorkflowDefinition, limit: int = 200) -> dict[str, object]:
    versions = list(
        workflow.versions.select_related("created_by")
        .defer("graph", "steps", "definition_json", *SCHEMAS)
        .order_by("-number")[:limit]
    )
    counts = dict(
        WorkflowRun.objects.filter(version__in=versions).values_list("version").annotate(runs=Count("pk")).order_by()
    )
    return {
        "versions": [VersionRow(version, counts.get(version.pk, 0)) for version in versions],
        "version_count": workflow.current.number if workflow.current else 0,
    }


@require_POST
@permission_required("runs.change_workflowdefinition", raise_exception=True)
def workflow_switch(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """Let a workflow take new runs, or not. Runs that are under way go on."""
    workflow = get_object_or_404(WorkflowDefinition, pk=workflow_id)
    wanted = request.POST.get("enabled") == "yes"
    if workflow.enabled != wanted:
        workflow.enabled = wanted
        workflow.save(update_fields=["enabled", "updated_at"])
        AuditEntry.objects.create(
            actor=request.user,
            actor_label=request.user.get_full_name() or request.user.get_username(),
            verb="enable" if wanted else "disable",
            object_type="workflow",
            object_id=workflow.pk,
            before={"enabled": not wanted},
            after={"enabled": wanted},
            address=request.META.get("REMOTE_ADDR"),
        )
    return redirect("workflow_detail", workflow_id=workflow.pk)
