"""Lengths and moments as people write them: `90 s`, `10 min`, `in 2 h`, `2026-11-22 18:30`."""

import re
from datetime import UTC, datetime, timedelta

UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]*)", re.IGNORECASE)
LENGTHS = "such as 90 s, 10 min, 2 h or 1 d"
MOMENTS = "such as in 10 min, or 2026-11-22 18:30 (UTC, unless you write a zone)"


def read_seconds(text: str) -> float:
    """A length of time in seconds. A bare number is seconds. Raises ValueError."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None or (unit := found[2].lower()) not in UNITS or not (seconds := float(found[1]) * UNITS[unit]):
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
