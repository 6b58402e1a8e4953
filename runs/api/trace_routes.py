"""Traces: to list, to read whole or in part, to delete."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Router

from runs.engine.redaction.redactor import Redactor
from runs.models import AuditEntry, RunLabel, RunTag, Span, SpanKind, SpanState, WorkflowRun
from runs.models.api_token import Scope
from runs.models.run_label import labels_of
from runs.models.span import trace_bytes
from runs.tracing.trace import StoredSpan, Trace, read_trace

from .auth import Caller, authenticate
from .errors import ApiError
from .openapi import body
from .request import ApiBody, Query, body_of
from .shapes import answer
from .trace_shapes import light_row_form, shown_spans, span_form, trajectory_form

router = Router(tags=["traces"])

ROWS, MOST_ROWS = 10, 100
MOST_COUNTED = 100_000
STATUSES = ("success", "error", "running")
FIELDS = ("startedAt", "endedAt")
# Columns that the spans of workflows never have: a filter on one of them finds nothing.
NEVER = ("userId", "organizationId", "sessionId", "threadId", "requestId", "environment", "serviceName", "experimentId")
NEVER += ("parentEntityType", "parentEntityId", "parentEntityName", "rootEntityType", "rootEntityId", "rootEntityName")
NEVER += ("source", "entityVersionId", "parentEntityVersionId", "rootEntityVersionId", "scope")


class DeleteBody(ApiBody):
    traceIds: list[str]


@router.get("/observability/traces", summary="Traces, each by its first span, newest first")
def list_traces(request: HttpRequest) -> HttpResponse:
    return _list(request, span_form)


@router.get("/observability/traces/light", summary="The same without inputs, outputs and attributes")
def list_traces_light(request: HttpRequest) -> HttpResponse:
    return _list(request, light_row_form)


@router.post("/observability/traces/delete", summary="Delete traces; the runs stay", openapi_extra=body(DeleteBody))
def delete_traces(request: HttpRequest) -> HttpResponse:
    caller = authenticate(request)
    given = body_of(request, DeleteBody)
    caller.need(Scope.MANAGE)
    traces = [trace for trace_id in given.traceIds if (trace := read_trace(trace_id, with_data=False)) is not None]
    for trace in traces:
        if not _reaches(caller, trace):
            raise ApiError(403, f"This token is not for every workflow of the trace {trace.id}.")
    with transaction.atomic():
        for trace in traces:
            Span.objects.filter(trace_id=trace_bytes(trace.id)).delete()
            _audit(caller, trace)
    return answer({"success": True})


@router.get("/observability/traces/{trace_id}", summary="A trace with all its spans")
def get_trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    trace = _found(authenticate(request), trace_id)
    return answer({"traceId": trace_id, "spans": [span_form(span, trace_id) for span in shown_spans(trace)]})


@router.get("/observability/traces/{trace_id}/light", summary="A trace without inputs, outputs and attributes")
def get_trace_light(request: HttpRequest, trace_id: str) -> HttpResponse:
    trace = _found(authenticate(request), trace_id)
    spans = [span_form(span, trace_id, light=True) for span in shown_spans(trace)]
    return answer({"traceId": trace_id, "spans": spans})


@router.get("/observability/traces/{trace_id}/trajectory", summary="What was done, step by step")
def get_trajectory(request: HttpRequest, trace_id: str) -> HttpResponse:
    return answer(trajectory_form(_found(authenticate(request), trace_id)))


@router.get("/observability/traces/{trace_id}/spans/{span_id}", summary="One span")
def get_span(request: HttpRequest, trace_id: str, span_id: str) -> HttpResponse:
    caller = authenticate(request)
    caller.need(Scope.READ)
    trace = read_trace(trace_id)
    span = trace.find(span_id) if trace is not None and _reaches(caller, trace) else None
    if span is None or span.kind == SpanKind.REQUEST:
        raise ApiError(404, "Span not found")
    return answer({"span": span_form(span, trace_id)})


@router.get("/observability/traces/{trace_id}/branches/{span_id}", summary="A span and what is below it")
def get_branch(request: HttpRequest, trace_id: str, span_id: str) -> HttpResponse:
    caller = authenticate(request)
    query = Query(request)
    depth = query.integer("depth")
    query.done()
    caller.need(Scope.READ)
    trace = read_trace(trace_id)
    span = trace.find(span_id) if trace is not None and _reaches(caller, trace) else None
    if span is None or span.kind == SpanKind.REQUEST:
        raise ApiError(404, f"Branch not found for span '{span_id}' in trace '{trace_id}'")
    spans = sorted(span.subtree(depth), key=lambda each: each.start_ns)
    return answer({"traceId": trace_id, "spans": [span_form(each, trace_id) for each in spans]})


def _found(caller: Caller, trace_id: str) -> Trace:
    """Raises ApiError 403 and 404."""
    caller.need(Scope.READ)
    trace = read_trace(trace_id)
    if trace is None or not shown_spans(trace) or not _reaches(caller, trace):
        raise ApiError(404, f"Trace with ID '{trace_id}' not found")
    return trace


def _reaches(caller: Caller, trace: Trace) -> bool:
    """A token for some workflows sees no trace in which another one has a part."""
    return all(caller.reaches(workflow_id) for workflow_id in trace.workflow_ids)


def _audit(caller: Caller, trace: Trace) -> None:
    AuditEntry.objects.create(
        actor=caller.user,
        actor_label=caller.label,
        verb="delete",
        object_type="trace",
        object_id=trace.id,
        before={"spans": len(trace.spans), "runs": trace.run_ids},
        address=caller.address,
    )


# --- Lists ----------------------------------------------------------------------------------------


def _list(request: HttpRequest, form: Any) -> HttpResponse:
    caller = authenticate(request)
    query = Query(request)
    page, size = query.integer("page") or 0, query.integer("perPage", least=1)
    size = ROWS if size is None else size
    if size > MOST_ROWS:
        query.wrong("perPage", f"A number from 1 to {MOST_ROWS} is needed.")
    column = {"startedAt": "start_ns", "endedAt": "end_ns"}[query.choice("field", FIELDS) or "startedAt"]
    upwards = query.choice("direction", ("ASC", "DESC")) == "ASC"
    spans = _filtered(query)
    query.done()
    caller.need(Scope.READ)
    if caller.token is not None and caller.token.workflows:
        spans = spans.filter(workflow_id__in=caller.token.workflows)
    total = spans.order_by()[:MOST_COUNTED].count()
    rows = spans.order_by(column if upwards else f"-{column}", "id" if upwards else "-id")
    forms: list[Any] = []
    redactors: dict[str, Redactor] = {}
    for row in rows[page * size : (page + 1) * size]:
        span = StoredSpan(row, redactors)
        forms.append(form(span, span.data.get("traceId") or span.trace_id))
    more = (page + 1) * size < total
    return answer({"pagination": {"total": total, "page": page, "perPage": size, "hasMore": more}, "spans": forms})


def _filtered(query: Query) -> QuerySet[Span]:
    spans: QuerySet[Span] = Span.objects.roots()
    if any(query.text(name) is not None for name in NEVER):
        spans = spans.none()
    entity = _legacy_name(query.text("name")) or query.text("entityId") or query.text("entityName")
    if entity is not None:
        spans = spans.filter(workflow_id=entity)
    if query.text("entityType") not in (None, "workflow", "workflow_run"):
        spans = spans.none()
    if query.text("spanType") not in (None, "workflow_run"):
        spans = spans.none()
    if (trace_id := query.text("traceId")) is not None:
        spans = _of_trace(spans, trace_id)
    metadata = _json(query, "metadata", dict) or {}
    for resource in (query.text("resourceId"), metadata.pop("resourceId", None)):
        if resource is not None:  # asked of each row that the walk along the newest meets
            spans = spans.filter(Exists(WorkflowRun.objects.filter(pk=OuterRef("run_id"), resource_id=resource)))
    for run_id in (query.text("runId"), metadata.pop("runId", None)):
        if run_id is not None:
            spans = spans.filter(run_id=run_id)
    if (status := query.choice("status", STATUSES)) is not None:
        spans = spans.filter(_of_status(status))
    for tag in _json(query, "tags", list) or ():
        spans = spans.filter(run_id__in=RunTag.objects.filter(tag=str(tag)).values("run_id"))
    for label in _wanted_labels(metadata):
        spans = spans.filter(run_id__in=RunLabel.objects.filter(label=label).values("run_id"))
    spans = spans.filter(_within(query, "startedAt", "start_ns"), _within(query, "dateRange", "start_ns"))
    return spans.filter(_within(query, "endedAt", "end_ns"))


def _legacy_name(name: str | None) -> str | None:
    """An old client asks for `workflow run: 'x'`."""
    return name if name is None else name.removeprefix("workflow run: '").removesuffix("'")


def _of_trace(spans: QuerySet[Span], trace_id: str) -> QuerySet[Span]:
    try:
        return spans.filter(trace_id=trace_bytes(trace_id))
    except ValueError:
        return spans.none()


def _of_status(status: str) -> Q:
    bad = Q(state__in=[SpanState.FAILED, SpanState.INTERRUPTED])
    return {"error": bad, "running": Q(end_ns=None), "success": Q(end_ns__isnull=False) & ~bad}[status]


def _wanted_labels(metadata: Mapping[str, Any]) -> list[str]:
    """Of each key the label with its value."""
    labels = list(labels_of(metadata))
    return [label for label in labels if not any(other.startswith(f"{label}=") for other in labels)]


def _within(query: Query, name: str, column: str) -> Q:
    """Times are compared as programs see them, to the millisecond."""
    given = _json(query, name, dict) or {}
    met = Q()
    if (start := _milliseconds(query, name, given, "start")) is not None:
        met &= Q(**{f"{column}__gte": (start + bool(given.get("startExclusive"))) * 1_000_000})
    if (end := _milliseconds(query, name, given, "end")) is not None:
        met &= Q(**{f"{column}__lt": (end + (not given.get("endExclusive"))) * 1_000_000})
    return met


def _milliseconds(query: Query, name: str, given: Mapping[str, Any], key: str) -> int | None:
    text = given.get(key)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        query.wrong(f"{name}.{key}", "A date such as 2026-11-22T14:00:00Z is needed.")
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _json(query: Query, name: str, kind: type) -> Any:
    """A parameter that holds JSON; None when it is not given, or wrong, which `query` remembers."""
    text = query.text(name)
    if text is None:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, kind):
        query.wrong(name, f"A JSON {'object' if kind is dict else 'list'} is needed.")
        return None
    return value
