"""The search box: an id that is whole leads to its run, anything else to the filtered history."""

from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.views.decorators.http import require_GET

from runs.forms.run_filter import RunFilter, Term
from runs.forms.trace_ids import ids_in_address, read_trace_id, read_traceparent
from runs.models import Span, WorkflowDefinition, WorkflowRun

from .request import Request

MOST_CHARACTERS = 2_000  # an address of Grafana holds a whole question
MOST_IDS = 8  # of an address that are looked for
LONGEST_TEXT = 300


@require_GET
@permission_required("runs.view_workflowrun", raise_exception=True)
def run_find(request: Request) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:MOST_CHARACTERS]
    if not text:
        return redirect("run_list")
    if "\x00" in text:
        return _history(RunFilter.read(request.GET))
    if WorkflowRun.objects.filter(pk=text[:LONGEST_TEXT]).exists():
        return redirect("run_detail", text)
    trace_id = read_trace_id(text)
    if found := _address(request, text) or (_trace(trace_id) if trace_id else None):
        return found
    if read_traceparent(text):
        return _history(RunFilter((Term("trace", str(trace_id)),)))
    text = text[:LONGEST_TEXT]
    if WorkflowDefinition.objects.filter(pk=text).exists():
        return redirect("workflow_detail", text)
    return redirect(f"{reverse('run_list')}?{urlencode({'q': text})}")


def _trace(trace_id: str) -> HttpResponse | None:
    """To the run of a trace, to its runs when there are several, or to what else is stored of it."""
    match list(WorkflowRun.objects.of_trace(trace_id).values_list("pk", flat=True)[:2]):
        case [run_id]:
            return redirect("run_detail", run_id)
        case [_, _]:
            return _history(RunFilter((Term("trace", trace_id),)))
    known = Span.objects.of_trace(trace_id).exists()
    return redirect("trace_detail", trace_id) if known else None


def _address(request: Request, text: str) -> HttpResponse | None:
    """A page of this console, or of a program that shows traces."""
    ids = ids_in_address(text)
    if urlsplit(text).netloc == request.get_host():
        try:
            match = resolve(urlsplit(text).path)
        except Resolver404:
            return None
        return redirect(urlsplit(text).path) if match.namespace == "" else None
    for trace_id in ids[:MOST_IDS]:
        if found := _trace(trace_id):
            return found
    return _history(RunFilter((Term("trace", ids[0]),))) if ids else None


def _history(run_filter: RunFilter) -> HttpResponse:
    return redirect(f"{reverse('run_list')}?{run_filter.query}")
