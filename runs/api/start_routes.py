"""Starting runs: at once, waiting for the result, or as a stream."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Router
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

from .auth import Caller, authenticate
from .errors import ApiError, InvalidBody
from .openapi import body
from .request import ApiBody, ContextBody, Query, body_of
from .run_routes import find_run
from .shapes import answer
from .streaming import refused_stream, result_answer, stream_answer
from .workflow_routes import need_workflow

router = Router(tags=["start"])

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


@router.post(
    "/workflows/{workflow_id}/create-run", summary="Make a run, to be started later", openapi_extra=body(CreateBody)
)
def create_run(request: HttpRequest, workflow_id: str) -> HttpResponse:
    caller = authenticate(request)
    query = Query(request)
    run_id = query.text("runId")
    query.done()
    given = body_of(request, CreateBody)
    need_workflow(caller, workflow_id, Scope.START)
    if run_id is not None and not is_address_id(run_id):
        raise ApiError(400, RUN_RULE)
    resource = given.resourceId or ""
    if not is_resource_id(resource):
        raise ApiError(400, RESOURCE_RULE)
    run = make_run(workflow_id, run_id, resource_id=resource, actor=caller.actor)
    return answer({"runId": run.pk})


@router.post("/workflows/{workflow_id}/start", summary="Start a run that was made", openapi_extra=body(StartBody))
def start(request: HttpRequest, workflow_id: str) -> HttpResponse:
    caller = authenticate(request)
    run_id = Query(request).run_id()
    given = body_of(request, StartBody)
    find_run(caller, workflow_id, run_id, Scope.START)
    _start(request, caller, _request(workflow_id, run_id, given))
    return answer({"message": "Workflow run started"})


@router.post(
    "/workflows/{workflow_id}/start-async", summary="Start a run, and get its result", openapi_extra=body(StartHereBody)
)
def start_async(request: HttpRequest, workflow_id: str) -> StreamingHttpResponse:
    caller = authenticate(request)
    query = Query(request)
    run_id = query.text("runId")
    query.done()
    given = body_of(request, StartHereBody)
    caller.need(Scope.START, workflow_id)  # whether there is such a workflow, the start tells
    return result_answer(request, _start(request, caller, _request(workflow_id, run_id, given)))


@router.post(
    "/workflows/{workflow_id}/stream", summary="Start a run, and get its records", openapi_extra=body(StreamBody)
)
def stream(request: HttpRequest, workflow_id: str) -> HttpResponseBase:
    caller, run_id, given = _asked_stream(request, workflow_id)
    try:
        run = _start(request, caller, _request(workflow_id, run_id, given))
    except InvalidInput as error:
        return refused_stream(run_id, workflow_id, error)
    return stream_answer(request, run, stays_open=given.closeOnSuspend is False)


@router.post(
    "/workflows/{workflow_id}/stream-legacy", summary="The same in the old form", openapi_extra=body(StreamBody)
)
def stream_legacy(request: HttpRequest, workflow_id: str) -> StreamingHttpResponse:
    caller, run_id, given = _asked_stream(request, workflow_id)
    return stream_answer(request, _start(request, caller, _request(workflow_id, run_id, given)), legacy=True)


def _asked_stream(request: HttpRequest, workflow_id: str) -> tuple[Caller, str, StreamBody]:
    """Who asks, for which run, with which body. Raises ApiError 409 when the run has ended."""
    caller = authenticate(request)
    run_id = Query(request).run_id()
    given = body_of(request, StreamBody)
    caller.need(Scope.START, workflow_id)
    status = WorkflowRun.objects.filter(pk=run_id, workflow_id=workflow_id).values_list("status", flat=True).first()
    if status in FINAL_STATUSES:
        sentence = f'Workflow run {run_id} already finished with status "{status}".'
        raise ApiError(409, f"{sentence} Use /observe to read its stream back, or stream a new runId.")
    return caller, run_id, given


def _request(workflow_id: str, run_id: str | None, given: StartBody) -> StartRequest:
    return StartRequest(
        workflow_id=workflow_id,
        run_id=run_id,
        input=given.inputData if "inputData" in given.model_fields_set else UNSET,
        initial_state=given.initialState if "initialState" in given.model_fields_set else UNSET,
        request_context=given.request_context,
        tracing_options=given.tracing,
        output_options=given.outputOptions or {},
        per_step=given.perStep or False,
        resource_id=getattr(given, "resourceId", None) or "",
        priority=given.priority or 0,
        start_at=_start_at(given),
        time_limit=given.timeLimit,
    )


def _start_at(given: StartBody) -> datetime | None:
    if given.startAt is not None and given.startIn is not None:
        raise InvalidBody([("startIn", "Give startAt or startIn, not both.")])
    if given.startIn is not None:
        return datetime.now(UTC) + timedelta(seconds=min(given.startIn, LONGEST_SECONDS + 1))
    if given.startAt is None:
        return None
    try:
        return datetime.fromisoformat(given.startAt)
    except ValueError:
        raise InvalidBody([("startAt", "A moment such as 2026-11-22T14:00:00Z is needed.")]) from None


def _start(request: HttpRequest, caller: Caller, wanted: StartRequest) -> WorkflowRun:
    """Start it, once for each Idempotency-Key: see start_once()."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return start_made(wanted, actor=caller.actor)
    asked = orjson.dumps([request.path, request.GET.get("runId")]) + request.body
    return start_once(key, caller.key, asked, wanted, lambda wanted: start_made(wanted, actor=caller.actor))
