"""The page that starts a run: /workflows/<id>/start/."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from runs.actions.start import (
    InputTooLarge,
    InvalidRunId,
    InvalidTime,
    InvalidTracing,
    StartRefused,
    StartRequest,
    UnknownWorkflow,
    WorkflowDisabled,
    check_start,
    start_run,
)
from runs.catalog.registry import runnable
from runs.engine.data.undefined import UNSET
from runs.engine.errors import InvalidInput, NotJson, RunAlreadyExists, UnreadableEvent
from runs.executor.dispatch import ExecutorState, executor_state
from runs.forms.command_lines import WHOLE, curl, javascript, manage, python, shortened
from runs.forms.recent_inputs import Habits, recent_inputs
from runs.forms.run_start import RunStartForm
from runs.forms.schema.exact_json import read_exact, write_exact
from runs.models import Actor, WorkflowDefinition, WorkflowRun, WorkflowVersion
from runs.store.database_errors import RETRY_SECONDS, database_error_of
from runs.store.history import read_events
from runs.store.redaction import redactor_for
from runs.templatetags.console import byte_size, cut_id

from .request import Request
from .start_refusal import (
    CONFLICT,
    disabled,
    forbidden,
    purged_run,
    unknown_run,
    unknown_workflow,
    unreadable_run,
    who_can_enable,
)

UNPROCESSABLE = 422


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def run_start(request: Request, workflow_id: str) -> HttpResponse:
    workflow = WorkflowDefinition.objects.with_current().filter(pk=workflow_id).first()
    if workflow is None:
        return unknown_workflow(request, workflow_id)
    if not request.user.has_perm("runs.add_workflowrun"):
        return forbidden(request, workflow)
    if request.method == "POST" and workflow.current:
        # A workflow that was switched off meanwhile is reported at the form: what was typed into it is not lost.
        return _Submission(request, workflow, workflow.current).answer()
    if not workflow.enabled or workflow.problem or workflow.current is None:
        return disabled(request, workflow, workflow.problem or "It has been switched off.")
    source = request.GET.get("from_run")
    if source:
        return _copied(request, workflow, workflow.current, source)
    return _page(request, workflow, RunStartForm(workflow.current))


# --- What was submitted ---------------------------------------------------------------------------


class _Submission:
    """One POST of the form. The button that was pressed says what to do with it."""

    def __init__(self, request: Request, workflow: WorkflowDefinition, version: WorkflowVersion) -> None:
        self.request = request
        self.workflow = workflow
        self.version = version
        self.form = RunStartForm.posted(version, request.POST, request.FILES)

    def answer(self) -> HttpResponse:
        act, _, argument = self.request.POST.get("act", "start").partition(":")
        match act:
            case "start" | "check":
                return self._start(check_only=act == "check")
            case "command":
                return render(
                    self.request, "runs/run_start/_command_answer.html", _shown(self.request, self.workflow, self.form)
                )
            case "draft" if "back_again" not in self.request.POST and self._was_sent():
                return HttpResponse(status=204)
        self._edit(act, argument)
        status = UNPROCESSABLE if self.form.problems else 200
        return _page(self.request, self.workflow, self.form, status=status, returned=True)

    def _edit(self, act: str, argument: str) -> None:
        """The buttons that only redraw the form."""
        form = self.form
        match act, argument.partition(":"):
            case "show", ("input", _, mode):
                form.input.switch(mode)
            case "show", ("context", _, mode):
                form.context.switch(mode)
            case "show", ("state", _, mode):
                form.sends_state = True
                form.state.switch(mode)
            case "add" | "remove", _:
                _change_rows(form, act, argument)
            case "untag", _:
                form.tags = [tag for tag in form.tags if tag != argument]
            case "unkey", _:
                form.context_keys = [key for key in form.context_keys if key != argument]

    def _was_sent(self) -> bool:
        """Whether a run was started with the form that this draft belongs to."""
        key = self.form.start_key
        return WorkflowRun.objects.filter(start_key__gt=f"{key}.", start_key__lt=f"{key}/").exists()

    def _start(self, *, check_only: bool) -> HttpResponse:
        asked = self.form.request()
        run = None
        if not self.form.problems:
            try:
                wanted = StartRequest(workflow_id=self.workflow.id, **asked)
                if check_only:
                    check_start(wanted, user=self.request.user)
                else:
                    run = start_run(wanted, actor=Actor.of(self.request))
            except UnknownWorkflow:
                return unknown_workflow(self.request, self.workflow.id)
            except WorkflowDisabled as error:
                return self._refused(error)
            except (InvalidInput, InvalidTracing, NotJson, RunAlreadyExists, StartRefused) as error:
                _take(self.form, error)
            except DatabaseError as error:
                return self._in_trouble(error)
        if self.form.problems:
            _check_parts(self.form, self.version, asked)
        if run is not None:
            return HttpResponseRedirect(reverse("run_detail", args=[run.id]), status=303)
        problems = self.form.problems
        heading = _heading(len(problems), "" if check_only else "Nothing was started: ")
        status = UNPROCESSABLE if problems else 200
        return _page(self.request, self.workflow, self.form, status=status, heading=heading, checked=True)

    def _in_trouble(self, error: DatabaseError) -> HttpResponse:
        """The form as it was sent, with the database's trouble. Raises the error if it is another one."""
        trouble = database_error_of(error)
        if trouble is None:
            raise error
        self.form.add_problem("start", f": {trouble.sentence} What you typed is kept; send it again in a moment.")
        heading = "Nothing was started: the database takes no writes"
        answer = _page(self.request, self.workflow, self.form, status=trouble.status, heading=heading, returned=True)
        answer["Retry-After"] = str(RETRY_SECONDS)
        return answer

    def _refused(self, error: WorkflowDisabled) -> HttpResponse:
        said = f": {error.reason} {who_can_enable(self.request, self.workflow)}"
        self.form.add_problem("start", said)
        heading = f"Nothing was started: {self.workflow.id} takes no new runs"
        return _page(self.request, self.workflow, self.form, status=CONFLICT, heading=heading, returned=True)


