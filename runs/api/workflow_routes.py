"""Workflows: which there are, what they take, how many of their runs are under way."""

from django.db.models import CharField, Count
from django.http import HttpRequest, HttpResponse
from ninja import Router

from runs.engine.log.results import RunStatus
from runs.models import WorkflowDefinition, WorkflowRun
from runs.models.api_token import Scope
from runs.models.prepared import Prepared

from .auth import Caller, authenticate
from .errors import NO_WORKFLOW, ApiError
from .request import Query
from .shapes import answer, workflow_form

router = Router(tags=["workflows"])

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


@router.get("/workflows", summary="All workflows, by id")
def list_workflows(request: HttpRequest) -> HttpResponse:
    caller = authenticate(request)
    query = Query(request)
    partial = query.truth("partial") or False
    query.done()
    caller.need(Scope.READ)
    workflows = WorkflowDefinition.objects.runnable().with_current().order_by("pk")
    return answer({each.pk: workflow_form(each, partial=partial) for each in workflows if caller.reaches(each.pk)})


@router.get("/workflows/run-counts", summary="How many runs of each workflow are under way, and wait for an answer")
def run_counts(request: HttpRequest) -> HttpResponse:
    caller = authenticate(request)
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
    return answer(counts)


@router.get("/workflows/{workflow_id}", summary="A workflow: its steps, its graph, its schemas")
def workflow_details(request: HttpRequest, workflow_id: str) -> HttpResponse:
    caller = authenticate(request)
    workflow = find_workflow(caller, workflow_id, Scope.READ)
    return answer(workflow_form(workflow, partial=False))
