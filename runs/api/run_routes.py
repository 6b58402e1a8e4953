"""Stored runs: to list, to read, to cancel, to delete."""

from typing import Annotated

from django.http import HttpResponse
from pydantic import AfterValidator, WithJsonSchema

from runs.engine.log.results import RunStatus
from runs.executor import dispatch
from runs.models import WorkflowRun
from runs.models.api_token import Scope
from runs.store import deletion

from .auth import Caller
from .errors import NO_RUN, ApiError
from .request import AS_TEXT, LARGEST_NUMBER, ApiQuery, Moment, Number, OneOf, Text, Truth, issue
from .router import ApiRequest, Router
from .shapes import json_response, run_form, run_row
from .workflow_routes import need_workflow

router = Router("runs")

ROWS = 100  # of a page whose size is not said
MOST_ROWS = 1000
STATUSES = (*(status.value for status in RunStatus), "bailed", "skipped")
FIELDS = ("result", "error", "payload", "steps", "activeStepsPath", "serializedStepGraph")
# 0 is refused too, by a sentence of the contract that names no place.
Size = Annotated[Number, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER})]


def _known_fields(text: str) -> str:
    """The names without spaces."""
    fields = [field.strip() for field in text.split(",")] if text else []
    if unknown := [field for field in fields if field not in FIELDS]:
        raise issue(f"{', '.join(unknown)}: choose from {', '.join(FIELDS)}.")
    return ",".join(fields)


class RunsQuery(ApiQuery):
    page: Number = None
    perPage: Size = None
    fromDate: Moment = None
    toDate: Moment = None
    offset: Number = None  # instead of `page`: rows before the first
    limit: Size = None  # instead of `perPage`
    resourceId: Text = None
    status: Annotated[str | None, OneOf(*STATUSES)] = None


class RunQuery(ApiQuery):
    fields: Annotated[str | None, AfterValidator(_known_fields), AS_TEXT] = None  # separated by commas; absent: all
    withNestedWorkflows: Truth = None


def find_run(caller: Caller, workflow_id: str, run_id: str, scope: Scope) -> WorkflowRun:
    """A run of this workflow, which itself may be deleted or removed from the code. Raises ApiError 403 and 404."""
    caller.need(scope, workflow_id)
    run = WorkflowRun.objects.filter(pk=run_id, workflow_id=workflow_id).select_related("version").first()
    if run is None:
        need_workflow(caller, workflow_id, scope)
        raise ApiError(404, NO_RUN)
    return run


@router.get("/workflows/{workflow_id}/runs", summary="The runs of a workflow, newest first")
def list_runs(request: ApiRequest, workflow_id: str, query: RunsQuery) -> HttpResponse:
    per_page, limit = query.perPage, query.limit
    if 0 in (per_page, limit):
        raise ApiError(400, "perPage must be a positive integer")
    need_workflow(request.caller, workflow_id, Scope.READ)
    size = min(per_page or limit or ROWS, MOST_ROWS)
    page = (query.offset or 0) // size if query.page is None else query.page
    wanted: dict[str, object] = {"created_at__gte": query.fromDate, "created_at__lte": query.toDate}
    wanted |= {"status": query.status, "resource_id": query.resourceId}
    given = {key: value for key, value in wanted.items() if value is not None}
    runs = WorkflowRun.objects.filter(workflow_id=workflow_id, **given)
    rows = runs.newest_first().select_related("version")[page * size : (page + 1) * size]
    return json_response({"runs": [run_row(run) for run in rows], "total": runs.count()})


@router.get("/workflows/{workflow_id}/runs/{run_id}", summary="A run, or some of its fields")
def run_by_id(request: ApiRequest, workflow_id: str, run_id: str, query: RunQuery) -> HttpResponse:
    run = find_run(request.caller, workflow_id, run_id, Scope.READ)
    fields = query.fields.split(",") if query.fields else None
    return json_response(run_form(run, fields, nested=query.withNestedWorkflows is not False))


@router.delete("/workflows/{workflow_id}/runs/{run_id}", summary="Delete a run that is not being worked on")
def delete_run(request: ApiRequest, workflow_id: str, run_id: str) -> HttpResponse:
    run = find_run(request.caller, workflow_id, run_id, Scope.MANAGE)
    if not deletion.delete(run.pk, actor=request.caller.actor):
        raise ApiError(409, "The run is being worked on. Cancel it first.")
    return json_response({"message": "Workflow run deleted"})


@router.post("/workflows/{workflow_id}/runs/{run_id}/cancel", summary="Cancel a run")
def cancel_run(request: ApiRequest, workflow_id: str, run_id: str) -> HttpResponse:
    run = find_run(request.caller, workflow_id, run_id, Scope.ANSWER)
    if not dispatch.cancel(run.pk, actor=request.caller.actor):
        run.refresh_from_db(fields=["status"])
        if run.status != RunStatus.CANCELED:  # twice is once
            raise ApiError(409, f'This workflow run already finished with status "{run.status}"')
    return json_response({"message": "Workflow run cancelled"})