def _change_rows(form: RunStartForm, act: str, pointer: str) -> None:
    prefix, _, rest = pointer.partition("/")
    if prefix == "context":
        if act == "add":
            form.context.add_row()
        else:
            form.context.remove_row(rest)
        return
    drawn = {"input": form.input.form, "state": form.state.form}.get(prefix)
    if drawn is None:
        return
    if act == "add":
        drawn.add_row(pointer)
    else:
        drawn.remove_row(pointer)


def _check_parts(form: RunStartForm, version: WorkflowVersion, asked: Mapping[str, object]) -> None:
    """Tell everything at once: starting stops at the first part of a request that is wrong."""
    workflow = runnable(version)
    if workflow is None or not workflow.validate_inputs:
        return
    state = {} if asked["initial_state"] is UNSET else asked["initial_state"]
    for editor, schema, value in (
        (form.input, workflow.input_schema, asked["input"]),
        (form.state, workflow.state_schema, state),
        (form.context, workflow.request_context_schema, asked["request_context"]),
    ):
        if schema is not None and not editor.problems:
            editor.refuse([(issue.dotted, issue.message) for issue in schema.parse(value).issues])
    form.sends_state = form.sends_state or bool(form.state.problems)


def _take(form: RunStartForm, error: Exception) -> None:
    """Put what the engine or the store refused at the control that it is about."""
    match error:
        case InvalidInput():
            form.refuse(error)
        case InvalidTime():
            form.add_problem(error.field, f": {error.message}")
        case InvalidTracing():
            form.add_problem(error.field.partition(".")[0], f": {error.message}")
        case RunAlreadyExists():
            form.add_problem("run_id", " is that of another run. Enter a new one, or leave it empty.")
        case InvalidRunId():
            name = "resource_id" if "resource" in error.message.lower() else "run_id"
            form.add_problem(name, f": {error.message}")
        case InputTooLarge():
            said = f" has {byte_size(error.size)}. At most {byte_size(error.limit)} are taken: send less of it."
            form.input.say(said)
        case _:
            form.add_problem("start", f": {error}")


def _heading(count: int, before: str = "") -> str:
    needs = "1 field needs a change" if count == 1 else f"{count} fields need a change"
    return f"{before}{needs}"


