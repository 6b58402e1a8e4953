"""What a run's steps have logged: the Logs tab of its page, and the same as a text to download."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs.drawing.figures import grouped
from runs.models import LogLevel, RunLog
from runs.models.run_log import RunLogQuerySet, line_text

from .access import find_run
from .request import Request
from .run_page import RunPage

LINES_PER_PAGE = 200
LINES_AT_ONCE = 1_000  # of the download
LONGEST_SEARCH = 200


def logs_tab(page: RunPage, request: Request) -> dict[str, object]:
    """The newest lines that fit the filter, or those before or after a line."""
    level, words = request.GET.get("level", ""), request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    found = _filtered(page.run.pk, level, words)
    before, after = _number(request.GET.get("before")), _number(request.GET.get("after"))
    if after is not None:
        lines = list(found.filter(pk__gt=after)[: LINES_PER_PAGE + 1])
        has_earlier, has_later = after > 0, len(lines) > LINES_PER_PAGE
        lines = lines[:LINES_PER_PAGE]
    else:
        newest = found if before is None else found.filter(pk__lt=before)
        lines = list(newest.order_by("-pk")[: LINES_PER_PAGE + 1])
        has_earlier, has_later = len(lines) > LINES_PER_PAGE, before is not None
        lines = lines[:LINES_PER_PAGE][::-1]
    filters = {name: value for name, value in (("level", level), ("q", words)) if value}
    return {
        "lines": [_Row.of(line, page.run.created_at.timestamp() * 1000) for line in lines],
        "most": settings.ENV.wfconsole_run_log_lines,
        "kept_from": settings.ENV.wfconsole_run_log_level,
        "levels": [each.label for each in LogLevel],
        "level": level,
        "q": words,
        "earlier": _address(filters, before=lines[0].pk) if has_earlier and lines else "",
        "later": _address(filters, after=lines[-1].pk) if has_later and lines else "",
        "dropped": RunLog.objects.dropped_of(page.run.pk) if not has_later else 0,
        "text_query": urlencode(filters),
        "is_newest": not has_later,
    }


@dataclass(frozen=True, slots=True)
class _Row:
    line: RunLog
    offset: str  # seconds since the run was made
    error_head: str  # what the exception says itself: the end of its text

    @classmethod
    def of(cls, line: RunLog, begun: float) -> "_Row":
        head = next((text for text in reversed(line.error.splitlines()) if text.strip()), "")
        return cls(line, f"+{max(line.at - begun, 0) / 1000:.2f}", head)


def _filtered(run_id: str, level: str, words: str) -> RunLogQuerySet:
    lines = RunLog.objects.of_run(run_id)
    if level in LogLevel.labels:
        lines = lines.filter(level__gte=LogLevel[level.upper()])
    if words:
        lines = lines.filter(message__icontains=words) | lines.filter(error__icontains=words)
    return lines


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else None


def _address(filters: dict[str, str], **place: int) -> str:
    return "?" + urlencode({"tab": "logs", **filters, **place})


@require_safe
@never_cache
def run_log_text(request: Request, run_id: str) -> StreamingHttpResponse:
    """All lines that fit the filter, as a text."""
    run = find_run(request, run_id)
    lines = _filtered(run.pk, request.GET.get("level", ""), request.GET.get("q", "").strip()[:LONGEST_SEARCH])
    answer = StreamingHttpResponse(_text(lines, run.pk), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, f"{run.pk}.log")
    return answer


def _text(lines: RunLogQuerySet, run_id: str) -> Iterator[str]:
    for line in lines.iterator(LINES_AT_ONCE):
        yield line_text(line) + "\n"
    if dropped := RunLog.objects.dropped_of(run_id):
        yield f"{grouped(dropped)} further lines dropped\n"
