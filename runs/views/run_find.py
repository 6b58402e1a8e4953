"""The search box: an id that is whole leads to its run, anything else to the filtered history."""

import re
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from runs.forms.run_filter import RunFilter, Term
from runs.models import WorkflowDefinition, WorkflowRun

TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
MOST_CHARACTERS = 300


@require_GET
@permission_required("runs.view_workflowrun", raise_exception=True)
def run_find(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:MOST_CHARACTERS]
    if not text:
        return redirect("run_list")
    if "\x00" in text:
        return _history(RunFilter.read(request.GET))
    if WorkflowRun.objects.filter(pk=text).exists():
        return redirect("run_detail", text)
    header = TRACEPARENT.match(text.lower())
    trace_id = header[1] if header else text
    of_trace = WorkflowRun.objects.of_trace(trace_id).values_list("pk", flat=True)[:2] if len(trace_id) <= 32 else []
    match list(of_trace):
        case [run_id]:
            return redirect("run_detail", run_id)
        case [_, _]:
            return _history(RunFilter((Term("trace", trace_id),)))
    if header:
        return _history(RunFilter((Term("trace", trace_id),)))
    if WorkflowDefinition.objects.filter(pk=text).exists():
        return redirect("workflow_detail", text)
    return redirect(f"{reverse('run_list')}?{urlencode({'q': text})}")


def _history(run_filter: RunFilter) -> HttpResponse:
    return redirect(f"{reverse('run_list')}?{run_filter.query}")