# --- A copy of another run ------------------------------------------------------------------------


def _copied(request: Request, workflow: WorkflowDefinition, version: WorkflowVersion, run_id: str) -> HttpResponse:
    """The form as another run of the workflow was started; what its schema no longer accepts is marked."""
    source = WorkflowRun.objects.filter(pk=run_id, workflow=workflow).first()
    events = read_events(run_id, limit=1) if source else []
    if source is not None and source.purged_at is not None:
        return purged_run(request, workflow, source)
    if source is None or not events:
        return unknown_run(request, workflow, run_id)
    try:
        events[0].decoded()
    except UnreadableEvent as error:
        return unreadable_run(request, workflow, source, error)
    started = read_exact(bytes(events[0].data).decode())
    if not isinstance(started, Mapping):  # an event's data is an object
        return unknown_run(request, workflow, run_id)
    form = RunStartForm.of_run(
        version, started, priority=source.priority, redactor=redactor_for(source, source.last_seq)
    )
    asked = form.request()
    if not form.problems:
        try:
            check_start(StartRequest(workflow_id=workflow.id, **asked), user=request.user)
        except (InvalidInput, InvalidTracing, NotJson, StartRefused) as error:
            _take(form, error)
    if form.problems:
        _check_parts(form, version, asked)
    heading = f"Copied from {cut_id(source.id, 'end')}: {_heading(len(form.problems))} before it can start"
    return _page(request, workflow, form, heading=heading, source=source)


# --- Pages ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Command:
    kind: str
    name: str
    whole: str
    by_file: str = ""

    @property
    def head(self) -> str:
        return shortened(self.whole)[0]

    @property
    def left_out(self) -> int:
        return shortened(self.whole)[1]

    @property
    def tail(self) -> str:
        return shortened(self.whole)[2]


def _shown(request: Request, workflow: WorkflowDefinition, form: RunStartForm) -> dict[str, object]:
    """What follows the form while it is filled in: its size, and the same start as a command."""
    body = form.as_command()
    text = write_exact(body.get("inputData"), indent=None) if "inputData" in body else ""
    large = len(text) > WHOLE
    base = request.build_absolute_uri("/").rstrip("/")
    commands = [
        _Command("curl", "curl command", curl(base, workflow.id, body), "request.json" if large else ""),
        _Command("python", "Python script", python(base, workflow.id, body), "request.json" if large else ""),
        _Command("js", "JavaScript module", javascript(base, workflow.id, body), "request.json" if large else ""),
        _Command("cli", "manage.py command", manage(workflow.id, body), "input.json" if large else ""),
    ]
    size = {"input": len(text.encode()), "most": settings.MAX_BODY_BYTES}
    return {"form": form, "workflow": workflow, "commands": commands, "size": size}


def _page(
    request: Request,
    workflow: WorkflowDefinition,
    form: RunStartForm,
    *,
    status: int = 200,
    heading: str = "",
    source: WorkflowRun | None = None,
    **more: object,
) -> HttpResponse:
    """The whole page, or the form alone where htmx asked for it."""
    problems = form.problems
    context = {
        **_shown(request, workflow, form),
        "version": workflow.current,
        "problems": problems,
        "heading": heading or _heading(len(problems)),
        "source": source,
        **more,
    }
    habits = Habits.of(workflow.id)
    context["tag_suggestions"] = [tag for tag in habits.tags if tag not in form.tags]
    if request.htmx:
        return render(request, "runs/run_start/_form.html", context, status=status)
    context["usual"] = habits.usual
    context["executor"] = _executor_words(executor_state())
    context["recent"] = recent_inputs(workflow.id, form.input.shape, form.redactor, request.user)
    return render(request, "runs/run_start/page.html", context, status=status)


def _executor_words(state: ExecutorState) -> dict[str, object]:
    if state.trouble:
        return {"alive": False, "words": state.trouble}
    if not state.alive:
        return {"alive": False, "words": "No executor is running: the run will wait for one"}
    if state.kind == "workers":
        return {"alive": True, "words": f"{state.workers} worker{'' if state.workers == 1 else 's'} ready"}
    queue = f"{state.queued} waiting before it" if state.queued else "Executor ready"
    return {"alive": True, "words": queue}
