"""Workflows: which there are, what they take, how many of their runs are under way."""

from django.db.models import CharField, Count
from django.http import HttpResponse

from runs.engine.log.results import RunStatus
from runs.models import WorkflowDefinition, WorkflowRun
from runs.models.api_token import Scope
from runs.models.prepared import Prepared

from .auth import Caller
from .errors import NO_WORKFLOW, ApiError
from .request import ApiQuery, Truth
from .router import ApiRequest, Router
from .shapes import json_response, workflow_form

router = Router("workflows")

UNDER_WAY = [RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PENDING]


_DEFINED = Prepared(
    lambda workflow_id: WorkflowDefinition.objects.filter(pk=workflow_id, current__isnull=False).values_list("pk"),
    CharField(),
)


def need_workflow(caller: Caller, workflow_id: str, scope: Scope) -> None:
    """Raises ApiError 403 and 404. As find_workflow(), without its graph, which takes longer to read than a start."""
    caller.need(scope, workflow_id)
    if not _DEFINED(workflow_id):
        raise ApiError(404, NO_WORKFLOW)


def find_workflow(caller: Caller, workflow_id: str, scope: Scope) -> WorkflowDefinition:
    """Raises ApiError 403 and 404."""
    caller.need(scope, workflow_id)
    workflow = WorkflowDefinition.objects.with_current().filter(pk=workflow_id, current__isnull=False).first()
    if workflow is None:
        raise ApiError(404, NO_WORKFLOW)
    return workflow


class WorkflowsQuery(ApiQuery):
    partial: Truth = None  # without the steps


@router.get("/workflows", summary="All workflows, by id")
def list_workflows(request: ApiRequest, query: WorkflowsQuery) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.READ)
    workflows = WorkflowDefinition.objects.runnable().with_current().order_by("pk")
    return json_response(
        {each.pk: workflow_form(each, partial=query.partial or False) for each in workflows if caller.reaches(each.pk)}
    )


@router.get("/workflows/run-counts", summary="How many runs of each workflow are under way, and wait for an answer")
def run_counts(request: ApiRequest) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.READ)
    counts = {
        workflow_id: {"running": 0, "suspended": 0}
        for workflow_id in WorkflowDefinition.objects.runnable().order_by("pk").values_list("pk", flat=True)
        if caller.reaches(workflow_id)
    }
    words = {RunStatus.RUNNING: "running", RunStatus.SUSPENDED: "suspended"}
    found = WorkflowRun.objects.filter(status__in=list(words)).order_by().values_list("workflow_id", "status")
    for workflow_id, status, number in found.annotate(number=Count("pk")):
        if workflow_id in counts:
            counts[workflow_id][words[RunStatus(status)]] = number
    return json_response(counts)


@router.get("/workflows/{workflow_id}", summary="A workflow: its steps, its graph, its schemas")
def workflow_details(request: ApiRequest, workflow_id: str) -> HttpResponse:
    caller = request.caller
    workflow = find_workflow(caller, workflow_id, Scope.READ)
    return json_response(workflow_form(workflow, partial=False))
