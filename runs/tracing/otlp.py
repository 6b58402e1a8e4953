"""A stored trace as OTLP JSON: the form in which every tracing backend takes it."""

from collections.abc import Mapping
from typing import Any

import orjson

from runs.models import SpanKind, SpanState

from .trace import StoredSpan, Trace

Form = dict[str, Any]
ENGINE = "wfconsole.engine"
INTERNAL, SERVER = 1, 2  # SPAN_KIND_…
ERROR = 2  # STATUS_CODE_ERROR


def otlp_form(trace: Trace, service: str) -> Form:
    """An ExportTraceServiceRequest, as protobuf's JSON mapping of OTLP has it: ids in hexadecimal, 64 bits as text."""
    scopes: dict[str, list[Form]] = {}
    for span in trace.spans:
        own = "wfconsole.requests" if span.kind == SpanKind.REQUEST else ENGINE
        scopes.setdefault(span.data.get("scope", own), []).append(_span(span))
    resource = {"attributes": _attributes({"service.name": service})}
    spans = [{"scope": {"name": name}, "spans": forms} for name, forms in scopes.items()]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": spans}]}


def _span(span: StoredSpan) -> Form:
    data = span.data
    form: Form = {
        "traceId": span.trace_id,
        "spanId": span.id,
        "name": span.name,
        "kind": data.get("otelKind", SERVER if span.kind == SpanKind.REQUEST else INTERNAL),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns or 0),  # 0: it is open
        "attributes": _attributes(_told(span)),
        "status": {},
    }
    if span.own_parent_id is not None:
        form["parentSpanId"] = span.own_parent_id
    if span.state == SpanState.FAILED:
        error = data.get("error") or {}
        message = error.get("message") if isinstance(error, dict) else None
        form["status"] = {"code": ERROR, "message": str(message or data.get("message", ""))}
    if span.state == SpanState.INTERRUPTED:
        form["status"] = {"code": ERROR, "message": "The process died; the end is when that was noticed."}
    events = [
        {"timeUnixNano": str(at), "name": name, "attributes": _attributes(more)}
        for at, name, more in data.get("events", ())
    ]
    if events:
        form["events"] = events
    links = [
        {"traceId": trace_id, "spanId": span_id, "attributes": _attributes(more)}
        for trace_id, span_id, more in data.get("links", ())
    ]
    if links:
        form["links"] = links
    return form


def _told(span: StoredSpan) -> Form:
    """The attributes as a collector gets them."""
    data = span.data
    if span.kind == SpanKind.REQUEST or "scope" in data:
        return {**data.get("other", {}), **({"workflow.run.id": span.run_id} if span.run_id else {})}
    kind, entity_id, name = span.entity
    told: Form = {
        "workflow.span.type": span.kind.label,
        "workflow.entity.type": kind,
        "workflow.entity.id": entity_id,
        "workflow.entity.name": name,
        "workflow.run.id": str((span.shared("metadata") or {}).get("runId") or span.run_id),
    }
    if span.is_execution:
        told["workflow.root"] = True
    texts = {"metadata": span.shared("metadata")}
    texts |= {key: data.get(key) for key in ("input", "output", "attributes", "error")}
    if span.kind in (SpanKind.RUN, SpanKind.STEP):
        texts["request_context"] = span.shared("context")
    told |= {f"workflow.{key}": orjson.dumps(value).decode() for key, value in texts.items() if value is not None}
    plain = {"status": "status", "tags": "tags", "traceId": "trace_id", "externalParent": "external_parent_span_id"}
    plain |= {"queuedAt": "queued_at"}
    told |= {f"workflow.{name}": data[key] for key, name in plain.items() if key in data}
    return told | data.get("other", {})


def _attributes(values: Mapping[str, Any]) -> list[Form]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: object) -> Form:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -(1 << 63) <= value < 1 << 63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value if isinstance(value, str) else orjson.dumps(value).decode()}
