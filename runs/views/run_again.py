"""Running again: /runs/<id>/again/ with the same input, /runs/<id>/from-step/ from one of its steps."""

import secrets
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from runs.actions.rerun import KEPT, StepStart, run_again, run_from_step, step_start
from runs.actions.resume import workflow_of
from runs.actions.start import InvalidTracing, StartRefused
from runs.drawing.steps import StepRow
from runs.engine.errors import CannotTimeTravel, InvalidInput, NotJson, UnreadableEvent
from runs.forms.from_step import FromStepForm
from runs.models import Actor, WorkflowRun

from .access import START, find_run
from .request import Request
from .run_page import RunPage

UNPROCESSABLE, CONFLICT, NOT_FOUND = 422, 409, 404


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: Request, run_id: str) -> HttpResponse:
    """GET: the ways to run it again. POST: a new run with everything of this one."""
    page = RunPage(_startable(request, run_id))
    if request.method != "POST":
        return _ways(request, page)
    key = request.POST.get("start_key", "")[:64] or None
    try:
        child = run_again(page.run.pk, start_key=key, actor=Actor.of(request))
    except InvalidInput as error:
        issues = [f"{path}: {message}" if path else message for path, message in error.issues]
        refused = "The workflow's current version does not take this run's input any more. Edit it first."
        return _ways(request, page, refused=refused, issues=issues, status=UNPROCESSABLE)
    except (StartRefused, InvalidTracing, NotJson, UnreadableEvent) as error:
        return _ways(request, page, refused=str(error), status=CONFLICT)
    return HttpResponseRedirect(reverse("run_detail", args=[child.pk]), status=303)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def from_step(request: Request, run_id: str) -> HttpResponse:
    """`step`: its path. Its input, as it was, to be changed; then a new run that starts there."""
    page = RunPage(_startable(request, run_id))
    step = request.GET.get("step", "")
    try:
        start = step_start(page.run, workflow_of(page.run), step)
    except (StartRefused, UnreadableEvent) as error:
        return _ways(request, page, refused=str(error), status=CONFLICT)
    except CannotTimeTravel as error:
        return _ways(request, page, refused=str(error), status=NOT_FOUND)
    form = FromStepForm(start.input_schema, start.input, page.redactor)
    if request.method != "POST":
        return _form_page(request, page, start, form)
    form.read_post(request.POST, request.FILES)
    return _Submission(request, page, start, form).answer(step)


@dataclass(frozen=True, slots=True)
class _Submission:
    """One POST of the form. The button that was pressed says what to do with it."""

    request: Request
    page: RunPage
    start: StepStart
    form: FromStepForm

    def answer(self, step: str) -> HttpResponse:
        form = self.form
        act, _, argument = self.request.POST.get("act", "check").partition(":")
        if act == "show":
            form.editor.switch(argument.rpartition(":")[2])
        elif act in ("add", "remove") and form.editor.form is not None:
            (form.editor.form.add_row if act == "add" else form.editor.form.remove_row)(argument)
        elif act == "start":
            child = self._start(step)
            if child is not None:
                return HttpResponseRedirect(reverse("run_detail", args=[child.pk]), status=303)
        elif act != "draft":
            form.value()
        status = UNPROCESSABLE if form.problems else 200
        return _form_page(self.request, self.page, self.start, form, status=status)

    def _start(self, step: str) -> WorkflowRun | None:
        form = self.form
        given = form.value()
        if form.problems:
            return None
        try:
            return run_from_step(
                self.page.run.pk, step, input=given, start_key=form.start_key, actor=Actor.of(self.request)
            )
        except InvalidInput as error:
            form.refuse(error)
        except (CannotTimeTravel, StartRefused, InvalidTracing, NotJson, UnreadableEvent) as error:
            form.say(f": {error}")
        return None


def _startable(request: Request, run_id: str) -> WorkflowRun:
    """The run, for those who may start runs. Raises Http404 and PermissionDenied."""
    run = find_run(request, run_id)
    if not request.user.has_perm(START):
        raise PermissionDenied("Your account may see runs, but not start them.")
    return run


def _ways(
    request: Request, page: RunPage, *, refused: str = "", issues: list[str] | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "run": page.run,
        "steps": [row for row in page.rows if row.is_whole],
        "start_key": secrets.token_urlsafe(16),
        "refused": refused,
        "issues": (issues or [])[:20],
    }
    return render(request, "runs/run_again/page.html", context, status=status)


def _form_page(
    request: Request, page: RunPage, start: StepStart, form: FromStepForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "run": page.run,
        "step": ".".join(start.steps),
        "form": form,
        "kept": [row for row in page.rows if _is_kept(row, start)],
        "problems": form.problems,
    }
    return render(request, "runs/run_again/from_step.html", context, status=status)


def _is_kept(row: StepRow, start: StepStart) -> bool:
    """Whether the new run takes this step's result over."""
    known = start.before.scopes[""].steps.get(row.path)
    return known is not None and known.status in KEPT and row.path != start.steps[0]
