"""Answering a suspended run: /runs/<id>/answer/. The run's page and the inbox send their forms here."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from runs.actions.resume import Answer, resume_run
from runs.engine.errors import InvalidInput, NotJson, NotSuspended, ResumeAlreadyClaimed, UnreadableEvent
from runs.forms.schema.input_names import readable
from runs.models import Actor, AuditEntry, WorkflowRun

from .access import ANSWER, find_run
from .inbox import inbox_page
from .questions import ShownQuestion, shown_questions
from .request import Request
from .run_page import RunPage

NO_CONTENT, CONFLICT, UNPROCESSABLE = 204, 409, 422
SAME_PRESS_SECONDS = 60  # within which a second answer of one person is the same press of a button
MOST_KEPT = 50  # entries of an answer that came too late
VALUES = ("v:", "j:")  # names of the inputs that hold what was typed


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def run_answer(request: Request, run_id: str) -> HttpResponse:
    page = RunPage(find_run(request, run_id))
    if request.method != "POST":
        if page.run.status != "suspended":
            return HttpResponseRedirect(reverse("run_detail", args=[page.run.pk]))
        return _answer_page(request, page, shown_questions(page))
    if not request.user.has_perm(ANSWER):
        raise PermissionDenied("Your account may see questions, but not answer them.")
    return _Submission(request, page).answer()


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """Something typed into an answer that could not be given."""

    name: str
    text: str


class _Submission:
    """One POST of an answer. The button that was pressed says what to do with it."""

    def __init__(self, request: Request, page: RunPage) -> None:
        self.request = request
        self.page = page
        self.shown = shown_questions(page)

    def answer(self) -> HttpResponse:
        post = self.request.POST
        seq = post.get("asked", "")
        question = next((each for each in self.shown if str(each.seq) == seq), None)
        act, _, argument = post.get("act", "check").partition(":")
        if question is None:
            return HttpResponse(status=NO_CONTENT) if act == "draft" else self._too_late()
        form = question.form
        form.read_post(post, self.request.FILES)
        if act in ("show", "add", "remove", "draft"):
            self._edit(question, act, argument)
            return self._page(question, UNPROCESSABLE if form.problems else 200)
        chosen = argument if act == "decide" else None
        data = form.value(chosen)
        if self.page.missing_code:
            return self._not_taken(self.page.run, None)
        if form.problems or act == "check":
            form.fit = not form.problems
            return self._page(question, UNPROCESSABLE if form.problems else 200)
        return self._send(question, data)

    def _edit(self, question: ShownQuestion, act: str, argument: str) -> None:
        """The buttons that only redraw the form."""
        form = question.form
        form.leave_open()
        if act == "show":
            form.editor.switch(argument)
        elif act != "draft" and form.editor.form is not None:
            change = form.editor.form.add_row if act == "add" else form.editor.form.remove_row
            change(argument)

    def _send(self, question: ShownQuestion, data: object) -> HttpResponse:
        asked, request = question.asked, self.request
        answer = Answer(run_id=self.page.run.pk, data=data, step=list(asked.steps), for_each_index=asked.index)
        try:
            resume_run(answer, actor=Actor.of(request))
        except (NotSuspended, ResumeAlreadyClaimed):
            return self._too_late()
        except InvalidInput as error:
            question.form.refuse(error)
        except NotJson as error:
            question.form.editor.say(f": {error}")
        except UnreadableEvent as error:
            question.form.editor.say(f" cannot be taken. {error}")
        if question.form.problems:
            return self._page(question, UNPROCESSABLE)
        return self._done()

    def _done(self) -> HttpResponse:
        run = self.page.run
        if self.request.POST.get("back") != "inbox":
            return HttpResponseRedirect(reverse("run_detail", args=[run.pk]), status=303)
        messages.success(self.request, run.pk, extra_tags="answered")
        return HttpResponseRedirect(reverse("inbox"), status=303)

    def _page(self, question: ShownQuestion, status: int) -> HttpResponse:
        if question.form.problems or status != 200:
            question.form.checked = True
        if self.request.POST.get("back") == "inbox":
            return inbox_page(self.request, chosen=(self.page, question), status=status)
        return _answer_page(self.request, self.page, self.shown, status=status, answering=question)

    def _too_late(self) -> HttpResponse:
        """The question is closed: a second press by the same person is done; for another one nothing typed is lost."""
        run = WorkflowRun.objects.get(pk=self.page.run.pk)
        last = AuditEntry.objects.filter(object_type="run", object_id=run.pk, verb="resume").first()
        is_own = last is not None and last.actor_id == self.request.user.pk
        if last is not None and is_own and (timezone.now() - last.at).total_seconds() < SAME_PRESS_SECONDS:
            return self._done()
        return self._not_taken(run, last)

    def _not_taken(self, run: WorkflowRun, last: AuditEntry | None) -> HttpResponse:
        """Say why the answer was not taken, with all that was typed. `last`: the answer that was."""
        kept = [
            StoredAnswer(readable(name.rpartition("/")[2].partition(":")[2] or name.rpartition("/")[2]), text)
            for name, text in self.request.POST.dict().items()
            if text and (name.startswith(VALUES) or name.endswith("_text"))
        ]
        context = {"run": run, "last": last, "kept": kept[:MOST_KEPT], "page": self.page}
        return render(self.request, "runs/run_answer/late.html", context, status=CONFLICT)


def _answer_page(
    request: Request,
    page: RunPage,
    shown: list[ShownQuestion],
    *,
    status: int = 200,
    answering: ShownQuestion | None = None,
) -> HttpResponse:
    """All questions of one run; the one that is being answered comes first."""
    ordered = [answering, *(each for each in shown if each is not answering)] if answering else shown
    context = {
        "run": page.run,
        "questions": ordered,
        "unreadable": page.unreadable,
        "can_answer": request.user.has_perm(ANSWER),
        "problems": answering.form.problems if answering else [],
    }
    return render(request, "runs/run_answer/page.html", context, status=status)
