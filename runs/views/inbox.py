"""The inbox: every question that a run waits for an answer to, and the form to give it."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from runs.engine.commands.questions import questions_of
from runs.engine.log.results import RunStatus
from runs.models import WorkflowRun
from runs.models.prepared import Prepared
from runs.models.run import BadCursor

from .access import ANSWER, SEE, find_run
from .questions import ShownQuestion, shown_questions, title_of
from .request import Request
from .run_page import RunPage

RUNS_LISTED = 20
LONGEST_LOG = 2_000  # events of a run whose questions the list reads; of a longer one it shows the card's
MOST_COUNTED = 100
VIEWS = {"": "Everyone's", "mine": "Started by me"}


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the list."""

    run: WorkflowRun
    title: str
    step: str
    asked_at: object  # epoch milliseconds, or a datetime
    query: str
    is_chosen: bool
    missing_code: str  # why it cannot be answered here


@never_cache
@require_GET
def inbox(request: Request) -> HttpResponse:
    if not request.user.has_perm(SEE):
        raise PermissionDenied("Your account may not see runs.")
    return inbox_page(request)


def inbox_page(
    request: Request, *, chosen: tuple[RunPage, ShownQuestion] | None = None, status: int = 200
) -> HttpResponse:
    """`chosen`: the question whose answer came back with problems; else the one named in the URL, or the first."""
    view = request.GET.get("view", "")
    view = view if view in VIEWS else ""
    waiting = _waiting(request, view)
    cursor = request.GET.get("before", "")
    try:
        runs = list((waiting.before(cursor) if cursor else waiting).newest_first()[: RUNS_LISTED + 1])
    except BadCursor:
        return HttpResponseRedirect(reverse("inbox"))
    pages = {run.pk: RunPage(run) for run in runs[:RUNS_LISTED]}
    gone = None
    if chosen is None:
        chosen, gone = _chosen(request, pages)
    items = [item for page in pages.values() for item in _items(page, chosen, view, cursor)]
    has_more = len(runs) > RUNS_LISTED
    known = {"view": view} if view else {}
    more = urlencode({**known, "before": runs[RUNS_LISTED - 1].cursor}) if has_more else ""
    context = {
        "items": items,
        "question": chosen[1] if chosen else None,
        "run": chosen[0].run if chosen else None,
        "gone": gone,
        "unreadable": pages[gone.pk].unreadable if gone is not None and gone.pk in pages else [],
        "is_asked_for": bool(request.GET.get("run")) or request.method == "POST",
        "more": more,
        # Where the list asks for news: here, though the page may have come as the answer to a form sent elsewhere.
        "poll": f"{reverse('inbox')}?{request.GET.urlencode()}",
        "before": cursor,
        "view": view,
        "views": [_view(request, name, title, view) for name, title in VIEWS.items()],
        "can_answer": request.user.has_perm(ANSWER),
        "answered": [message for message in messages.get_messages(request) if "answered" in message.tags],
        "problems": chosen[1].form.problems if chosen else [],
        "any_run": bool(items) or WorkflowRun.objects.exists(),
    }
    return render(request, "runs/inbox/page.html", context, status=status)


def waiting_count() -> int:
    """How many runs wait for a person; one query, and never more than MOST_COUNTED rows of an index."""
    return len(_WAITING())


_WAITING = Prepared(
    lambda: WorkflowRun.objects.filter(status=RunStatus.SUSPENDED).order_by().values_list("status")[:MOST_COUNTED]
)


def _waiting(request: Request, view: str):
    if not request.user.has_perm(SEE):
        return WorkflowRun.objects.none()
    waiting = WorkflowRun.objects.filter(status=RunStatus.SUSPENDED).select_related("workflow", "version", "actor")
    return waiting.filter(actor=request.user) if view == "mine" else waiting


def _view(request: Request, name: str, title: str, current: str) -> dict[str, object]:
    count = _waiting(request, name)[:MOST_COUNTED].count()
    words = f"{MOST_COUNTED - 1}+" if count >= MOST_COUNTED else str(count)
    return {"query": f"?view={name}" if name else "?", "title": title, "count": words, "is_current": name == current}


def _chosen(
    request: Request, pages: dict[str, RunPage]
) -> tuple[tuple[RunPage, ShownQuestion] | None, WorkflowRun | None]:
    """The question to show, or the run whose question has been answered since."""
    wanted, seq = request.GET.get("run", ""), request.GET.get("asked", "")
    page = pages.get(wanted) if wanted else next(iter(pages.values()), None)
    if wanted and page is None:
        page = RunPage(find_run(request, wanted))
    if page is None:
        return None, None
    shown = shown_questions(page)
    question = next((each for each in shown if str(each.seq) == seq), None if seq else next(iter(shown), None))
    return (None, page.run) if question is None else ((page, question), None)


def _items(page: RunPage, chosen: tuple[RunPage, ShownQuestion] | None, view: str, cursor: str) -> list[Item]:
    run = page.run
    here = chosen is not None and chosen[0].run.pk == run.pk
    known: dict[str, str | int] = {key: value for key, value in (("view", view), ("before", cursor)) if value}
    if run.last_seq > LONGEST_LOG:
        query = urlencode({**known, "run": run.pk})
        return [Item(run, run.detail or run.workflow_id, "", run.updated_at, query, here, page.missing_code)]
    asking = questions_of(page.snapshot)
    if not asking:  # what it asks cannot be read; it stays in sight
        title = str(page.unreadable[0]) if page.unreadable else run.detail or run.workflow_id
        query = urlencode({**known, "run": run.pk})
        return [Item(run, title, "", run.updated_at, query, here, page.missing_code)]
    return [
        Item(
            run=run,
            title=title_of(asked)[0],
            step=asked.record.path,
            asked_at=asked.record.suspended_at,
            query=urlencode({**known, "run": run.pk, "asked": asked.record.seq}),
            is_chosen=here and chosen is not None and chosen[1].seq == asked.record.seq,
            missing_code=page.missing_code,
        )
        for asked in asking
    ]
