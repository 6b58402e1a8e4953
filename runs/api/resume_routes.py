"""Existing runs: to observe, to resume, to restart, to time travel."""

from typing import Annotated, Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from pydantic import Field

from runs.actions.restart import restart_run, travel
from runs.actions.resume import Answer, resume_run
from runs.engine.data.undefined import UNSET
from runs.engine.errors import EngineError
from runs.models import WorkflowRun
from runs.models.api_token import Scope

from .request import LARGEST_NUMBER, ApiQuery, ContextBody, RunIdQuery, StepPath, WholeNumber
from .router import RECORDS, ApiRequest, Router
from .run_routes import find_run
from .shapes import json_response
from .streaming import refused_stream, result_response, stream_response
from .workflow_routes import find_workflow

router = Router("go on")

RESTARTED = {"message": "All active workflow runs restarted"}


class ResumeBody(ContextBody):
    step: StepPath = None
    resumeData: Any = None
    perStep: bool | None = None
    forEachIndex: int | None = Field(None, ge=0)
    label: str | None = None


class TravelBody(ContextBody):
    step: StepPath
    inputData: Any = None
    resumeData: Any = None
    initialState: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    nestedStepsContext: dict[str, Any] | None = None
    perStep: bool | None = None


class ObserveQuery(ApiQuery):
    offset: Annotated[int | None, WholeNumber(least=-LARGEST_NUMBER)] = None  # a negative one counts from the end
    runId: str


@router.post(
    "/workflows/{workflow_id}/observe",
    summary="The records of a run, from an offset on, until it stops",
    media_type=RECORDS,
)
def observe(request: ApiRequest, workflow_id: str, query: ObserveQuery) -> StreamingHttpResponse:
    run = find_run(request.caller, workflow_id, query.runId, Scope.READ)
    return stream_response(request, run, offset=query.offset or 0)


# --- Resume ---------------------------------------------------------------------------------------


@router.post("/workflows/{workflow_id}/resume", summary="Answer a suspended run")
def resume(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: ResumeBody) -> HttpResponse:
    _resume(_own_run(request, workflow_id, query), request, body)
    return json_response({"message": "Workflow run resumed"})


@router.post("/workflows/{workflow_id}/resume-no-wait", summary="The same; returns the run's id")
def resume_no_wait(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: ResumeBody) -> HttpResponse:
    run = _own_run(request, workflow_id, query)
    _resume(run, request, body)
    return json_response({"runId": run.pk})


@router.post("/workflows/{workflow_id}/resume-async", summary="Answer, and get the result")
def resume_async(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: ResumeBody) -> StreamingHttpResponse:
    run = _own_run(request, workflow_id, query)
    _resume(run, request, body)
    return result_response(request, run)


@router.post("/workflows/{workflow_id}/resume-stream", summary="Answer, and get the records", media_type=RECORDS)
def resume_stream(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: ResumeBody) -> HttpResponseBase:
    run = _own_run(request, workflow_id, query)
    try:
        _resume(run, request, body)
    except EngineError as error:
        return refused_stream(run.pk, workflow_id, error)
    return stream_response(request, run, first_seq=run.last_seq + 1)


def _own_run(request: ApiRequest, workflow_id: str, query: RunIdQuery) -> WorkflowRun:
    """The run that the query names. Raises ApiError 403 and 404."""
    return find_run(request.caller, workflow_id, query.runId, Scope.ANSWER)


def _resume(run: WorkflowRun, request: ApiRequest, body: ResumeBody) -> None:
    answer = Answer(
        run_id=run.pk,
        data=body.resumeData if "resumeData" in body.model_fields_set else UNSET,
        step=body.step,
        label=body.label,
        for_each_index=body.forEachIndex,
        request_context=body.request_context,
        tracing_options=body.tracing,
        per_step=body.perStep or False,
    )
    resume_run(answer, actor=request.caller.actor)


# --- Restart --------------------------------------------------------------------------------------


@router.post("/workflows/{workflow_id}/restart", summary="Execute a sleeping run again from where it sleeps")
def restart(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: ContextBody) -> HttpResponse:
    _restart(_own_run(request, workflow_id, query), request, body)
    return json_response({"message": "Workflow run restarted"})


@router.post("/workflows/{workflow_id}/restart-async", summary="Restart, and get the result")
def restart_async(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: ContextBody) -> StreamingHttpResponse:
    run = _own_run(request, workflow_id, query)
    _restart(run, request, body)
    return result_response(request, run)


def _restart(run: WorkflowRun, request: ApiRequest, body: ContextBody) -> None:
    options = {"requestContext": body.request_context, "tracingOptions": body.tracing}
    given_options = {key: value for key, value in options.items() if value}
    restart_run(run.pk, given_options, actor=request.caller.actor)


@router.post("/workflows/{workflow_id}/restart-all-active-workflow-runs", summary="Active runs restart by themselves")
def restart_all(request: ApiRequest, workflow_id: str) -> HttpResponse:
    """Does nothing: the executor itself claims the runs of a process that has died."""
    find_workflow(request.caller, workflow_id, Scope.ANSWER)
    return json_response(RESTARTED)


@router.post("/workflows/{workflow_id}/restart-all-active-workflow-runs-async", summary="The same")
def restart_all_async(request: ApiRequest, workflow_id: str) -> HttpResponse:
    return restart_all(request, workflow_id)


# --- Time travel ----------------------------------------------------------------------------------


@router.post("/workflows/{workflow_id}/time-travel", summary="Run again from a step on")
def time_travel(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: TravelBody) -> HttpResponse:
    _travel(_own_run(request, workflow_id, query), request, body)
    return json_response({"message": "Workflow run time travel started"})


@router.post("/workflows/{workflow_id}/time-travel-async", summary="Run again from a step on, and get the result")
def time_travel_async(
    request: ApiRequest, workflow_id: str, query: RunIdQuery, body: TravelBody
) -> StreamingHttpResponse:
    run = _own_run(request, workflow_id, query)
    _travel(run, request, body)
    return result_response(request, run)


@router.post(
    "/workflows/{workflow_id}/time-travel-stream",
    summary="Run again from a step on, and get the records",
    media_type=RECORDS,
)
def time_travel_stream(request: ApiRequest, workflow_id: str, query: RunIdQuery, body: TravelBody) -> HttpResponseBase:
    run = _own_run(request, workflow_id, query)
    try:
        _travel(run, request, body)
    except EngineError as error:
        return refused_stream(run.pk, workflow_id, error)
    return stream_response(request, run, first_seq=run.last_seq + 1)


def _travel(run: WorkflowRun, request: ApiRequest, body: TravelBody) -> None:
    names = ("step", "inputData", "resumeData", "initialState", "context", "nestedStepsContext", "perStep")
    optional = {"initialState", "context", "nestedStepsContext", "perStep"}  # of these, null counts as absent
    options = {key: value for key, value in body.given(*names).items() if value is not None or key not in optional}
    if body.request_context:
        options["requestContext"] = body.request_context
    if body.tracing:
        options["tracingOptions"] = body.tracing
    travel(run.pk, options, actor=request.caller.actor)
