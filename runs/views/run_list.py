"""The history: every run, newest first, filtered by one line of text, in pages that begin where the last one ended."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from runs.drawing.bars import Bars, DurationBar, duration_bar, hour_bars
from runs.engine.results import RunStatus
from runs.forms.run_filter import STATUSES, RunFilter
from runs.models import WorkflowDefinition, WorkflowRun
from runs.models.run import BadCursor
from runs.models.run_figures import last_day, usual_durations

RUNS_PER_PAGE = 50
MOST_COUNTED = 10_000  # an exact count of more would read more rows than the page is worth
TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
# What a row shows; the rest of the card stays where it is.
CARD = ["id", "workflow_id", "status", "created_at", "started_at", "ended_at", "wake_at"]
CARD += ["actor_label", "tags", "detail"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the list shows it."""

    run: WorkflowRun
    took: int | None  # milliseconds: until its end, or until now
    bar: DurationBar | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of the history, and the way to its neighbours."""

    rows: list[RunRow]
    older: str  # the cursor of the page that follows; empty: there is none
    newer: bool  # whether this is not the first page

    @property
    def newest(self) -> str:
        return self.rows[0].run.cursor if self.rows else ""


@require_GET
@permission_required("runs.view_workflowrun", raise_exception=True)
@vary_on_headers("HX-Request-Type")
def run_list(request: HttpRequest) -> HttpResponse:
    run_filter = RunFilter.read(request.GET)
    runs = run_filter.apply(WorkflowRun.objects.newest_first())
    if request.GET.get("newer_than"):
        return _new_runs(request, run_filter, runs)
    page = read_page(runs, request.GET.get("before", ""))
    context = {"filter": run_filter, "page": page}
    if request.htmx.request_type == "partial":
        return render(request, "runs/_run_rows.html", context)
    context |= {
        "counted": _count(runs),
        "most_counted": MOST_COUNTED,
        "statuses": STATUSES,
        "workflows": WorkflowDefinition.objects.values_list("pk", flat=True),
        "chips": [(term, run_filter.without(term).query) for term in run_filter.terms],
        "any_run": bool(page.rows) or WorkflowRun.objects.exists(),
    }
    if not run_filter.terms and not page.newer:
        context |= _day_chart()
    return render(request, "runs/run_list.html", context)


def read_page(runs, cursor: str) -> RunPage:
    """The rows after a cursor: two queries, whatever there is, and no payload. A cursor that is none is ignored."""
    if cursor:
        try:
            runs = runs.before(cursor)
        except BadCursor:
            cursor = ""
    found = list(runs.only(*CARD)[: RUNS_PER_PAGE + 1])
    more, found = len(found) > RUNS_PER_PAGE, found[:RUNS_PER_PAGE]
    usual = usual_durations(run.workflow_id for run in found)
    rows = []
    for run in found:
        took = duration_of(run)
        known = usual.get(run.workflow_id)
        rows.append(RunRow(run, took, duration_bar(took, known.p95 if known else None)))
    return RunPage(rows, found[-1].cursor if more else "", bool(cursor))


def duration_of(run: WorkflowRun) -> int | None:
    """Milliseconds from the start to the end, or to now while the run goes on; None before it starts."""
    if run.started_at is None:
        return None
    if run.ended_at is None and run.status in (RunStatus.PAUSED, *_ENDED):
        return None
    return round(((run.ended_at or timezone.now()) - run.started_at).total_seconds() * 1000)


_ENDED = [status for status in RunStatus if status.is_final]


def _count(runs) -> int:
    return runs.order_by()[: MOST_COUNTED + 1].count()


def _day_chart() -> dict[str, object]:
    everything, _ = last_day()
    if not everything.total:
        return {}
    bars: Bars = hour_bars(everything.hours, 54)
    label = f"Runs per hour over 24 hours: {everything.total} in all, {everything.failed} failed"
    now = timezone.localtime()
    return {"bars": bars, "bars_label": label, "bars_end": now, "day": everything}


def _new_runs(request: HttpRequest, run_filter: RunFilter, runs) -> HttpResponse:
    """How many runs came since the page was read. The rows stay: nothing moves under the pointer."""
    cursor = request.GET["newer_than"]
    try:
        seen = runs.before(cursor).values("pk")[:1]
    except BadCursor:
        return HttpResponse(status=400)
    newest = list(runs.values_list("pk", flat=True)[: RUNS_PER_PAGE + 1])
    known = cursor.partition("_")[2]
    count = newest.index(known) if known in newest else len(newest) if seen else 0
    return render(request, "runs/_new_runs.html", {"count": count, "filter": run_filter, "cursor": cursor})


@require_GET
@permission_required("runs.view_workflowrun", raise_exception=True)
def run_find(request: HttpRequest) -> HttpResponse:
    """Where the search box leads: an id that is whole leads to its run, anything else to the filtered history."""
    text = request.GET.get("q", "").strip()[:300]
    if text and "\x00" not in text:
        run = WorkflowRun.objects.filter(pk=text).only("pk").first()
        if run is not None:
            return redirect("run_detail", run.pk)
        header = TRACEPARENT.match(text.lower())
        trace_id = header[1] if header else text
        of_trace = list(WorkflowRun.objects.of_trace(trace_id).only("pk")[:2]) if len(trace_id) <= 32 else []
        if len(of_trace) == 1:
            return redirect("run_detail", of_trace[0].pk)
        if of_trace or header:
            return redirect(f"/runs/?{urlencode({'q': f'trace:{trace_id}'})}")
        if WorkflowDefinition.objects.filter(pk=text).exists():
            return redirect("workflow_detail", text)
    return redirect(f"/runs/?{urlencode({'q': text})}" if text else "run_list")
