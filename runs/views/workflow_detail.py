"""One workflow: its graph, how its runs went, its schemas and versions."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from runs.drawing.bars import outcome_bars
from runs.drawing.graph import draw_graph
from runs.drawing.trend import Trend, draw_trend
from runs.engine.log.results import RunStatus
from runs.forms.run_filter import RunFilter, Term
from runs.forms.schema.schema_tree import schema_twigs
from runs.models import Actor, AuditEntry, WorkflowDefinition, WorkflowVersion
from runs.models.run_figures import (
    DAY,
    DayFigures,
    counts_by_version,
    daily_durations,
    last_day,
    newest_outcomes,
    usual_durations,
)
from runs.models.run_walk import RunWalk

from .request import Request
from .run_rows import read_page
from .workflow_list import outcome_words

LAST_RUNS = 60
TREND_DAYS = 30
MOST_COUNTED = 10_000
VERSIONS_AT_A_GLANCE = 3
MOST_VERSIONS = 200
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
    more: bool  # whether older runs, which were not counted, may have run it, too


@require_GET
@permission_required("runs.view_workflowdefinition", raise_exception=True)
def workflow_detail(request: Request, workflow_id: str) -> HttpResponse:
    workflow = get_object_or_404(WorkflowDefinition.objects.with_current(), pk=workflow_id)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "overview"
    context = {
        "workflow": workflow,
        "version": workflow.current,
        "tab": tab,
        "tabs": TABS.items(),
        "run_count": RunWalk(workflows=[workflow.pk]).count(MOST_COUNTED),
        "most_counted": MOST_COUNTED,
    }
    return render(request, "runs/workflow_detail/page.html", context | FILL[tab](workflow))


def _overview(workflow: WorkflowDefinition) -> dict[str, object]:
    outcomes = newest_outcomes([workflow.pk], LAST_RUNS).get(workflow.pk, [])
    words = outcome_words(outcomes)
    versions = _version_rows(workflow, VERSIONS_AT_A_GLANCE)
    current = workflow.current
    return {
        "drawing": draw_graph(current.graph) if current else None,
        "outcomes": len(outcomes),
        "outcome_words": words,
        "bars": outcome_bars(outcomes, 72, LAST_RUNS) if outcomes else None,
        "bars_label": f"Last {len(outcomes)} runs, height is duration: {words}",
        "day": last_day()[1].get(workflow.pk, DayFigures()),
        "usual": usual_durations([workflow.pk]).get(workflow.pk),
        "waiting": RunWalk(workflows=[workflow.pk], statuses=[RunStatus.SUSPENDED]).count(MOST_COUNTED),
        "trend": _trend(workflow, [row.version for row in versions]),
        "twigs": schema_twigs(current.input_schema) if current else [],
        "output_twigs": schema_twigs(current.output_schema) if current else [],
        "versions": versions,
    }


def _trend(workflow: WorkflowDefinition, versions: list[WorkflowVersion]) -> Trend | None:
    tomorrow = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    days = [tomorrow - number * DAY for number in range(TREND_DAYS, 0, -1)]
    changes = [(version.created_at, f"v{version.number}") for version in versions if version.number > 1]
    return draw_trend(daily_durations(workflow.pk, days), days[0].date(), TREND_DAYS - 1, changes)


def _runs(workflow: WorkflowDefinition) -> dict[str, object]:
    return {
        "page": read_page(RunWalk(workflows=[workflow.pk])),
        "filter": RunFilter((Term("workflow", workflow.pk),)),
    }


def _schemas(workflow: WorkflowDefinition) -> dict[str, object]:
    schemas = []
    for field, title in SCHEMAS.items() if workflow.current else ():
        schema = getattr(workflow.current, field)
        schemas.append((field, title, schema_twigs(schema), json.dumps(schema, indent=2, ensure_ascii=False)))
    return {"schemas": schemas}


def _versions(workflow: WorkflowDefinition) -> dict[str, object]:
    return {"versions": _version_rows(workflow, MOST_VERSIONS)}


def _version_rows(workflow: WorkflowDefinition, limit: int) -> list[VersionRow]:
    versions = (
        workflow.versions.select_related("created_by")
        .defer("graph", "steps", "definition_json", *SCHEMAS)
        .order_by("-number")[:limit]
    )
    counts, oldest = counts_by_version(workflow.pk)
    return [_version_row(version, counts.get(version.pk, 0), oldest) for version in versions]


def _version_row(version: WorkflowVersion, runs: int, oldest: datetime | None) -> VersionRow:
    return VersionRow(version, runs, oldest is not None and version.created_at < oldest)


@require_POST
@permission_required("runs.change_workflowdefinition", raise_exception=True)
def workflow_switch(request: Request, workflow_id: str) -> HttpResponse:
    """Let a workflow take new runs, or not. Runs that are under way go on."""
    workflow = get_object_or_404(WorkflowDefinition, pk=workflow_id)
    wanted = request.POST.get("enabled") == "yes"
    if workflow.enabled != wanted:
        workflow.enabled = wanted
        workflow.save(update_fields=["enabled", "updated_at"])
        verb, before, after = "enable" if wanted else "disable", {"enabled": not wanted}, {"enabled": wanted}
        AuditEntry.objects.record(Actor.of(request), verb, "workflow", workflow.pk, before=before, after=after)
    return redirect("workflow_detail", workflow_id=workflow.pk)


# What each tab's template gets beside the workflow.
FILL: dict[str, Callable[[WorkflowDefinition], dict[str, object]]] = {
    "overview": _overview,
    "runs": _runs,
    "schemas": _schemas,
    "versions": _versions,
}
