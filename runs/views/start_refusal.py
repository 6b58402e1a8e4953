"""The pages in place of the start form: nothing was started, why, and who can change that."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from runs.engine.errors import UnreadableEvent
from runs.models import WorkflowDefinition, WorkflowRun

from .request import Request

NOT_FOUND, FORBIDDEN, CONFLICT, GONE = 404, 403, 409, 410


def refused(
    request: Request,
    status: int,
    heading: str,
    why: list[str],
    acts: list[tuple[str, str]],
    workflow: WorkflowDefinition | None = None,
) -> HttpResponse:
    """A page with a heading, sentences and links (address, words)."""
    context = {"heading": heading, "why": why, "acts": acts, "workflow": workflow}
    return render(request, "runs/run_start/refused.html", context, status=status)


def unknown_workflow(request: Request, workflow_id: str) -> HttpResponse:
    why = ["It may have been renamed, or its code is not among the modules that WFCONSOLE_WORKFLOWS names."]
    acts = [(reverse("workflow_list"), "All workflows")]
    return refused(request, NOT_FOUND, f"There is no workflow {workflow_id}", why, acts)


def unknown_run(request: Request, workflow: WorkflowDefinition, run_id: str) -> HttpResponse:
    why = [f"Nothing could be copied from the run {run_id}: it is not among the runs of this workflow."]
    acts = [(reverse("run_start", args=[workflow.id]), "Start with an empty form")]
    return refused(request, NOT_FOUND, f"There is no such run of {workflow.id}", why, acts, workflow)


def purged_run(request: Request, workflow: WorkflowDefinition, run: WorkflowRun) -> HttpResponse:
    acts = [(reverse("run_start", args=[workflow.id]), "Start with an empty form")]
    return refused(request, GONE, f"Run {run.pk} cannot be copied", [run.purge_told], acts, workflow)


def unreadable_run(
    request: Request, workflow: WorkflowDefinition, run: WorkflowRun, error: UnreadableEvent
) -> HttpResponse:
    acts = [(reverse("run_start", args=[workflow.id]), "Start with an empty form")]
    return refused(request, CONFLICT, f"Run {run.pk} cannot be copied", [str(error)], acts, workflow)


def forbidden(request: Request, workflow: WorkflowDefinition) -> HttpResponse:
    why = [
        f"Your account {request.user.get_username()} may look at runs, but not start them.",
        "An administrator can add you to the group operator in the admin site.",
    ]
    acts = [(reverse("workflow_detail", args=[workflow.id]), f"Back to {workflow.id}")]
    return refused(request, FORBIDDEN, f"You may not start {workflow.id}", why, acts, workflow)


def disabled(request: Request, workflow: WorkflowDefinition, reason: str) -> HttpResponse:
    acts = [(reverse("workflow_detail", args=[workflow.id]), f"Back to {workflow.id}")]
    if not workflow.problem and request.user.has_perm("runs.change_workflowdefinition"):
        address = reverse("admin:runs_workflowdefinition_change", args=[workflow.id])
        acts.insert(0, (address, "Open in the admin site"))
    why = [f"Nothing was started. {reason}", who_can_enable(request, workflow)]
    return refused(request, CONFLICT, f"{workflow.id} takes no new runs", why, acts, workflow)


def who_can_enable(request: Request, workflow: WorkflowDefinition) -> str:
    """Who can do something about a workflow that takes no runs."""
    if workflow.problem:
        return "Whoever runs this console can bring its code back."
    if request.user.has_perm("runs.change_workflowdefinition"):
        return "You can switch it on in the admin site."
    return "An administrator can switch it on in the admin site."
