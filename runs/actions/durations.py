"""Lengths and moments as people write them: `90 s`, `10 min`, `in 2 h`, `2026-11-22 18:30`."""

import re
from datetime import UTC, datetime, timedelta

_SECONDS = {
    ("s", "sec", "secs", "second", "seconds"): 1,
    ("m", "min", "mins", "minute", "minutes"): 60,
    ("h", "hour", "hours"): 3_600,
    ("d", "day", "days"): 86_400,
    ("w", "week", "weeks"): 604_800,
}
UNITS = {unit: seconds for units, seconds in _SECONDS.items() for unit in units}
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]*)", re.IGNORECASE)
LENGTHS = "such as 90 s, 10 min, 2 h or 1 d"
MOMENTS = "such as in 10 min, or 2026-11-22 18:30 (UTC, unless you write a zone)"


def read_seconds(text: str) -> float:
    """Return a length of time in seconds. Raises ValueError.

    A number needs its unit: what destroys or ends something must not depend on which unit a person had in mind. For the
    same reason a capital M is refused, which means minutes to some tools and months to others.
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a length of time {LENGTHS}")
    number, unit = found.groups()
    if not unit:
        raise ValueError(f"a number without a unit; write {number} s, {number} min, {number} h or {number} d")
    if unit == "M":
        raise ValueError(f"minutes or months; write {number} min, or a number of days such as 30 d")
    if unit.lower() not in UNITS or not (seconds := float(number) * UNITS[unit.lower()]):
        raise ValueError(f"not a length of time {LENGTHS}")
    return seconds


def read_moment(text: str, now: datetime) -> datetime:
    """A moment with its zone: an ISO date and time, or `in` and a length from now on. Raises ValueError."""
    words = text.strip()
    if words[:3].lower() == "in ":
        return now + timedelta(seconds=read_seconds(words[3:]))
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise ValueError(f"not a moment {MOMENTS}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
