"""Starting runs: at once, waiting for the result, or as a stream."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from pydantic import Field

from runs.actions.restart import make_run, start_made
from runs.actions.start import StartRequest
from runs.actions.start_once import start_once
from runs.engine.data.undefined import UNSET
from runs.engine.errors import InvalidInput
from runs.engine.graph.ids import RESOURCE_RULE, RUN_RULE, is_address_id, is_resource_id
from runs.engine.log.deadline import LONGEST_SECONDS
from runs.engine.log.results import FINAL_STATUSES
from runs.models import WorkflowRun
from runs.models.api_token import Scope

from .auth import Caller
from .errors import ApiError, InvalidBody
from .request import ApiBody, ContextBody, NewRunIdQuery, RunIdQuery
from .router import RECORDS, ApiRequest, Router
from .run_routes import find_run
from .shapes import json_response
from .streaming import refused_stream, result_response, stream_response
from .workflow_routes import need_workflow

router = Router("start")

HIGHEST_PRIORITY = 1000


class ResourceBody(ApiBody):
    resourceId: str | None = None


class CreateBody(ResourceBody):
    disableScorers: bool | None = None


class StartBody(ContextBody):
    inputData: Any = None
    initialState: Any = None
    outputOptions: dict[str, Any] | None = None
    perStep: bool | None = None
    # Beyond the reference's.
    priority: int | None = Field(default=None, ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY)  # higher goes first
    startAt: str | None = None  # a moment with its zone
    startIn: float | None = Field(default=None, ge=0)  # seconds
    timeLimit: float | None = Field(default=None, gt=0)  # seconds until the run fails if it has not ended


class StartHereBody(StartBody, ResourceBody):  # the fields of the last one come first, and so do their issues
    pass


class StreamBody(StartHereBody):
    closeOnSuspend: bool | None = None


@router.post("/workflows/{workflow_id}/create-run", summary="Make a run, to be started later")
def create_run(request: ApiRequest, workflow_id: str, query: NewRunIdQuery, body: CreateBody) -> HttpResponse:
    need_workflow(request.caller, workflow_id, Scope.START)
    if query.runId is not None and not is_address_id(query.runId):
        raise ApiError(400, RUN_RULE)
    resource = body.resourceId or ""
    if not is_resource_id(resource):
        raise ApiError(400, RESOURCE_RULE)
    run = make_run(workflow_id, query.runId, resource_id=resource, actor=request.caller.actor)
    return json_response({"runId": run.pk})


@router.post("/workflows/{workflow_id}/start", summary="Start a run that was made", takes_idempotency_key=True)
def start(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: StartBody) -> HttpResponse:
    find_run(request.caller, workflow_id, query.runId, Scope.START)
    _start(request, _request(workflow_id, query.runId, body))
    return json_response({"message": "Workflow run started"})


@router.post(
    "/workflows/{workflow_id}/start-async", summary="Start a run, and get its result", takes_idempotency_key=True
)
def start_async(
    request: ApiRequest, workflow_id: str, query: NewRunIdQuery, body: StartHereBody
) -> StreamingHttpResponse:
    request.caller.need(Scope.START, workflow_id)  # the start itself refuses an unknown workflow
    return result_response(request, _start(request, _request(workflow_id, query.runId, body)))


@router.post(
    "/workflows/{workflow_id}/stream",
    summary="Start a run, and get its records",
    media_type=RECORDS,
    takes_idempotency_key=True,
)
def stream(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: StreamBody) -> HttpResponseBase:
    _refuse_ended(request.caller, workflow_id, query.runId)
    try:
        run = _start(request, _request(workflow_id, query.runId, body))
    except InvalidInput as error:
        return refused_stream(query.runId, workflow_id, error)
    return stream_response(request, run, stays_open=body.closeOnSuspend is False)


@router.post(
    "/workflows/{workflow_id}/stream-legacy",
    summary="The same in the old form",
    media_type=RECORDS,
    takes_idempotency_key=True,
)
def stream_legacy(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: StreamBody) -> StreamingHttpResponse:
    _refuse_ended(request.caller, workflow_id, query.runId)
    return stream_response(request, _start(request, _request(workflow_id, query.runId, body)), legacy=True)


def _refuse_ended(caller: Caller, workflow_id: str, run_id: str) -> None:
    """Raises ApiError 403; 409 when the run has ended."""
    caller.need(Scope.START, workflow_id)
    status = WorkflowRun.objects.filter(pk=run_id, workflow_id=workflow_id).values_list("status", flat=True).first()
    if status in FINAL_STATUSES:
        sentence = f'Workflow run {run_id} already finished with status "{status}".'
        raise ApiError(409, f"{sentence} Use /observe to read its stream back, or stream a new runId.")


def _request(workflow_id: str, run_id: str | None, body: StartBody) -> StartRequest:
    return StartRequest(
        workflow_id=workflow_id,
        run_id=run_id,
        input=body.inputData if "inputData" in body.model_fields_set else UNSET,
        initial_state=body.initialState if "initialState" in body.model_fields_set else UNSET,
        request_context=body.request_context,
        tracing_options=body.tracing,
        output_options=body.outputOptions or {},
        per_step=body.perStep or False,
        resource_id=getattr(body, "resourceId", None) or "",
        priority=body.priority or 0,
        start_at=_start_at(body),
        time_limit=body.timeLimit,
    )


def _start_at(body: StartBody) -> datetime | None:
    if body.startAt is not None and body.startIn is not None:
        raise InvalidBody([("startIn", "Give startAt or startIn, not both.")])
    if body.startIn is not None:
        return datetime.now(UTC) + timedelta(seconds=min(body.startIn, LONGEST_SECONDS + 1))
    if body.startAt is None:
        return None
    try:
        return datetime.fromisoformat(body.startAt)
    except ValueError:
        raise InvalidBody([("startAt", "A moment such as 2026-11-22T14:00:00Z is needed.")]) from None


def _start(request: ApiRequest, wanted: StartRequest) -> WorkflowRun:
    """Start it, once for each Idempotency-Key: see start_once()."""
    caller, key = request.caller, request.headers.get("Idempotency-Key")
    if key is None:
        return start_made(wanted, actor=caller.actor)
    asked = orjson.dumps([request.path, request.GET.get("runId")]) + request.body
    return start_once(key, caller.key, asked, wanted, lambda wanted: start_made(wanted, actor=caller.actor))
