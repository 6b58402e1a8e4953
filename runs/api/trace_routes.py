"""Traces: to list, to read whole or in part, to delete."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Annotated, Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from runs.engine.redaction.redactor import Redactor
from runs.models import AuditEntry, RunLabel, RunTag, Span, SpanKind, SpanState, WorkflowRun
from runs.models.api_token import Scope
from runs.models.run_label import labels_of
from runs.models.span import trace_bytes
from runs.tracing.trace import StoredSpan, Trace, read_trace

from .auth import Caller
from .errors import ApiError
from .request import (
    AS_TEXT,
    ApiBody,
    ApiQuery,
    JsonList,
    JsonObject,
    Number,
    OneOf,
    Text,
    WholeNumber,
    issue,
    read_moment,
    read_object,
)
from .router import ApiRequest, Router
from .shapes import json_response
from .trace_shapes import Form, light_row_form, shown_spans, span_form, trajectory_form

router = Router("traces")

ROWS, MOST_ROWS = 10, 100
MOST_COUNTED = 100_000
MOST_COMPARED = 50  # tags, and values of metadata, in one query: each is a subquery
# Columns that the spans of workflows never have: a filter on one of them finds nothing.
NEVER = {
    *("userId", "organizationId", "sessionId", "threadId", "requestId", "environment", "serviceName", "experimentId"),
    *("parentEntityType", "parentEntityId", "parentEntityName", "rootEntityType", "rootEntityId", "rootEntityName"),
    *("source", "entityVersionId", "parentEntityVersionId", "rootEntityVersionId", "scope"),
}


class DeleteBody(ApiBody):
    traceIds: list[str]


def _milliseconds(text: Any) -> int | None:
    return None if text is None else round(read_moment(text).timestamp() * 1000)


Milliseconds = Annotated[int | None, BeforeValidator(_milliseconds)]


class TimeRange(BaseModel):
    """A moment from which on, and one up to which, both included unless said otherwise; since 1970."""

    start: Milliseconds = None
    end: Milliseconds = None
    startExclusive: Any = False
    endExclusive: Any = False


JsonTimeRange = Annotated[TimeRange | None, BeforeValidator(read_object), AS_TEXT]


def _few_values(metadata: dict[str, Any]) -> dict[str, Any]:
    labels = 2 * MOST_COMPARED  # a key, and the key with its value
    if next(islice(labels_of(metadata), labels, None), None) is not None:
        raise issue(f"At most {MOST_COMPARED} values are compared.")
    return metadata


def _few_tags(tags: list[Any]) -> list[Any]:
    if len(tags) > MOST_COMPARED:
        raise issue(f"At most {MOST_COMPARED} tags are compared.")
    return tags


class TracesQuery(ApiQuery):
    model_config = ConfigDict(extra="allow")  # for NEVER

    page: Number = None
    perPage: Annotated[int | None, WholeNumber(least=1, most=MOST_ROWS)] = None
    field: Annotated[str | None, OneOf("startedAt", "endedAt")] = None
    direction: Annotated[str | None, OneOf("ASC", "DESC")] = None
    name: Text = None
    entityId: Text = None
    entityName: Text = None
    entityType: Text = None
    spanType: Text = None
    traceId: Text = None
    metadata: Annotated[JsonObject, AfterValidator(_few_values)] = None
    resourceId: Text = None
    runId: Text = None
    status: Annotated[str | None, OneOf("success", "error", "running")] = None
    tags: Annotated[JsonList, AfterValidator(_few_tags)] = None
    startedAt: JsonTimeRange = None
    dateRange: JsonTimeRange = None
    endedAt: JsonTimeRange = None


class BranchQuery(ApiQuery):
    depth: Number = None  # levels below the span; absent: all


@router.get("/observability/traces", summary="Traces, each by its first span, newest first")
def list_traces(request: ApiRequest, query: TracesQuery) -> HttpResponse:
    return _list(request.caller, query, span_form)


@router.get("/observability/traces/light", summary="The same without inputs, outputs and attributes")
def list_traces_light(request: ApiRequest, query: TracesQuery) -> HttpResponse:
    return _list(request.caller, query, light_row_form)


@router.post("/observability/traces/delete", summary="Delete traces; the runs stay")
def delete_traces(request: ApiRequest, body: DeleteBody) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.MANAGE)
    traces = [trace for trace_id in body.traceIds if (trace := read_trace(trace_id, with_data=False)) is not None]
    for trace in traces:
        if not _reaches(caller, trace):
            raise ApiError(403, f"This token is not for every workflow of the trace {trace.id}.")
    with transaction.atomic():
        for trace in traces:
            Span.objects.filter(trace_id=trace_bytes(trace.id)).delete()
            _audit(caller, trace)
    return json_response({"success": True})


@router.get("/observability/traces/{trace_id}", summary="A trace with all its spans")
def get_trace(request: ApiRequest, trace_id: str) -> HttpResponse:
    trace = _found(request.caller, trace_id)
    return json_response({"traceId": trace_id, "spans": [span_form(span, trace_id) for span in shown_spans(trace)]})


@router.get("/observability/traces/{trace_id}/light", summary="A trace without inputs, outputs and attributes")
def get_trace_light(request: ApiRequest, trace_id: str) -> HttpResponse:
    trace = _found(request.caller, trace_id)
    spans = [span_form(span, trace_id, light=True) for span in shown_spans(trace)]
    return json_response({"traceId": trace_id, "spans": spans})


@router.get("/observability/traces/{trace_id}/trajectory", summary="What was done, step by step")
def get_trajectory(request: ApiRequest, trace_id: str) -> HttpResponse:
    return json_response(trajectory_form(_found(request.caller, trace_id)))


@router.get("/observability/traces/{trace_id}/spans/{span_id}", summary="One span")
def get_span(request: ApiRequest, trace_id: str, span_id: str) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.READ)
    trace = read_trace(trace_id)
    span = trace.find(span_id) if trace is not None and _reaches(caller, trace) else None
    if span is None or span.kind == SpanKind.REQUEST:
        raise ApiError(404, "Span not found")
    return json_response({"span": span_form(span, trace_id)})


@router.get("/observability/traces/{trace_id}/branches/{span_id}", summary="A span and what is below it")
def get_branch(request: ApiRequest, trace_id: str, span_id: str, query: BranchQuery) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.READ)
    trace = read_trace(trace_id)
    span = trace.find(span_id) if trace is not None and _reaches(caller, trace) else None
    if span is None or span.kind == SpanKind.REQUEST:
        raise ApiError(404, f"Branch not found for span '{span_id}' in trace '{trace_id}'")
    spans = sorted(span.subtree(query.depth), key=lambda each: each.start_ns)
    return json_response({"traceId": trace_id, "spans": [span_form(each, trace_id) for each in spans]})


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


def _list(caller: Caller, query: TracesQuery, form: Callable[[StoredSpan, str], Form]) -> HttpResponse:
    caller.need(Scope.READ)
    page, size = query.page or 0, query.perPage or ROWS
    column = {"startedAt": "start_ns", "endedAt": "end_ns"}[query.field or "startedAt"]
    ascending = query.direction == "ASC"
    spans = _filtered(query)
    if caller.token is not None and caller.token.workflows:
        spans = spans.filter(workflow_id__in=caller.token.workflows)
    total = spans.order_by()[:MOST_COUNTED].count()
    rows = spans.order_by(column if ascending else f"-{column}", "id" if ascending else "-id")
    forms: list[Any] = []
    redactors: dict[str, Redactor] = {}
    for row in rows[page * size : (page + 1) * size]:
        span = StoredSpan(row, redactors)
        forms.append(form(span, span.data.get("traceId") or span.trace_id))
    more = (page + 1) * size < total
    return json_response(
        {"pagination": {"total": total, "page": page, "perPage": size, "hasMore": more}, "spans": forms}
    )


def _filtered(query: TracesQuery) -> QuerySet[Span]:
    spans: QuerySet[Span] = Span.objects.roots()
    if NEVER & (query.model_extra or {}).keys():
        spans = spans.none()
    entity = _legacy_name(query.name) or query.entityId or query.entityName
    if entity is not None:
        spans = spans.filter(workflow_id=entity)
    if query.entityType not in (None, "workflow", "workflow_run") or query.spanType not in (None, "workflow_run"):
        spans = spans.none()
    if query.traceId is not None:
        spans = _of_trace(spans, query.traceId)
    metadata = dict(query.metadata or {})
    for resource in (query.resourceId, metadata.pop("resourceId", None)):
        if resource is not None:  # a subquery for each row that the walk along the newest meets
            spans = spans.filter(Exists(WorkflowRun.objects.filter(pk=OuterRef("run_id"), resource_id=resource)))
    for run_id in (query.runId, metadata.pop("runId", None)):
        if run_id is not None:
            spans = spans.filter(run_id=run_id)
    if query.status is not None:
        spans = spans.filter(_of_status(query.status))
    for tag in query.tags or ():
        spans = spans.filter(run_id__in=RunTag.objects.filter(tag=str(tag)).values("run_id"))
    for label in _wanted_labels(metadata):
        spans = spans.filter(run_id__in=RunLabel.objects.filter(label=label).values("run_id"))
    spans = spans.filter(_within(query.startedAt, "start_ns"), _within(query.dateRange, "start_ns"))
    return spans.filter(_within(query.endedAt, "end_ns"))


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


def _within(given: TimeRange | None, column: str) -> Q:
    """Times are compared as programs see them, to the millisecond."""
    condition = Q()
    if given is None:
        return condition
    if given.start is not None:
        condition &= Q(**{f"{column}__gte": (given.start + bool(given.startExclusive)) * 1_000_000})
    if given.end is not None:
        condition &= Q(**{f"{column}__lt": (given.end + (not given.endExclusive)) * 1_000_000})
    return condition
