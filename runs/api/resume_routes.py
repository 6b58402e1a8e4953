"""Runs that go on: observed, answered, restarted, sent back to a step."""

from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Router
from pydantic import Field

from runs.actions.restart import restart_run, travel
from runs.actions.resume import Answer, resume_run
from runs.engine.data.undefined import UNSET
from runs.engine.errors import EngineError
from runs.models import WorkflowRun
from runs.models.api_token import Scope

from .auth import authenticate
from .openapi import body
from .request import ContextBody, Query, StepPath, body_of, json_of
from .run_routes import find_run
from .shapes import answer
from .streaming import refused_stream, result_answer, stream_answer
from .workflow_routes import find_workflow

router = Router(tags=["go on"])

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


@router.post("/workflows/{workflow_id}/observe", summary="The records of a run, from an offset on, until it stops")
def observe(request: HttpRequest, workflow_id: str) -> StreamingHttpResponse:
    caller = authenticate(request)
    query = Query(request)
    offset = query.integer("offset", least=None)
    run_id = query.run_id()
    json_of(request)
    return stream_answer(request, find_run(caller, workflow_id, run_id, Scope.READ), offset=offset or 0)


@router.post("/workflows/{workflow_id}/resume", summary="Answer a suspended run", openapi_extra=body(ResumeBody))
def resume(request: HttpRequest, workflow_id: str) -> HttpResponse:
    _resume(request, workflow_id)
    return answer({"message": "Workflow run resumed"})


@router.post(
    "/workflows/{workflow_id}/resume-no-wait", summary="The same; gives the run's id", openapi_extra=body(ResumeBody)
)
def resume_no_wait(request: HttpRequest, workflow_id: str) -> HttpResponse:
    return answer({"runId": _resume(request, workflow_id).pk})


@router.post(
    "/workflows/{workflow_id}/resume-async", summary="Answer, and get the result", openapi_extra=body(ResumeBody)
)
def resume_async(request: HttpRequest, workflow_id: str) -> StreamingHttpResponse:
    return result_answer(request, _resume(request, workflow_id))


@router.post(
    "/workflows/{workflow_id}/resume-stream", summary="Answer, and get the records", openapi_extra=body(ResumeBody)
)
def resume_stream(request: HttpRequest, workflow_id: str) -> HttpResponseBase:
    run, given = _asked(request, workflow_id, ResumeBody)
    try:
        _answer(request, run, given)
    except EngineError as error:
        return refused_stream(run.pk, workflow_id, error)
    return stream_answer(request, run, first_seq=run.last_seq + 1)


def _resume(request: HttpRequest, workflow_id: str) -> WorkflowRun:
    run, given = _asked(request, workflow_id, ResumeBody)
    _answer(request, run, given)
    return run


def _asked(request: HttpRequest, workflow_id: str, model: type) -> tuple[WorkflowRun, Any]:
    """The run that the query names, and the checked body."""
    caller = request.caller = authenticate(request)  # type: ignore[attr-defined]
    run_id = Query(request).run_id()
    given = body_of(request, model)
    return find_run(caller, workflow_id, run_id, Scope.ANSWER), given


def _answer(request: HttpRequest, run: WorkflowRun, given: ResumeBody) -> None:
    told = Answer(
        run_id=run.pk,
        data=given.resumeData if "resumeData" in given.model_fields_set else UNSET,
        step=given.step,
        label=given.label,
        for_each_index=given.forEachIndex,
        request_context=given.request_context,
        tracing_options=given.tracing,
        per_step=given.perStep or False,
    )
    resume_run(told, actor=request.caller.actor)  # type: ignore[attr-defined]


@router.post(
    "/workflows/{workflow_id}/restart",
    summary="Begin anew where a run sleeps",
    openapi_extra=body(ContextBody),
)
def restart(request: HttpRequest, workflow_id: str) -> HttpResponse:
    _restart(request, workflow_id)
    return answer({"message": "Workflow run restarted"})


@router.post(
    "/workflows/{workflow_id}/restart-async", summary="Restart, and get the result", openapi_extra=body(ContextBody)
)
def restart_async(request: HttpRequest, workflow_id: str) -> StreamingHttpResponse:
    return result_answer(request, _restart(request, workflow_id))


def _restart(request: HttpRequest, workflow_id: str) -> WorkflowRun:
    run, given = _asked(request, workflow_id, ContextBody)
    options = {"requestContext": given.request_context, "tracingOptions": given.tracing}
    given_options = {key: value for key, value in options.items() if value}
    restart_run(run.pk, given_options, actor=request.caller.actor)  # type: ignore[attr-defined]
    return run


@router.post("/workflows/{workflow_id}/restart-all-active-workflow-runs", summary="Runs are taken up by themselves")
@router.post(
    "/workflows/{workflow_id}/restart-all-active-workflow-runs-async", summary="The same", operation_id="all_at_once"
)
def restart_all(request: HttpRequest, workflow_id: str) -> HttpResponse:
    """Runs whose process has died are taken up again without being asked."""
    caller = authenticate(request)
    json_of(request)
    find_workflow(caller, workflow_id, Scope.ANSWER)
    return answer(RESTARTED)


@router.post("/workflows/{workflow_id}/time-travel", summary="Run again from a step on", openapi_extra=body(TravelBody))
def time_travel(request: HttpRequest, workflow_id: str) -> HttpResponse:
    _travel(request, *_asked(request, workflow_id, TravelBody))
    return answer({"message": "Workflow run time travel started"})


@router.post(
    "/workflows/{workflow_id}/time-travel-async",
    summary="Run again from a step on, and get the result",
    openapi_extra=body(TravelBody),
)
def time_travel_async(request: HttpRequest, workflow_id: str) -> HttpResponseBase:
    run, given = _asked(request, workflow_id, TravelBody)
    _travel(request, run, given)
    return result_answer(request, run)


@router.post(
    "/workflows/{workflow_id}/time-travel-stream",
    summary="Run again from a step on, and get the records",
    openapi_extra=body(TravelBody),
)
def time_travel_stream(request: HttpRequest, workflow_id: str) -> HttpResponseBase:
    run, given = _asked(request, workflow_id, TravelBody)
    try:
        _travel(request, run, given)
    except EngineError as error:
        return refused_stream(run.pk, workflow_id, error)
    return stream_answer(request, run, first_seq=run.last_seq + 1)


def _travel(request: HttpRequest, run: WorkflowRun, given: TravelBody) -> None:
    names = ("step", "inputData", "resumeData", "initialState", "context", "nestedStepsContext", "perStep")
    optional = {"initialState", "context", "nestedStepsContext", "perStep"}  # of these, null is nothing
    way = {key: value for key, value in given.given(*names).items() if value is not None or key not in optional}
    if given.request_context:
        way["requestContext"] = given.request_context
    if given.tracing:
        way["tracingOptions"] = given.tracing
    travel(run.pk, way, actor=request.caller.actor)  # type: ignore[attr-defined]
