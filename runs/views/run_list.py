"""The history: every run, newest first, filtered by one line of text, in pages that begin where the last one ended."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from runs.drawing.bars import hour_bars
from runs.forms.run_filter import RunFilter, Term, has_plain_terms
from runs.forms.run_filter_menus import filter_menus
from runs.models import WorkflowDefinition, WorkflowRun
from runs.models.run import BadCursor
from runs.models.run_figures import last_day
from runs.models.run_walk import listed
from runs.models.time_limit import TookTooLong, time_limit

from .request import Request
from .run_rows import RUNS_PER_PAGE, RunRow, read_page, run_rows

MOST_COUNTED = 10_000  # an exact count of more would read more rows than the page is worth
LOOKING_SECONDS = 1.0  # for the rows of a page; other pages wait meanwhile
COUNTING_SECONDS = 0.03  # for a number that the page can do without
MOST_HINTS = 5  # conditions that an empty page tries to leave out
ROW = re.compile(r"^row-\d{1,2}$")
HINTING_SECONDS = 0.25  # for a hint, or for the number of new runs
NARROWER = {"24h": "the last 24 hours", "7d": "the last 7 days"}


@dataclass(frozen=True, slots=True)
class Hint:
    """A condition without which there would be runs."""

    term: Term
    query: str
    runs: int  # MOST_COUNTED + 1: more


@require_GET
@permission_required("runs.view_workflowrun", raise_exception=True)
@vary_on_headers("HX-Request-Type")
def run_list(request: Request) -> HttpResponse:
    run_filter = RunFilter.read(request.GET)
    if request.htmx.request_type == "partial":
        return _day(request) if "day" in request.GET else _news(request, run_filter)
    if has_plain_terms(request.GET) and not run_filter.problems:
        # The text of the filter and the URL say the same, so either can be shared.
        return redirect(f"{reverse('run_list')}?{run_filter.query}")
    workflows = list(WorkflowDefinition.objects.values_list("pk", flat=True))
    context = {
        "filter": run_filter,
        "menus": filter_menus(run_filter, workflows),
        "chips": [(term, run_filter.without(term).query) for term in run_filter.terms],
        "most_counted": MOST_COUNTED,
    }
    return render(request, "runs/run_list/page.html", context | _found(request, run_filter))


def _found(request: Request, run_filter: RunFilter) -> dict[str, object]:
    """The rows and how many there are; or what to do when there are none, or none were found in time."""
    walk = run_filter.walk()
    try:
        with time_limit(LOOKING_SECONDS):
            page = read_page(walk, before=request.GET.get("before", ""), after=request.GET.get("after", ""))
    except TookTooLong:
        kept = run_filter.without_key("started>")
        narrower = [(words, f"{kept.query}&since={span}") for span, words in NARROWER.items()]
        return {"took_too_long": True, "narrower": narrower}
    found: dict[str, object] = {"page": page}
    if page.rows and not page.older and not page.newer:
        found["counted"] = len(page.rows)
    elif page.rows:
        with suppress(TookTooLong), time_limit(COUNTING_SECONDS):
            found["counted"] = walk.count(MOST_COUNTED)
    else:
        found["any_run"] = WorkflowRun.objects.exists()
        found["hints"] = sorted(_hints(run_filter), key=lambda hint: -hint.runs)
    return found


def _hints(run_filter: RunFilter) -> Iterator[Hint]:
    """Which condition removes the most: each of them left out, and the runs counted."""
    if len(run_filter.terms) < 2:
        return
    with suppress(TookTooLong), time_limit(HINTING_SECONDS):
        for term in run_filter.terms[:MOST_HINTS]:
            without = run_filter.without(term)
            runs = without.walk().count(MOST_COUNTED)
            if runs:
                yield Hint(term, without.query, runs)


def _day(request: Request) -> HttpResponse:
    """The last day as bars. Fetched after the page: it may be dear, and nothing waits for it."""
    everything, _ = last_day()
    if not everything.total:
        return HttpResponse(status=204)
    now = timezone.localtime()
    marks = [now - timedelta(hours=hours) for hours in (24, 18, 12, 6, 0)]
    label = f"Runs per hour over 24 hours: {everything.total} in all, {everything.failed} failed"
    return render(
        request, "runs/run_list/_day.html", {"bars": hour_bars(everything.hours, 54), "label": label, "marks": marks}
    )


def _news(request: Request, run_filter: RunFilter) -> HttpResponse:
    """How many runs came since the page was read, and the rows of those that went on. Nothing changes its place."""
    asked = [(name, run_id) for name, run_id in request.GET.dict().items() if ROW.match(name) and "\x00" not in run_id]
    places = {run_id: int(name.removeprefix("row-")) for name, run_id in asked[:RUNS_PER_PAGE]}
    changed: list[tuple[int, RunRow]] = [(places[row.run.pk], row) for row in run_rows(listed(places))]
    context = {"filter": run_filter, "changed": changed, "count": 0, "most": RUNS_PER_PAGE}
    newest = request.GET.get("newest", "")
    if newest:
        try:
            with time_limit(HINTING_SECONDS):
                context["count"] = len(run_filter.walk().page(RUNS_PER_PAGE + 1, after=newest))
        except BadCursor:
            return HttpResponse(status=400)
        except TookTooLong:
            pass
    return render(request, "runs/run_list/_news.html", context)
