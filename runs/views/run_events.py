"""The log of a run by GET: as JSON, as a page, as a download, and its digest."""

from functools import wraps
from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from runs.engine.log.events import EventType
from runs.engine.log.results import RunStatus
from runs.live.digest import Digest, ndjson, parts
from runs.live.log import Line, legible, lines_of
from runs.live.rows import rows_of
from runs.live.selection import Stretch, select_lines
from runs.models import WorkflowRun
from runs.store.history import read_events
from runs.store.redaction import RunRedactor, redactor_for

from .event_query import BadParameter, EventQuery
from .request import Request
from .stream_panel import started_at, stream_panel, wanted_steps

__all__ = ["run_digest", "run_events", "run_events_ndjson", "stream_panel"]

SEE = "runs.view_workflowrun"
ANSWER_BYTES = 8 << 20  # of one answer, unless a single event is larger
PAGE_EVENTS = 100  # of one page for people
WHOLE_AT_ONCE = 20  # events whose values are put back together: any of them may be large
SHOWN_BYTES = 1 << 20  # of a single event on a page


def _checked(view: Any) -> Any:
    """Give the view the run and the checked query; answer wrong ones in the form that was asked for."""

    @wraps(view)
    def wrapper(request: Request, run_id: str) -> HttpResponse:
        if not request.user.has_perm(SEE):
            return _refusal(request, 403, "forbidden", "Your account may not see runs.")
        run = WorkflowRun.objects.select_related("version").filter(pk=run_id).first()
        if run is None:
            return _refusal(request, 404, "not_found", "There is no run of this id.")
        if run.purged_at is not None:
            return _refusal(request, 410, "purged", run.purge_told)
        try:
            query = EventQuery.of(request.GET, limit=PAGE_EVENTS if _wants_page(request) else 500)
        except BadParameter as error:
            return _refusal(request, 400, "bad_parameter", str(error), field=error.name, run=run)
        return view(request, run, query)

    return require_safe(never_cache(vary_on_headers("Accept")(wrapper)))


def _wants_page(request: Request) -> bool:
    """A browser's link cannot choose what it accepts, so `format=json` says it, too."""
    if request.GET.get("format") == "json":
        return False
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


def _refusal(request: Request, status: int, code: str, message: str, **more: Any) -> HttpResponse:
    if _wants_page(request):
        return render(request, "runs/run_events/refused.html", {"message": message, **more}, status=status)
    error = {"code": code, "message": message} | ({"field": more["field"]} if "field" in more else {})
    return JsonResponse({"error": error}, status=status)


@_checked
def run_events(request: Request, run: WorkflowRun, query: EventQuery) -> HttpResponse:
    """Events beyond `after`, or those just before `before`. `last` is the cursor to go on from, `head` the log's end.

    `ended`: the run has ended and there is nothing beyond `last`.
    """
    redactor = redactor_for(run, run.last_seq)
    head = run.last_seq if query.last is None else min(run.last_seq, query.last)
    backwards = query.before is not None
    stretch = Stretch(
        after=query.after,
        last=head if query.before is None else min(head, query.before - 1),
        limit=query.limit,
        max_bytes=ANSWER_BYTES,
        backwards=backwards,
    )
    lines, cursor = select_lines(run.id, redactor, stretch, query.selection)
    if _wants_page(request):
        return _page(request, run, query, lines, cursor, head)
    if not query.stored:
        shown = len(lines)
        lines = _whole(run.id, redactor, lines)
        if len(lines) < shown and not backwards:
            cursor = lines[-1].seq
    last = stretch.last if backwards else max(cursor, query.after)
    ended = RunStatus(run.status).is_final and last >= run.last_seq
    answer = b'{"events":[\n%b\n],"last":%d,"head":%d,"ended":%b}' % (
        b",\n".join([line.text for line in lines]),
        last,
        run.last_seq,
        b"true" if ended else b"false",
    )
    return HttpResponse(answer, content_type="application/json")


