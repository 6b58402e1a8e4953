"""The page of one trace: every span of it, of however many runs."""

import os
import re

import orjson
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from runs.drawing.json_tree import NoSuchPart, grow, part_of, show_value
from runs.engine.data.undefined import UNSET
from runs.models import WorkflowRun
from runs.tracing.otlp import otlp_form
from runs.tracing.trace import Trace, read_trace

from .request import Request
from .trace_view import NAMES_ALONE, SECTIONS, runs_of, span_value, trace_context, value_address

SEE = "runs.view_workflowrun"
TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")


@require_GET
@never_cache
def trace_detail(request: Request, trace_id: str) -> HttpResponse:
    """The waterfall; with `span`, all about that one; `closed`: spans whose children are folded away."""
    _may_see(request)
    if not TRACE_ID.fullmatch(trace_id):
        raise Http404(f"{trace_id[:64]} is no trace id: that is 1 to 32 hexadecimal digits.")
    trace = read_trace(trace_id)
    if trace is None:
        runs = WorkflowRun.objects.of_trace(trace_id).newest_first()[:10]
        if not runs:
            raise Http404(f"Nothing is stored of the trace {trace_id}. Its runs may have been deleted.")
        return render(request, "runs/trace_detail/page.html", {"trace_id": trace_id, "runs": runs})
    context = trace_context(trace, request)
    return render(request, "runs/trace_detail/page.html", context | {"trace_id": trace_id, "runs": runs_of(trace)})


@require_GET
@never_cache
def trace_download(request: Request, trace_id: str) -> HttpResponse:
    """The trace as OTLP JSON."""
    trace = _find(request, trace_id)
    service = os.environ.get("OTEL_SERVICE_NAME") or "wfconsole"
    response = HttpResponse(orjson.dumps(otlp_form(trace, service)), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="trace-{trace.id}.json"'
    return response


@require_GET
@never_cache
def span_value_part(request: Request, trace_id: str, span_id: str) -> HttpResponse:
    """`of`: which value of the span; `at`: a JSON pointer; `from`: the first member."""
    trace = _find(request, trace_id)
    span, of, at = trace.find(span_id), request.GET.get("of", ""), request.GET.get("at", "")
    whole = span_value(span, of) if span is not None and of in SECTIONS else UNSET
    if span is None or whole is UNSET:
        raise Http404("The trace has no such value.")
    try:
        value = part_of(whole, at, NAMES_ALONE)
    except NoSuchPart:
        raise Http404("The value has nothing at this place.") from None
    if request.GET.get("download"):
        response = HttpResponse(orjson.dumps(value, option=orjson.OPT_INDENT_2), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="span-{span.id}-{of}.json"'
        return response
    start = request.GET.get("from", "")
    first = int(start) if start.isdecimal() and len(start) < 10 else 0
    address = value_address(span, of)
    if request.htmx:
        return render(
            request,
            "runs/shared/_json_twigs.html",
            {"twigs": grow(value, NAMES_ALONE, address, pointer=at, first=first)},
        )
    shown = show_value(value, NAMES_ALONE, address, pointer=at)
    if first and not shown.is_large:
        shown.twigs = grow(value, NAMES_ALONE, address, pointer=at, first=first)
    context = {"trace": trace, "span": span, "title": SECTIONS[of], "at": at, "value": shown}
    return render(request, "runs/trace_detail/span_value.html", context)


def _find(request: Request, trace_id: str) -> Trace:
    _may_see(request)
    trace = read_trace(trace_id)
    if trace is None:
        raise Http404(f"Nothing is stored of the trace {trace_id[:64]}.")
    return trace


def _may_see(request: Request) -> None:
    if not request.user.has_perm(SEE):
        raise PermissionDenied("Your account may not see runs.")
