"""The figures as a table for people, and as JSON for programs."""

import statistics
from collections.abc import Mapping
from typing import NamedTuple

Figures = Mapping[str, Mapping[str, list[float]]]


class Goal(NamedTuple):
    """What a figure should be. `of`: a figure of the floor in the same call, of which `limit` is a share."""

    limit: float
    at_least: bool = False
    of: str = ""


# What is measured, and what of it survives what. Tracing is on in all of them.
TITLES = {
    "floor": "Raw limits of this machine, in this call",
    "W1": "One run of 3 steps, one after another (every step committed before the next; survives kill -9)",
    "W2": "1,000 runs of 5 steps, 64 at a time (every step committed before the next; survives kill -9)",
    "W3": "One run of N steps (every step committed before the next; survives kill -9)",
    "W4": "10,000 chunks of 100 bytes (every chunk stored before it is shown; survives kill -9)",
    "W5": "1 MB handed through 3 steps (every step committed before the next; survives kill -9)",
    "W6": "Resident memory of the whole server, idle and after 1,000 runs over HTTP",
    "W7": "Start: Python to the end of the engine's first run (kept in memory); server to ready, second start",
    "W8": "The newest 50 of 10,000 runs, of all, of a status, of a tag (read)",
    "W9": "A run of 3 steps over HTTP, start to result; then by 16 clients (every step committed; survives kill -9)",
    "W10": "The history of 1,000,000 runs, two pages of each filter (read)",
}
GOALS = {
    "W1.p50_ms": Goal(0.7),
    "W1.p99_ms": Goal(2.6),
    "W2.runs_s": Goal(0.45, at_least=True, of="W2_runs_s"),
    "W3.n1000_ms": Goal(300),
    "W3.n1000_stored_bytes": Goal(700_000),
    "W4.stored_chunks_s": Goal(120_000, at_least=True),
    "W4.socket_chunks_s": Goal(45_000, at_least=True),
    "W4.page_chunks_s": Goal(40_000, at_least=True),
    "W5.p50_ms": Goal(15),
    "W5.stored_bytes": Goal(2_200_000),
    "W6.idle_mb": Goal(95),
    "W6.after_mb": Goal(105),
    "W7.first_run_ms": Goal(200),
    "W7.boot_ms": Goal(1500),
    "W8.newest_ms": Goal(1.0),
    "W8.status_ms": Goal(1.0),
    "W8.tag_ms": Goal(1.5),
    "W10.p95_ms": Goal(50),
}


def print_table(figures: Figures) -> None:
    floor = figures.get("floor", {})
    for workload, metrics in figures.items():
        print(f"\n{workload}  {TITLES[workload]}")
        for metric, values in metrics.items():
            median = statistics.median(values)
            goal = _goal(GOALS.get(f"{workload}.{metric}"), median, floor)
            spread = f"{_shown(min(values))} – {_shown(max(values))}"
            print(f"    {metric:24}{_shown(median):>12}   {spread:24} {goal}".rstrip())


def _goal(goal: Goal | None, median: float, floor: Mapping[str, list[float]]) -> str:
    if goal is None:
        return ""
    limit, share = goal.limit, ""
    if goal.of:
        if goal.of not in floor:
            return f"goal: {goal.limit:.0%} of the floor"
        limit *= statistics.median(floor[goal.of])
        share = f" ({goal.limit:.0%} of the floor; now {median / limit * goal.limit:.0%})"
    met = median >= limit if goal.at_least else median <= limit
    return f"{'meets' if met else 'MISSES'} {'≥' if goal.at_least else '≤'} {_shown(limit)}{share}"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.1f}" if abs(value) >= 100 else f"{value:.2f}"


def to_json(figures: Figures) -> dict[str, dict[str, list[float]]]:
    """`{workload: {metric: [median, min, max]}}`."""
    return {
        workload: {
            metric: [round(value, 4) for value in (statistics.median(values), min(values), max(values))]
            for metric, values in metrics.items()
        }
        for workload, metrics in figures.items()
    }
