"""Traces in the forms that programs get."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from runs.models import SpanKind, SpanState
from runs.tracing.trace import StoredSpan, Trace

LONGEST_PREVIEW = 500  # characters
SKIPPED = {SpanKind.GENERIC, SpanKind.CONDITION}  # in a trajectory; what is below them is not
LIGHT_FIELDS = (
    *("traceId", "spanId", "parentSpanId", "name", "spanType", "isEvent", "startedAt", "endedAt", "error"),
    *("status", "entityType", "entityId", "entityName", "metadata", "createdAt", "updatedAt"),
)
Form = dict[str, Any]


def shown_spans(trace: Trace) -> list[StoredSpan]:
    """The spans that programs see: not the request that started a run."""
    return [span for span in trace.spans if span.kind != SpanKind.REQUEST]


def span_form(span: StoredSpan, trace_id: str, *, light: bool = False) -> Form:
    """One span. `trace_id`: as the caller wrote it."""
    data = span.data
    kind, entity_id, entity_name = span.entity
    metadata = span.shared("metadata") or {}
    form: Form = {
        "traceId": trace_id,
        "spanId": span.id,
        "parentSpanId": parent_id(span),
        "name": span.name,
        "spanType": span.kind.label,
        "isEvent": False,
        "startedAt": iso_ns(span.start_ns),
        "endedAt": iso_ns(span.end_ns),
        "entityType": kind or None,
        "entityId": entity_id or None,
        "entityName": entity_name or None,
        "runId": metadata.get("runId"),
        "resourceId": metadata.get("resourceId"),
        "error": error_of(span),
        "requestContext": _context(span),
        "createdAt": iso_ns(span.start_ns),
        "updatedAt": iso_ns(span.end_ns or span.start_ns),
    }
    if light:
        return form | {"requestContext": None}
    form |= {
        "metadata": metadata or None,
        "tags": data.get("tags"),
        "attributes": attributes_of(span),
        "links": [{"traceId": one, "spanId": two} for one, two, _ in data.get("links", ())] or None,
        "input": data.get("input"),
        "output": data.get("output"),
        "status": status_of(span),
    }
    return form


def parent_id(span: StoredSpan) -> str | None:
    """Of the span above that is one of the trace's own: neither a request nor a span of the caller's."""
    above = span.parent
    return None if above is None or above.kind == SpanKind.REQUEST else above.id


def attributes_of(span: StoredSpan) -> Form:
    attributes = dict(span.data.get("attributes") or {}) | dict(span.data.get("other") or {})
    return attributes | ({"status": span.status} if span.status else {})


def error_of(span: StoredSpan) -> object:
    if (error := span.data.get("error")) is not None:
        return error
    if span.state == SpanState.INTERRUPTED:
        return {"message": "The server ended while this went on."}
    return {"message": span.data.get("message") or f"{span.name} failed"} if span.failed else None


def status_of(span: StoredSpan) -> str:
    if error_of(span) is not None:
        return "error"
    return "running" if span.end_ns is None else "success"


def _context(span: StoredSpan) -> object:
    """The request context, which the spans of runs and steps alone have."""
    return span.shared("context") if span.kind in (SpanKind.RUN, SpanKind.STEP) else None


def iso_ns(moment: int | None) -> str | None:
    if moment is None:
        return None
    seconds, rest = divmod(moment // 1_000_000, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def light_row_form(span: StoredSpan, trace_id: str) -> Form:
    form = span_form(span, trace_id)
    preview = None if form["input"] is None else orjson.dumps(form["input"]).decode()[:LONGEST_PREVIEW]
    return {key: form[key] for key in LIGHT_FIELDS} | {"inputPreview": preview}


# --- Trajectories ---------------------------------------------------------------------------------


def trajectory_form(trace: Trace) -> Form:
    """What was done, step by step, without what only shows how it was decided."""
    shown = set(shown_spans(trace))
    roots = [span for span in trace.spans if span in shown and (span.parent is None or span.parent not in shown)]
    only = roots[0] if len(roots) == 1 else None
    spans = only.children if only is not None and only.kind == SpanKind.RUN else roots
    form: Form = {"steps": _steps(spans)}
    if only is not None and only.end_ns is not None:
        form["totalDurationMs"] = _spent(only)
    return form


def _steps(spans: Iterable[StoredSpan]) -> list[Form]:
    steps = []
    for span in spans:
        below = _steps(span.children)
        if span.kind in SKIPPED:
            steps += below
            continue
        step: Form = {"name": span.name, "stepType": span.kind.label, "metadata": span.shared("metadata")}
        if span.end_ns is not None:
            step["durationMs"] = _spent(span)
        if below:
            step["children"] = below
        if span.kind == SpanKind.RUN:
            step["workflowId"] = span.entity[1]
        if span.kind == SpanKind.STEP:
            step["stepId"] = span.name
            output = span.data.get("output")
            if output is not None:
                step["output"] = output if isinstance(output, dict) else {"value": output}
        steps.append(step)
    return steps


def _spent(span: StoredSpan) -> int:
    """Milliseconds between the two times as programs see them."""
    return (span.end_ns or span.start_ns) // 1_000_000 - span.start_ns // 1_000_000
