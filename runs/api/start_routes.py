"""Starting runs: at once, waiting for the result, or as a stream."""

import hashlib
from dataclasses import replace
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from runs.engine.errors import InvalidInput
from runs.engine.results import FINAL_STATUSES
from runs.engine.undefined import UNSET
from runs.execution.onward import make_run, start_made
from runs.execution.start import StartRequest
from runs.models import WorkflowRun
from runs.models.api_token import Scope

from .caller import Caller, authenticate
from .documented import body
from .errors import ApiError
from .following import refused_stream, result_answer, stream_answer
from .request import ApiBody, ContextBody, Query, body_of
from .run_routes import find_run
from .shapes import answer
from .workflow_routes import find_workflow

router = Router(tags=["start"])

LONGEST_KEY = 255
KEY_LENGTH = 32  # characters of a start key that tell the caller's key; as many tell the body


class ResourceBody(ApiBody):
    resourceId: str | None = None


class CreateBody(ResourceBody):
    disableScorers: bool | None = None


class StartBody(ContextBody):
    inputData: Any = None
    initialState: Any = None
    outputOptions: dict[str, Any] | None = None
    perStep: bool | None = None


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
    find_workflow(caller, workflow_id, Scope.START)
    if run_id is not None:
        _check_run_id(run_id)
    resource = given.resourceId or ""
    if len(resource) > 200:
        raise ApiError(400, "A resource id has at most 200 characters.")
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
    find_workflow(caller, workflow_id, Scope.START)
    return result_answer(_start(request, caller, _request(workflow_id, run_id, given)))


@router.post(
    "/workflows/{workflow_id}/stream", summary="Start a run, and get its records", openapi_extra=body(StreamBody)
)
def stream(request: HttpRequest, workflow_id: str) -> HttpResponseBase:
    caller, run_id, given = _asked_stream(request, workflow_id)
    try:
        run = _start(request, caller, _request(workflow_id, run_id, given))
    except InvalidInput as error:
        return refused_stream(run_id, workflow_id, error)
    return stream_answer(run, stays_open=given.closeOnSuspend is False)


@router.post(
    "/workflows/{workflow_id}/stream-legacy", summary="The same in the old form", openapi_extra=body(StreamBody)
)
def stream_legacy(request: HttpRequest, workflow_id: str) -> StreamingHttpResponse:
    caller, run_id, given = _asked_stream(request, workflow_id)
    return stream_answer(_start(request, caller, _request(workflow_id, run_id, given)), legacy=True)


def _asked_stream(request: HttpRequest, workflow_id: str) -> tuple[Caller, str, StreamBody]:
    """Who asks, for which run, with which body. Raises ApiError 409 when the run has ended."""
    caller = authenticate(request)
    run_id = Query(request).run_id()
    given = body_of(request, StreamBody)
    find_workflow(caller, workflow_id, Scope.START)
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
    )


def _start(request: HttpRequest, caller: Caller, wanted: StartRequest) -> WorkflowRun:
    """Start it, once for each Idempotency-Key. Raises ApiError 409 when the key came with something else before."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return start_made(wanted, actor=caller.actor)
    if not 0 < len(key) <= LONGEST_KEY:
        raise ApiError(400, f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    mine = _digest(f"{caller.key}\n{key}".encode())
    asked = orjson.dumps([request.path, request.GET.get("runId")]) + request.body
    whole = mine + _digest(asked)
    # By range: the index on the column serves it. The letter is beyond all hexadecimal digits.
    before = WorkflowRun.objects.filter(start_key__gte=mine, start_key__lt=f"{mine}g").first()
    if before is None:
        return start_made(replace(wanted, start_key=whole), actor=caller.actor)
    if before.start_key != whole:
        raise ApiError(409, f"This Idempotency-Key has started run {before.pk} with another body.")
    return before


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:KEY_LENGTH]


def _check_run_id(run_id: str) -> None:
    if not (0 < len(run_id) <= 200 and run_id.isprintable() and "/" not in run_id):
        raise ApiError(400, "A run id has 1 to 200 characters, without a slash or a line break.")
