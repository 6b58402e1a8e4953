"""How the console writes figures, times, ids and icons: the same way on every page."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.drawing import figures
from runs.drawing.figures import DAY, HOUR, MINUTE, SECOND

register = template.Library()

NOTHING = "–"  # a value that cannot be; a cell that is merely empty stays empty


def _milliseconds(value: object) -> int | None:
    if isinstance(value, timedelta):
        return round(value / timedelta(milliseconds=1))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value)
    return None


def _moment(value: object) -> datetime | None:
    """A datetime, or epoch milliseconds, in the zone of the page."""
    if isinstance(value, datetime):
        return timezone.localtime(value if timezone.is_aware(value) else value.replace(tzinfo=UTC))
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return timezone.localtime(datetime.fromtimestamp(value / 1000, UTC))
        except (OverflowError, OSError, ValueError):
            return None
    return None


# --- Figures --------------------------------------------------------------------------------------


@register.filter
def duration(value: object) -> str:
    """Milliseconds, or a timedelta, in at most two units: `42 ms`, `0.21 s`, `12.4 s`, `1 min 31 s`, `12 h 58 min`."""
    ms = _milliseconds(value)
    return NOTHING if ms is None else figures.duration(ms)


@register.filter
def grouped(value: object) -> str:
    """A whole number in groups of three: `8 412`. Anything else is shown as it is."""
    if isinstance(value, bool) or not isinstance(value, int):
        return "" if value is None else str(value)
    return figures.grouped(value)


@register.filter
def byte_size(value: object) -> str:
    """A count of bytes: `612 B`, `3.4 kB`, `3.1 MB`; units of 1000."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOTHING
    return figures.byte_size(value)


# --- Times ----------------------------------------------------------------------------------------


@register.filter
def ago(value: object) -> str:
    """How long since (or until) a datetime or epoch milliseconds: `12 s ago`, `2 min ago`, `in 4 min`, `now`."""
    moment = _moment(value)
    return NOTHING if moment is None else _ago(moment)


def _ago(moment: datetime) -> str:
    ms = round((timezone.now() - moment) / timedelta(milliseconds=1))
    size = abs(ms)
    if size < SECOND:
        return "now"
    for unit, word in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if size >= unit:
            text = f"{size // unit} {word}"
            break
    return f"{text} ago" if ms > 0 else f"in {text}"


@register.filter
def exact_time(value: object) -> str:
    """A datetime or epoch milliseconds, to the millisecond and with its zone: `2026-11-22 13:02:11.084 UTC+1`."""
    moment = _moment(value)
    return NOTHING if moment is None else _exact(moment)


def _exact(moment: datetime) -> str:
    return f"{moment.isoformat(' ', 'milliseconds')[:23]} {zone_name(moment)}"


def zone_name(moment: datetime) -> str:
    """A moment's distance from UTC: `UTC`, `UTC+1`, `UTC-3:30`."""
    minutes = round((moment.utcoffset() or timedelta()) / timedelta(minutes=1))
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")


@register.filter
def clock(value: object) -> str:
    """The time of day, with the date when it is not today: `13:02:11`, `21 Nov 13:02:11`, `3 Feb 2025 13:02:11`."""
    moment = _moment(value)
    if moment is None:
        return NOTHING
    today = timezone.localtime()
    if moment.date() == today.date():
        return f"{moment:%H:%M:%S}"
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year} {moment:%H:%M:%S}"


@register.filter
def iso_time(value: object) -> str:
    """A datetime or epoch milliseconds for a program: `2026-11-22T13:02:11.084+01:00`."""
    moment = _moment(value)
    return "" if moment is None else moment.isoformat(timespec="milliseconds")


@register.simple_tag
def when(value: object, style: str = "ago") -> SafeString:
    """A <time> that carries the exact time in its title. `style`: "ago" or "clock"."""
    moment = _moment(value)
    if moment is None:
        return format_html("{}", NOTHING)
    times = (moment.isoformat(timespec="milliseconds"), _exact(moment))
    if style == "clock":
        return format_html('<time datetime="{}" title="{}">{}</time>', *times, clock(moment))
    # static/js/times.js keeps the words of [data-ago] true while the page is open.
    return format_html('<time datetime="{}" title="{}" data-ago>{}</time>', *times, _ago(moment))


# --- Ids and icons --------------------------------------------------------------------------------


@register.filter
def cut_id(value: object, part: str = "both") -> str:
    """An id cut in the middle, `019ab1f4…8f21a6b7`; with `"end"` its last six characters, `…21a6b7`, as in lists."""
    text = "" if value is None else str(value)
    if part == "end":
        return text if len(text) <= 8 else f"…{text[-6:]}"
    return text if len(text) <= 20 else f"{text[:8]}…{text[-8:]}"


@register.simple_tag
@lru_cache(maxsize=200)
def icon(name: str, size: int = 16) -> SafeString:
    """An icon of the sprite, 16, 14 or 12 px, for eyes alone: the words beside it name it."""
    extra = {12: " wf-i-12", 14: " wf-i-14"}.get(size, "")
    return format_html('<svg class="wf-i{}" aria-hidden="true"><use href="#i-{}"/></svg>', extra, name)


@register.simple_tag
@lru_cache(maxsize=50)
def status_icon(status: str) -> SafeString:
    """The shape of a status alone. The word must stand beside it, or be there for a screen reader."""
    return format_html(
        '<svg class="wf-si is-{0}" viewBox="0 0 16 16" aria-hidden="true"><use href="#s-{0}"/></svg>', str(status)
    )


@register.simple_tag
def id_chip(value: object, label: str = "id", href: str = "") -> SafeString:
    """An id, cut in the middle, with a button that copies the whole one. `label`: what it is, such as "run id"."""
    whole = str(value)
    name = (
        format_html('<a href="{}" title="{}">{}</a>', href, whole, cut_id(whole))
        if href
        else format_html('<code title="{}">{}</code>', whole, cut_id(whole))
    )
    return format_html(
        '<span class="wf-id">{}<button type="button" data-copy="{}" aria-label="Copy {}">{}</button></span>',
        name,
        whole,
        label,
        icon("copy"),
    )
