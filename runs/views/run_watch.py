"""The toggle "E-mail me when this run ends"."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from runs.engine.log.results import FINAL_STATUSES
from runs.models import RunWatch

from .access import find_run
from .request import Request


@require_POST
def run_watch(request: Request, run_id: str) -> HttpResponse:
    """Ask for an e-mail, or take that back."""
    run = find_run(request, run_id)
    mine = RunWatch.objects.filter(run=run, user=request.user)
    if request.POST.get("email") != "on":
        mine.delete()
    elif run.status in FINAL_STATUSES:
        messages.info(request, "The run has ended already.")
    elif not settings.EMAIL_IS_SET_UP:  # type: ignore[misc]  # mail_settings() sets it
        messages.error(request, "No e-mail can be sent: WFCONSOLE_EMAIL_URL is not set.")
    elif not request.user.email:
        messages.error(request, "Your account has no e-mail address; an administrator can enter one.")
    else:
        RunWatch.objects.get_or_create(run=run, user=request.user)
    return redirect("run_detail", run.pk)
