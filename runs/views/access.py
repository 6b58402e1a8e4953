"""Which runs a person may see, and the rights to act on them."""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from runs.models import WorkflowRun

from .request import Request

# Permissions of Django, by what they allow here. Answering a question needs the right to cancel.
SEE, CANCEL, START = "runs.view_workflowrun", "runs.change_workflowrun", "runs.add_workflowrun"
ANSWER = CANCEL


def find_run(request: Request, run_id: str) -> WorkflowRun:
    """Return the run with its workflow, version and actor. Raises PermissionDenied and Http404."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied("Your account may not see runs.")
    runs = WorkflowRun.objects.select_related("workflow", "version", "actor")
    run = runs.filter(pk=run_id).first()
    if run is None:
        raise Http404(f"There is no run with the id {run_id}.")
    return run
