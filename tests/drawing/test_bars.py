"""Small charts of runs: what stands on the line and what hangs below it."""

from datetime import UTC, date, datetime, timedelta

from runs.drawing.bars import duration_bar, hour_bars, outcome_bars
from runs.drawing.trend import draw_trend

FIRST = date(2026, 10, 24)


def heights(bars, kind: str) -> list[float]:
    return [float(bar.height) for bar in bars.bars if bar.kind == kind]


def test_failures_hang_below_the_line_and_the_rest_stands_on_it():
    bars = hour_bars(([10, 0, 5], [0, 0, 8]), 24)
    assert [bar.kind for bar in bars.bars] == ["ok", "ok", "bad"]
    assert all(float(bar.y) + float(bar.height) <= bars.line for bar in bars.bars if bar.kind == "ok")
    assert all(float(bar.y) > bars.line for bar in bars.bars if bar.kind == "bad")
    assert heights(bars, "ok")[0] == 2 * heights(bars, "ok")[1]


def test_a_single_failure_does_not_look_like_many():
    assert heights(hour_bars(([1], [1]), 54), "bad")[0] < heights(hour_bars(([1], [9]), 54), "bad")[0]


def test_no_bar_leaves_its_chart():
    for bars in (
        hour_bars(([10**6, 1], [10**5, 1]), 24),
        outcome_bars([("failed", 9e9), ("success", 1.0)] * 30, 72, 60),
    ):
        for bar in bars.bars:
            assert float(bar.y) >= 0
            assert float(bar.y) + float(bar.height) <= bars.height


def test_one_long_run_does_not_flatten_the_others():
    runs = [("success", 1_000)] * 19 + [("success", 3_600_000)]
    assert heights(outcome_bars(runs, 72, 20), "ok")[0] > 20


def test_the_newest_run_stands_at_the_right_edge():
    bars = outcome_bars([("success", 10), ("running", None)], 24, 20).bars
    assert [bar.x for bar in bars] == ["90.00%", "95.00%"]


def test_runs_without_a_duration_are_drawn():
    assert len(outcome_bars([("pending", None), ("canceled", None), ("failed", None)], 24, 20).bars) == 3


def test_a_duration_beyond_p95_shows_how_far():
    assert duration_bar(None, 100) is None
    assert duration_bar(100, None) is None
    assert (duration_bar(50, 100).within, duration_bar(50, 100).over) == (24, 0)
    assert (duration_bar(125, 100).within, duration_bar(125, 100).over) == (48, 12)
    assert duration_bar(10**9, 100).over == 22  # stays inside its 72 units


def test_a_trend_needs_two_days():
    assert draw_trend({FIRST: [5]}, FIRST, 29) is None
    assert draw_trend({}, FIRST, 29) is None


def test_a_trend_reaches_from_edge_to_edge_on_a_round_scale():
    took = {FIRST + timedelta(days=number): [12_000, 15_000, 24_000] for number in range(30)}
    trend = draw_trend(took, FIRST, 29, [(datetime(2026, 11, 14, 9, tzinfo=UTC), "v14")])
    assert trend.p50.startswith("M0.0 ")
    assert "L600.0 " in trend.p50
    assert trend.marks == ["30 s", "20 s", "10 s", "0"]
    assert trend.days == ["24 Oct", "31 Oct", "7 Nov", "15 Nov", "22 Nov"]
    assert [words for _, words in trend.changes] == ["v14"]
    assert "p50 went from 15.0 s to 15.0 s" in trend.label
