"""Small charts of runs as bars: successes are drawn above the line, failures below it."""

from collections.abc import Sequence
from dataclasses import dataclass

HANGING = 0.3  # the part of the height reserved for failures below the line
LEAST_FAILED = 4  # a single failure does not look like many


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle. `kind` is its class: ok, bad, sus, run. x and width in percent, y and height in px."""

    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Bars:
    height: int
    line: float
    bars: list[Bar]


def hour_bars(counts: tuple[Sequence[int], Sequence[int]], height: int, *, most: int = 0, most_failed: int = 0) -> Bars:
    """A bar for each hour: runs that did not fail above the line, failed ones below, on a scale of their own.

    `most` and `most_failed`: the counts that fill the room, so that several rows can be compared; without them, the
    row's own.
    """
    well, failed = counts
    above = round(height * (1 - HANGING)) - 1
    below = height - above - 2
    most, most_failed = max(most, *well, 1), max(most_failed, *failed, LEAST_FAILED)
    step = 100 / len(well)
    bars = []
    for place, (good, bad) in enumerate(zip(well, failed, strict=True)):
        if good:
            bars.append(
                _bar("ok", place * step, step * 0.72, above - _tall(good, most, above), _tall(good, most, above))
            )
        if bad:
            bars.append(_bar("bad", place * step, step * 0.72, above + 2, _tall(bad, most_failed, below)))
    return Bars(height, above + 1, bars)


def outcome_bars(runs: Sequence[tuple[str, float | None]], height: int, places: int) -> Bars:
    """A bar for each run, oldest first, of `(status, duration in any unit)`; the newest at the right edge."""
    above = round(height * (1 - HANGING)) - 1
    below = height - above - 2
    most = _usual_most([took for _, took in runs if took])
    step = 100 / places
    bars = []
    for place, (status, took) in enumerate(runs[-places:], start=places - min(len(runs), places)):
        x = place * step
        if status in ("failed", "tripwire"):
            bars.append(_bar("bad", x, step * 0.7, above + 2, max(_tall(took or 0, most, below), below / 3)))
        elif status == "suspended":
            half = above * 0.6
            bars.append(_bar("sus", x, step * 0.7, above - half + 4, half - 4))
            bars.append(_bar("sus", x, step * 0.7, above - half, 3))
        elif status in ("running", "waiting", "pending"):
            bars.append(_bar("run", x, step * 0.66, above - above * 0.6, above * 0.6))
        else:
            tall = max(_tall(took or 0, most, above), 2)
            bars.append(_bar("ok", x, step * 0.7, above - tall, tall))
    return Bars(height, above + 1, bars)


def _usual_most(durations: Sequence[float]) -> float:
    """What fills the height: one run that took an hour must not flatten fifty that took a second."""
    if not durations:
        return 1.0
    ordered = sorted(durations)
    return min(ordered[-1], 1.5 * ordered[round((len(ordered) - 1) * 0.9)])


def _tall(value: float, most: float, room: float) -> float:
    return min(max(value / most * room, 1.5), room)


def _bar(kind: str, x: float, width: float, y: float, height: float) -> Bar:
    return Bar(kind, f"{x:.2f}%", f"{y:.1f}", f"{width:.2f}%", f"{height:.1f}")


@dataclass(frozen=True, slots=True)
class DurationBar:
    """A duration against the workflow's p95: the tick is at 48 of 72 units."""

    within: float
    over: float


def duration_bar(took: float | None, p95: float | None) -> DurationBar | None:
    """None when there is nothing to compare."""
    if took is None or not p95:
        return None
    length = min(took / p95 * 48, 70)
    return DurationBar(round(min(length, 48), 2), round(max(length - 48, 0), 2))
