"""What each tab of a run's page shows: a function for each, from the page's facts to the template's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from django.core.paginator import Paginator
from django.http import Http404

from runs.drawing.failure import failed_step, failure_of_run, failure_of_step
from runs.drawing.graph import draw_graph
from runs.drawing.json_tree import ShownValue
from runs.drawing.steps import StepRow
from runs.drawing.timeline import MOST_PARTS, draw_overview, draw_timeline
from runs.engine.log.results import RunStatus, StepStatus
from runs.engine.log.snapshot import UNSET
from runs.live.log import typed
from runs.models import AuditEntry
from runs.store.history import read_events

from .questions import shown_questions
from .request import Request
from .run_logs import logs_tab
from .run_page import RunPage, step_address
from .stream_panel import stream_panel
from .trace_tab import trace_tab

ROWS_PER_PAGE = 100
EVENTS_PER_PAGE = 100
MOST_ENTRIES = 200  # of the activity
MOST_QUESTIONS = 3  # on the overview of a run that waits for answers
LONGEST_BODY = 160  # characters of an event's data in its row
STATUS_ORDER = ["running", "failed", "suspended", "waiting", "success", "skipped", "pending", "canceled"]  # of filters

Context = dict[str, object]


# --- Overview -------------------------------------------------------------------------------------


def overview_tab(page: RunPage, request: Request) -> Context:
    """The answer first; then the graph, the timeline, the stream and the result."""
    failed = page.status in (RunStatus.FAILED, RunStatus.TRIPWIRE)
    # A page that was opened while the run went on keeps its order: nothing jumps under the reader's eyes.
    opened_active = request.GET.get("opened") == "active" or page.is_active
    is_wide = failed and not opened_active
    parts = [MOST_PARTS] if is_wide else []
    context: Context = {
        "failure": failure_of_run(page.snapshot, page.redactor, page.retries) if failed else None,
        "drawing": draw_graph(
            page.run.version.graph, page.snapshot, href=step_address, retries=page.retries, now=page.now
        ),
        "timeline": draw_overview(page.rows, page.snapshot, page.now, page.retries, *parts),
        "opened_active": opened_active,
        "layout": "failed" if is_wide else "result first" if not opened_active else "live",
    }
    if page.status == RunStatus.SUSPENDED:
        questions = shown_questions(page)
        context["questions"] = questions[:MOST_QUESTIONS]
        context["more_questions"] = max(len(questions) - MOST_QUESTIONS, 0)
    if page.status == RunStatus.SUCCESS:
        context["result"] = page.show(page.snapshot.result, "result")
    if context["layout"] == "failed":
        context["failed_step"] = _failed_step(page)
    return context


@dataclass(slots=True)
class FailedStep:
    row_name: str
    path: str
    input: ShownValue
    attempts: list["AttemptLine"]


@dataclass(slots=True)
class AttemptLine:
    number: int
    text: str
    spent: int | None  # milliseconds
    note: str = ""
    status: str = "failed"


def _failed_step(page: RunPage) -> FailedStep | None:
    record = failed_step(page.snapshot)
    if record is None:
        return None
    shown = page.show(record.payload, "step-input", record.path)
    return FailedStep(record.path, record.path, shown, attempts_of(page, record))


def attempts_of(page: RunPage, record) -> list[AttemptLine]:
    """The tries of a step, newest first."""
    lines = []
    allowed = page.retries.get(record.path)
    if record.error is not None:
        begun = record.attempts[-1].next_at if record.attempts else record.started_at
        spent = record.ended_at - begun if record.ended_at and begun else None
        note = f"No attempt left of {allowed + 1}." if allowed and len(record.attempts) >= allowed else ""
        lines.append(AttemptLine(len(record.attempts) + 1, error_line(record.error), spent, note))
    for attempt in reversed(record.attempts):
        spent = attempt.ended_at - attempt.started_at
        lines.append(AttemptLine(attempt.number, error_line(attempt.error), spent))
    return lines


def error_line(error: dict) -> str:
    name, message = error.get("name") or error.get("code"), error.get("message")
    return ": ".join(str(part) for part in (name, message) if part) or "No message"


# --- Timeline, steps ------------------------------------------------------------------------------


def timeline_tab(page: RunPage, request: Request) -> Context:
    rows = Paginator(page.rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    return {"rows": rows, "timeline": draw_timeline(list(rows), page.snapshot, page.now, page.retries)}


def steps_tab(page: RunPage, request: Request) -> Context:
    """A page of the steps, and all about the one that is chosen; no other step's payload is looked at."""
    chosen = request.GET.get("step", "")
    status, words = request.GET.get("status", ""), request.GET.get("q", "").strip()
    found = [row for row in page.rows if (not status or row.status == status) and (not words or words in row.path)]
    paginator = Paginator(found, ROWS_PER_PAGE)
    number: str | int | None = request.GET.get("page")
    if number is None and chosen:  # a link to a step opens the page of the list that holds it
        number = next((1 + i // ROWS_PER_PAGE for i, row in enumerate(found) if row.path == chosen), 1)
    rows = paginator.get_page(number)
    context: Context = {
        "rows": rows,
        "timeline": draw_timeline(list(rows), page.snapshot, page.now, page.retries),
        "statuses": sorted({row.status for row in page.rows}, key=_rank),
        "status": status,
        "q": words,
        "chosen": chosen,
    }
    if chosen:
        row = next((row for row in page.rows if row.path == chosen), None)
        if row is not None:
            context["step"] = step_detail(page, row)
        elif not page.unreadable:  # else the page says why the step is missing
            raise Http404(f"The run has no step {chosen[:200]}.")
    return context


def _rank(status: str) -> int:
    return STATUS_ORDER.index(status) if status in STATUS_ORDER else len(STATUS_ORDER)


def step_detail(page: RunPage, row: StepRow) -> Context:
    """Everything about one step. Ids of trees change when their values may have, so a live page renews those alone."""
    record = row.record
    detail: Context = {"row": row, "description": _description(page, row.path), "can_start_from": row.is_whole}
    if record is None:
        return detail
    failure = failure_of_step(record, page.snapshot, page.redactor, page.retries)
    sections = [
        ("Input", "step-input", record.payload, record.start_seq, "The step was given nothing."),
        ("Question", "step-suspend", record.suspend_payload, record.seq, ""),
        ("Answer", "step-resume", record.resume_payload, record.seq, ""),
        ("Output", "step-output", record.output, record.seq, _no_output(record.status)),
    ]
    detail |= {
        "record": record,
        "failure": failure,
        "attempts": attempts_of(page, record) if record.attempts else [],
        "spent": (record.ended_at or page.now) - record.started_at,
        "sections": [
            {
                "title": title,
                "value": page.show(value, of, row.path),
                "absent": absent,
                "tree_id": f"tree-{of}-{seq}",
            }
            for title, of, value, seq, absent in sections
            if value is not UNSET or absent
        ],
    }
    if record.error is not None:
        detail["error"] = page.show(record.error, "step-error", row.path)
    return detail


def _no_output(status: StepStatus) -> str:
    match status:
        case StepStatus.SUCCESS | StepStatus.BAILED:
            return "The step ended without an output."
        case StepStatus.FAILED:
            return ""
        case StepStatus.CANCELED:
            return "The step was canceled before it gave one."
    return "It appears here when the step ends."


def _description(page: RunPage, path: str) -> str:
    steps = page.run.version.steps
    plain = ".".join(part.split("[")[0] for part in path.split("."))
    info = steps.get(plain) if isinstance(steps, dict) else None
    return str(info.get("description") or "") if isinstance(info, dict) else ""


# --- State, input, activity, raw ------------------------------------------------------------------


def state_tab(page: RunPage, request: Request) -> Context:
    return {"state": page.show(page.snapshot.state, "state"), "initial": page.show(initial_state(page), "initial")}


def initial_state(page: RunPage) -> object:
    return first_data(page).get("initialState", UNSET)


def first_data(page: RunPage) -> dict[str, Any]:
    """What the run was started with."""
    return page.events[0].legible() if page.events else {}


def input_tab(page: RunPage, request: Request) -> Context:
    first = first_data(page)
    tracing = first.get("tracingOptions") or {}
    return {
        "input": page.show(page.snapshot.input, "input"),
        "initial": page.show(first.get("initialState", UNSET), "initial"),
        "request_context": page.show(page.snapshot.request_context or UNSET, "context"),
        "metadata": page.show(tracing.get("metadata", UNSET), "metadata"),
        "tracing": tracing,
        "output_options": first.get("outputOptions") or {},
    }


def activity_tab(page: RunPage, request: Request) -> Context:
    entries = AuditEntry.objects.filter(object_type="run", object_id=page.run.pk).select_related("actor")
    return {"entries": entries[:MOST_ENTRIES], "children": page.run.children.newest_first()[:MOST_ENTRIES]}


def raw_tab(page: RunPage, request: Request) -> Context:
    """The log itself, a page at a time."""
    cursor = request.GET.get("after", "")
    after = min(int(cursor), page.run.last_seq) if cursor.isdecimal() and len(cursor) < 10 else 0
    events = read_events(page.run.pk, after=after, limit=EVENTS_PER_PAGE)
    begun = page.run.created_at.timestamp() * 1000
    return {
        "events": [_event_row(page, event, begun) for event in events],
        "first": events[0].seq if events else 0,
        "last": events[-1].seq if events else 0,
        "before": max(after - EVENTS_PER_PAGE, 0) if after else None,
        "after": events[-1].seq if events and events[-1].seq < page.run.last_seq else None,
    }


def _event_row(page: RunPage, event, begun: float) -> Context:
    data = event.legible()
    name = data.pop("id", "")
    text = orjson.dumps(page.redactor.apply(data)).decode()
    kind, at = typed(event.type, event.at)
    return {
        "seq": event.seq,
        "type": kind.removeprefix("workflow-"),
        "offset": f"+{max(at - begun, 0) / 1000:.2f}",
        "at": at,
        "step": name,
        "body": text if len(text) <= LONGEST_BODY else text[:LONGEST_BODY] + "…",
    }


def stream_tab(page: RunPage, request: Request) -> Context:
    step = request.GET.get("step") or None
    return {"stream": stream_panel(page.run, step=step), "step": step}


TABS: dict[str, tuple[str, Callable[[RunPage, Request], Context]]] = {
    "overview": ("Overview", overview_tab),
    "timeline": ("Timeline", timeline_tab),
    "stream": ("Stream", stream_tab),
    "steps": ("Steps", steps_tab),
    "logs": ("Logs", logs_tab),
    "state": ("State", state_tab),
    "input": ("Input & context", input_tab),
    "trace": ("Trace", trace_tab),
    "activity": ("Activity", activity_tab),
    "raw": ("Raw", raw_tab),
}
