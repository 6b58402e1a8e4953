"""One value of a run, or a part of it: as a page, as the part of a tree that htmx asks for, or as a download."""

import re

import orjson
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from runs.drawing.json_tree import MaskedPart, NoSuchPart, grow, part_of, show_value
from runs.engine.log.snapshot import UNSET, StepRecord
from runs.store.history import read_events

from .access import find_run
from .request import Request
from .run_page import RunPage, value_address
from .run_tabs import first_data, initial_state

LARGEST_TEXT = 4_194_304  # characters of one text that a page shows whole; beyond, it is downloaded
TITLES = {
    "input": "Input",
    "result": "Result",
    "state": "State",
    "initial": "Initial state",
    "context": "Request context",
    "metadata": "Metadata",
    "event": "Event",
    "step-input": "Input",
    "step-output": "Output",
    "step-suspend": "Question",
    "step-resume": "Answer",
    "step-error": "Error",
}


@require_GET
@never_cache
def run_value(request: Request, run_id: str) -> HttpResponse:
    """`of`: which value, with `step` or `seq` where it needs one; `at`: a JSON pointer; `from`: the first member."""
    page = RunPage(find_run(request, run_id))
    if page.run.purged_at is not None:
        return render(request, "runs/run_detail/purged.html", {"run": page.run, "page": page}, status=410)
    of, step, at = (request.GET.get(name, "") for name in ("of", "step", "at"))
    first = _number(request, "from")
    whole = _value(page, of, step, _number(request, "seq"))
    try:
        value = part_of(whole, at, page.redactor)
    except NoSuchPart:
        raise Http404("The value has nothing at this place.") from None
    except MaskedPart:
        raise Http404("What stands at this place is masked.") from None
    if request.GET.get("download"):
        return _download(page, of, step, page.redactor.apply(value))
    address = value_address(page.run.pk, of + (f"&seq={_number(request, 'seq')}" if of == "event" else ""), step)
    if request.htmx:
        twigs = grow(value, page.redactor, address, pointer=at, first=first)
        return render(request, "runs/shared/_json_twigs.html", {"twigs": twigs})
    context = {
        "run": page.run,
        "title": TITLES[of],
        "step": step,
        "at": at,
        "value": show_value(value, page.redactor, address, pointer=at),
        "text": value if isinstance(value, str) and len(value) <= LARGEST_TEXT else None,
        "address": address(at, 0),
    }
    if first and not context["value"].is_large:
        context["value"].twigs = grow(value, page.redactor, address, pointer=at, first=first)
    return render(request, "runs/run_value/page.html", context)


def _number(request: Request, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _value(page: RunPage, of: str, step: str, seq: int) -> object:
    value = _of_step(page, of, step) if of.startswith("step-") else _of_run(page, of, seq)
    if value is UNSET:
        raise Http404(str(page.unreadable[0]) if page.unreadable else "The run has no such value.")
    return value


def _of_run(page: RunPage, of: str, seq: int) -> object:
    match of:
        case "input":
            return page.snapshot.input
        case "result":
            return page.snapshot.result
        case "state":
            return page.snapshot.state
        case "initial":
            return initial_state(page)
        case "context":
            return page.snapshot.request_context
        case "metadata":
            return (first_data(page).get("tracingOptions") or {}).get("metadata", UNSET)
        case "event":
            events = read_events(page.run.pk, after=seq - 1, limit=1) if seq else []
            return page.redactor.events(events)[0].legible() if events and events[0].seq == seq else UNSET
    return UNSET


def _of_step(page: RunPage, of: str, step: str) -> object:
    record: StepRecord | None = page.snapshot.steps.get(step)
    if record is None:
        return UNSET
    values = {
        "step-input": record.payload,
        "step-output": record.output,
        "step-suspend": record.suspend_payload,
        "step-resume": record.resume_payload,
        "step-error": record.error if record.error is not None else UNSET,
    }
    return values.get(of, UNSET)


def _download(page: RunPage, of: str, step: str, value: object) -> HttpResponse:
    name = "-".join(part for part in (page.run.pk, step, of.removeprefix("step-")) if part)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:150]
    response = HttpResponse(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS), content_type="application/json"
    )
    response["Content-Disposition"] = f'attachment; filename="{safe}.json"'
    return response
