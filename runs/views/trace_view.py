"""What the page of a trace and the tab of a run have in common: the waterfall, and all about the chosen span."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import Http404
from django.urls import reverse

from runs.drawing.json_tree import ShownValue, show_value
from runs.drawing.waterfall import Waterfall, draw_waterfall, exact_duration
from runs.engine.data.undefined import UNSET
from runs.engine.redaction.redactor import Redactor
from runs.models import WorkflowRun
from runs.tracing.trace import StoredSpan, Trace

from .request import Request

Context = dict[str, object]
MOST_CLOSED = 100
FRESH_NS = 3_000_000_000
MOST_RUNS = 50  # in the list above the waterfall
SECTIONS = {  # of a span, in the order of the page
    "error": "Error as data",
    "input": "Input",
    "output": "Output",
    "attributes": "Attributes",
    "metadata": "Metadata",
    "context": "Request context",
    "events": "Events",
    "links": "Links",
}
NAMES_ALONE = Redactor()  # what is stored is masked


@dataclass(frozen=True)
class TraceLink:
    """A way to the same trace in another program."""

    name: str
    href: str


def trace_context(trace: Trace, request: Request, *, keep: str = "") -> Context:
    """The waterfall as the query asks for it. `keep`: what of the query stays in each link, ending in &."""
    closed = [part for part in request.GET.get("closed", "").split(",") if part][:MOST_CLOSED]
    first = request.GET.get("from", "")
    now = time.time_ns()
    chosen = request.GET.get("span", "")
    waterfall = draw_waterfall(
        trace.roots, now, closed=closed, first=int(first) if first.isdecimal() and len(first) < 8 else 0
    )
    context: Context = {
        "trace": trace,
        "waterfall": waterfall,
        "keep": keep,
        "closed": f"&closed={','.join(closed)}" if closed else "",
        "chosen": chosen,
        "count": len(trace.spans),
        "links": trace_links(trace),
        "note": _note(trace, waterfall),
        "again": f"?{request.GET.urlencode()}" if _may_change(trace, now) else "",
    }
    if chosen:
        span = trace.find(chosen)
        if span is None:
            raise Http404(f"The trace has no span {chosen[:64]}.")
        context["span"] = span_detail(trace, span, now)
    return context


def _may_change(trace: Trace, now_ns: int) -> bool:
    """Whether more may come: a span is stored a moment after its end."""
    return any(span.end_ns is None or span.end_ns > now_ns - FRESH_NS for span in trace.spans)


def _note(trace: Trace, waterfall: Waterfall) -> str:
    failed = sum(span.failed and not any(child.failed for child in span.children) for span in trace.spans)
    words = [waterfall.length]
    if failed:
        words.append(f"{failed} error{'s' if failed > 1 else ''}")
    if trace.is_open:
        words.append("goes on")
    return ", ".join(words)


def span_detail(trace: Trace, span: StoredSpan, now_ns: int) -> Context:
    """Everything about one span."""
    return {
        "span": span,
        "spent": exact_duration((span.end_ns or now_ns) - span.start_ns),
        "offset": exact_duration(span.start_ns - trace.spans[0].start_ns),
        "queued": exact_duration(span.start_ns - span.queued_ns) if span.queued_ns else "",
        "started_at": span.start_ns // 1_000_000,
        "step": step_of(span),
        "message": _message(span),
        "stack": _stack(span),
        "sections": list(_sections(span)),
    }


def _message(span: StoredSpan) -> str:
    error = span.data.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return str(message or span.data.get("message", "")) if span.failed else ""


def _stack(span: StoredSpan) -> str:
    error = span.data.get("error")
    return str(error.get("stack", "")) if isinstance(error, dict) else ""


def _sections(span: StoredSpan) -> Iterator[Context]:
    for key, title in SECTIONS.items():
        value = span_value(span, key)
        if value is not UNSET:
            shown: ShownValue = show_value(value, NAMES_ALONE, value_address(span, key))
            yield {"title": title, "value": shown, "tree_id": f"tree-{key}-{span.id}"}


def span_value(span: StoredSpan, key: str) -> object:
    """One of the values of a span; UNSET when it has none."""
    match key:
        case "attributes":
            told = {**(span.data.get("attributes") or {}), **(span.data.get("other") or {})}
            told |= {key: span.data[key] for key in ("tags", "traceId", "externalParent", "scope") if key in span.data}
            return told or UNSET
        case "metadata" | "context":
            return span.data.get(key) or UNSET  # its own; a shared value is stored with its run
        case "error":
            error = span.data.get("error", UNSET)
            # The page shows it beside the tree, with its lines.
            return {k: v for k, v in error.items() if k != "stack"} if isinstance(error, dict) else error
        case "events":
            return [
                {"after": exact_duration(at - span.start_ns), "name": name, **({"attributes": more} if more else {})}
                for at, name, more in span.data.get("events", ())
            ] or UNSET
        case "links":
            return [{"traceId": a, "spanId": b, **more} for a, b, more in span.data.get("links", ())] or UNSET
    return span.data.get(key, UNSET)


def value_address(span: StoredSpan, key: str):
    """Makes addresses of the parts of one value of a span, by JSON pointer."""
    base = f"{reverse('span_value', args=[span.trace_id, span.id])}?of={key}"

    def address(pointer: str, first: int) -> str:
        at = f"&at={quote(pointer, safe='')}" if pointer else ""
        return base + at + (f"&from={first}" if first else "")

    return address


def step_of(span: StoredSpan) -> str:
    """The address of the step on its run's page; "" for what is no step of a stored run."""
    if span.entity[0] != "workflow_step" or span.word != "step" or not span.run_id:
        return ""
    path = span.entity[1]
    return f"{reverse('run_detail', args=[span.run_id])}?{urlencode({'tab': 'steps', 'q': path})}"


def runs_of(trace: Trace) -> list[WorkflowRun]:
    """The runs of the trace that are still there, in the order in which they came."""
    found = WorkflowRun.objects.in_bulk(trace.run_ids[:MOST_RUNS])
    return [found[run_id] for run_id in trace.run_ids if run_id in found]


def trace_links(trace: Trace) -> list[TraceLink]:
    """The trace in the programs that WFCONSOLE_TRACE_LINKS names."""
    begun = trace.spans[0].start_ns // 1_000_000
    last = max(span.end_ns or time.time_ns() for span in trace.spans) // 1_000_000 + 1
    root = next(iter(trace.executions), trace.spans[0])
    values = {"trace_id": trace.id, "span_id": root.id, "run_id": quote(root.run_id, safe="")}
    values |= {"start_ms": str(begun), "end_ms": str(last)}
    links = []
    for name, template in settings.TRACE_LINKS.items():
        href = template
        for key, value in values.items():
            href = href.replace("{" + key + "}", value)
        links.append(TraceLink(name, href))
    return links