def _whole(run_id: str, redactor: RunRedactor, lines: list[Line]) -> list[Line]:
    """The same events with values kept apart, and values equal to an earlier event's, in their places. Fewer, if
    they would be more than one answer holds."""
    partial = [line.seq for line in lines if b'"large":{' in line.text or b'From":' in line.text]
    texts: dict[int, bytes] = {}
    whole: list[Line] = []
    size = 0
    for line in lines:
        if line.seq in partial and line.seq not in texts:
            start = partial.index(line.seq)
            events = read_events(run_id, seqs=partial[start : start + WHOLE_AT_ONCE])
            texts |= {one.seq: one.text for one in lines_of(redactor, legible(events))}
        text = texts.pop(line.seq, line.text)
        size += len(text)
        if whole and size > ANSWER_BYTES:
            break
        whole.append(line._replace(text=text))
    return whole


def _page(
    request: Request, run: WorkflowRun, query: EventQuery, lines: list[Line], cursor: int, head: int
) -> HttpResponse:
    """A page of events, with links to the ones before and after it."""
    if not query.stored and query.limit == 1:
        lines = _whole(run.id, redactor_for(run, run.last_seq), lines)
    kept = {name: request.GET[name] for name in ("types", "step", "q", "limit") if request.GET.get(name)}
    first = cursor if query.before is not None else query.after + 1
    end = query.before - 1 if query.before is not None else cursor
    rows = rows_of(lines, started_at(run), merge=False)
    single = lines[0].text if query.limit == 1 and lines else None
    return render(
        request,
        "runs/run_events/page.html",
        {
            "run": run,
            "rows": [(row, line.text.decode()) for row, line in zip(rows, lines, strict=True)],
            "single": single.decode() if single is not None and len(single) <= SHOWN_BYTES else None,
            "single_bytes": len(single) if single is not None else 0,
            "query": query,
            "types": request.GET.get("types", ""),
            "steps": wanted_steps(run),
            "event_types": list(EventType),
            "is_filtered": bool(query.selection.types or query.selection.step or query.selection.words),
            "older": f"?{urlencode(kept | {'before': first})}" if first > 1 else "",
            "newer": f"?{urlencode(kept | {'after': end})}" if end < head else "",
            "as_json": f"?{urlencode(request.GET.dict() | {'format': 'json'})}",
            "filters": urlencode({name: value for name, value in kept.items() if name != "limit"}),
        },
    )


@_checked
def run_events_ndjson(request: Request, run: WorkflowRun, query: EventQuery) -> StreamingHttpResponse:
    """The whole log up to the moment of the request, an event a line. `run_digest` returns its hash."""
    last = run.last_seq if query.last is None else min(run.last_seq, query.last)
    return StreamingHttpResponse(
        ndjson(run.id, redactor_for(run, run.last_seq), last, query.selection),
        content_type="application/x-ndjson",
        headers={
            "Content-Disposition": content_disposition_header(True, f"run-{run.id}.ndjson"),
            "X-Content-Type-Options": "nosniff",
        },
    )


@_checked
def run_digest(request: Request, run: WorkflowRun, query: EventQuery) -> HttpResponse:
    """The SHA-256 of the download of the same query, and whether a number is missing in it."""
    last = run.last_seq if query.last is None else min(run.last_seq, query.last)
    digest = Digest()
    for lines in parts(run.id, redactor_for(run, run.last_seq), last, query.selection):
        for line in lines:
            digest.add(line)
    is_filtered = bool(query.selection.types or query.selection.step or query.selection.words)
    told = {
        "sha256": digest.sha256,
        "events": digest.events,
        "chunks": digest.chunks,
        "first": digest.first,
        "last": digest.last,
        "gaps": [] if is_filtered else digest.gaps,
        "ended": RunStatus(run.status).is_final and last >= run.last_seq,
    }
    if _wants_page(request):
        return render(request, "runs/run_events/digest.html", {"run": run, "digest": told})
    return HttpResponse(orjson.dumps(told), content_type="application/json")
