"""Runs that are there: to list, to read, to cancel, to delete."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from runs.engine.log.results import RunStatus
from runs.executor import dispatch
from runs.models import WorkflowRun
from runs.models.api_token import Scope
from runs.store import deletion

from .auth import Caller, authenticate
from .errors import NO_RUN, ApiError
from .request import Query, json_of
from .shapes import answer, run_form, run_row
from .workflow_routes import need_workflow

router = Router(tags=["runs"])

ROWS = 100  # of a page whose size is not said
MOST_ROWS = 1000
STATUSES = (*(status.value for status in RunStatus), "bailed", "skipped")
FIELDS = ("result", "error", "payload", "steps", "activeStepsPath", "serializedStepGraph")


def find_run(caller: Caller, workflow_id: str, run_id: str, scope: Scope) -> WorkflowRun:
    """A run of this workflow, be it gone from the code or deleted. Raises ApiError 403 and 404."""
    caller.need(scope, workflow_id)
    run = WorkflowRun.objects.filter(pk=run_id, workflow_id=workflow_id).select_related("version").first()
    if run is None:
        need_workflow(caller, workflow_id, scope)
        raise ApiError(404, NO_RUN)
    return run


@router.get("/workflows/{workflow_id}/runs", summary="The runs of a workflow, newest first")
def list_runs(request: HttpRequest, workflow_id: str) -> HttpResponse:
    caller = authenticate(request)
    query = Query(request)
    # In the order in which the issues are told.
    page, per_page = query.integer("page"), query.integer("perPage")
    since, until = query.date("fromDate"), query.date("toDate")
    offset, limit = query.integer("offset"), query.integer("limit")
    resource_id = query.text("resourceId")
    status = query.choice("status", STATUSES)
    query.done()
    if 0 in (per_page, limit):
        raise ApiError(400, "perPage must be a positive integer")
    need_workflow(caller, workflow_id, Scope.READ)
    size = min(per_page or limit or ROWS, MOST_ROWS)
    if page is None:
        page = (offset or 0) // size
    wanted: dict[str, Any] = {"created_at__gte": since, "created_at__lte": until, "status": status}
    wanted["resource_id"] = resource_id
    given = {key: value for key, value in wanted.items() if value is not None}
    runs = WorkflowRun.objects.filter(workflow_id=workflow_id, **given)
    rows = runs.newest_first().select_related("version")[page * size : (page + 1) * size]
    return answer({"runs": [run_row(run) for run in rows], "total": runs.count()})


@router.get("/workflows/{workflow_id}/runs/{run_id}", summary="A run, or some of its fields")
def run_by_id(request: HttpRequest, workflow_id: str, run_id: str) -> HttpResponse:
    caller = authenticate(request)
    query = Query(request)
    text = query.text("fields")
    fields = [field.strip() for field in text.split(",")] if text else None
    if unknown := [field for field in fields or () if field not in FIELDS]:
        query.wrong("fields", f"{', '.join(unknown)}: choose from {', '.join(FIELDS)}.")
    nested = query.truth("withNestedWorkflows")
    query.done()
    run = find_run(caller, workflow_id, run_id, Scope.READ)
    return answer(run_form(run, fields, nested=nested is not False))


@router.delete("/workflows/{workflow_id}/runs/{run_id}", summary="Delete a run that is not being worked on")
def delete_run(request: HttpRequest, workflow_id: str, run_id: str) -> HttpResponse:
    caller = authenticate(request)
    run = find_run(caller, workflow_id, run_id, Scope.MANAGE)
    if not deletion.delete(run.pk, actor=caller.actor):
        raise ApiError(409, "The run is being worked on. Cancel it first.")
    return answer({"message": "Workflow run deleted"})


@router.post("/workflows/{workflow_id}/runs/{run_id}/cancel", summary="Cancel a run")
def cancel_run(request: HttpRequest, workflow_id: str, run_id: str) -> HttpResponse:
    caller = authenticate(request)
    json_of(request)
    run = find_run(caller, workflow_id, run_id, Scope.ANSWER)
    if not dispatch.cancel(run.pk, actor=caller.actor):
        run.refresh_from_db(fields=["status"])
        if run.status != RunStatus.CANCELED:  # twice is once
            raise ApiError(409, f'This workflow run already finished with status "{run.status}"')
    return answer({"message": "Workflow run cancelled"})
