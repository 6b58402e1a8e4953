"""The usual duration day by day, as two lines: p50 and p95."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from .figures import duration

WIDTH, HEIGHT = 600, 120
STEPS = (1, 2, 5)  # what the marks of the axis count in, times a power of ten


@dataclass(frozen=True, slots=True)
class Trend:
    p50: str  # paths of SVG in a box of 600 by 120
    p95: str
    lines: list[float]  # y of the marks
    changes: list[tuple[float, str]]  # x and words of each new version
    marks: list[str]  # their words, the highest first
    days: list[str]
    label: str


def draw_trend(
    took: Mapping[date, Sequence[int]], first: date, days: int, changes: Sequence[tuple[datetime, str]] = ()
) -> Trend | None:
    """The trend of durations in milliseconds by day; None with fewer than two days to join.

    `days`: from the first day to the last one. `changes`: moments at which something changed,
    in UTC, with the words for it.
    """
    points = [(day, sorted(durations)) for day, durations in sorted(took.items()) if durations]
    if len(points) < 2:
        return None
    p50 = [(day, durations[round((len(durations) - 1) * 0.5)]) for day, durations in points]
    p95 = [(day, durations[round((len(durations) - 1) * 0.95)]) for day, durations in points]
    step = _step(max(value for _, value in p95))
    most = step * 3.75  # the marks then stand 32 units apart, as the style sheet has them
    marks = [step * count for count in (3, 2, 1, 0)]
    shown = [first + timedelta(days=round(days * part / 4)) for part in range(5)]
    return Trend(
        _path(p50, first, days, most),
        _path(p95, first, days, most),
        [round(HEIGHT - mark / most * HEIGHT, 1) for mark in marks],
        [(min(place, WIDTH), words) for moment, words in changes if (place := _across(moment, first, days)) > 0],
        [re.sub(r"\.0+(?= )", "", duration(mark)) if mark else "0" for mark in marks],
        [f"{day.day} {day:%b}" for day in shown],
        f"{days + 1} days: p50 went from {duration(p50[0][1])} to {duration(p50[-1][1])}, "
        f"p95 from {duration(p95[0][1])} to {duration(p95[-1][1])}",
    )


def _step(most: int) -> int:
    """A round number of milliseconds of which three to four reach to `most`."""
    power = 1
    while True:
        for step in STEPS:
            if step * power * 3.6 >= most:
                return step * power
        power *= 10


def _across(moment: datetime, first: date, days: int) -> float:
    began = datetime.combine(first, time(), moment.tzinfo)
    return round((moment - began) / timedelta(days=days) * WIDTH, 1)


def _path(points: Sequence[tuple[date, int]], first: date, days: int, most: float) -> str:
    places = [((day - first).days / days * WIDTH, HEIGHT - min(value / most, 1) * HEIGHT) for day, value in points]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
