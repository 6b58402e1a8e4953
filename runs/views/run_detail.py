"""The page of one run: what it is doing, what went in and came out, and what happened."""

import secrets

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from runs.engine.log.results import FINAL_STATUSES
from runs.executor import dispatch
from runs.models import Actor, AuditEntry, RunLog, RunWatch

from .access import CANCEL, START, find_run
from .request import Request
from .run_page import RunPage
from .run_tabs import TABS
from .stream_panel import stream_panel
from .trace_tab import span_count


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def run_detail(request: Request, run_id: str) -> HttpResponse:
    """One tab of the run. Asked by htmx, only the parts that may have changed since the page was drawn."""
    page = RunPage(find_run(request, run_id))
    if page.run.purged_at is not None:
        return _purged(request, page)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "overview"
    is_partial = bool(request.htmx)
    context = {"run": page.run, "page": page, "tab": tab, "tabs": _tabs(page), **_acts(request, page)}
    context |= TABS[tab][1](page, request)
    if tab == "overview" and not is_partial and context["layout"] != "failed":
        context["stream"] = stream_panel(page.run)
    context["refresh"] = _refresh_address(request, page)
    template = "runs/run_detail/_parts.html" if is_partial else "runs/run_detail/page.html"
    return render(
        request, template, context | {"is_partial": is_partial, "tab_template": f"runs/run_detail/_tab_{tab}.html"}
    )


def _purged(request: Request, page: RunPage) -> HttpResponse:
    """The card of a run whose values are deleted. A page that was open then is reloaded."""
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "runs/run_detail/purged.html", {"run": page.run, "page": page})


@require_POST
def run_cancel(request: Request, run_id: str) -> HttpResponse:
    """Cancel the run, if it goes on; redirect to its page either way."""
    run = find_run(request, run_id)
    if not request.user.has_perm(CANCEL):
        raise PermissionDenied("Your account may see runs, but not cancel them.")
    if not dispatch.cancel(run.pk, actor=Actor.of(request)):
        messages.info(request, "The run had ended before it could be canceled.")
    return redirect("run_detail", run.pk)


def _tabs(page: RunPage) -> list[dict[str, object]]:
    counts = {
        "stream": page.snapshot.chunk_count,
        "logs": RunLog.objects.of_run(page.run.pk).count(),
        "steps": sum(1 for row in page.rows if row.record is not None),
        "trace": span_count(page.run),
        "activity": AuditEntry.objects.filter(object_type="run", object_id=page.run.pk).count(),
    }
    return [{"name": name, "title": title, "count": counts.get(name)} for name, (title, _) in TABS.items()]


def _acts(request: Request, page: RunPage) -> dict[str, object]:
    """What this person can do with this run now."""
    workflow = page.run.workflow
    return {
        "can_cancel": page.is_cancelable and request.user.has_perm(CANCEL),
        "can_start": request.user.has_perm(START),
        "start_key": secrets.token_urlsafe(16),  # two presses of a button make one run
        **_telling(request, page),
        "start_refused": workflow.problem or ("" if workflow.enabled else f"{workflow.pk} takes no new runs."),
    }


def _telling(request: Request, page: RunPage) -> dict[str, object]:
    """How this person can be notified of the run's end."""
    if page.run.status in FINAL_STATUSES:
        return {"can_be_told": False}
    trouble = ""
    if not settings.EMAIL_IS_SET_UP:  # type: ignore[misc]  # mail_settings() sets it
        trouble = "No mail server is set up: WFCONSOLE_EMAIL_URL"
    elif not request.user.email:
        trouble = "Your account has no e-mail address"
    is_watched = not trouble and RunWatch.objects.filter(run=page.run, user=request.user, told_at=None).exists()
    return {"can_be_told": True, "mail_trouble": trouble, "is_watched": is_watched}


def _refresh_address(request: Request, page: RunPage) -> str:
    """Where a live page asks for its parts again; "" when nothing will change any more."""
    if not page.is_active and not page.run.lingering and request.GET.get("opened") != "active":
        return ""
    query = request.GET.copy()
    query["opened"] = "active"
    return f"?{query.urlencode()}"
