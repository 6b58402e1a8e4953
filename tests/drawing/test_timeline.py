"""Steps in a reader's order, and their bars along the run's time."""

import time

import pytest

from runs.drawing.entries import read_graph
from runs.drawing.steps import count_steps, step_rows
from runs.drawing.timeline import MOST_ROWS, draw_overview, draw_timeline
from runs.engine.log.results import RunStatus
from tests.drawing.runs import BEGAN, NOW, ORDER_GRAPH, failed_order, record, running_order, snapshot_of, step


def rows_of(graph, snapshot):
    return step_rows(read_graph(graph), snapshot)


def test_rows_follow_the_graph_with_items_below_their_foreach():
    rows = rows_of(ORDER_GRAPH, running_order())
    assert [(row.path, row.depth) for row in rows] == [
        ("validate_order", 0),
        ("reserve_stock", 1),
        ("score_fraud", 1),
        ("quote_shipping", 1),
        ("charge_card", 0),
        ("manual_review", 0),
        ("pack_lines", 0),
        *((f"pack_lines[{index}]", 1) for index in range(5)),
        ("send_confirmation", 0),
    ]
    assert [row.status for row in rows if not row.is_item][-3:] == ["skipped", "running", "pending"]


def test_the_count_of_steps_leaves_items_out():
    assert count_steps(rows_of(ORDER_GRAPH, running_order())).sentence == "5 of 8 steps done, 1 skipped"
    assert count_steps(rows_of(ORDER_GRAPH, failed_order())).sentence == "4 of 8 steps done, 1 failed, 1 skipped"


def test_items_stand_in_the_order_of_their_numbers_and_by_their_names():
    items = [record(f"pack_lines[{n}]", "success", n, n + 1, payload={"sku": f"SKU-{n}"}) for n in (10, 2, 9)]
    rows = rows_of(ORDER_GRAPH, snapshot_of(record("pack_lines", "running", 0), *items))
    assert [row.name for row in rows if row.is_item] == ["[2] SKU-2", "[9] SKU-9", "[10] SKU-10"]


def test_a_secret_never_names_an_item():
    rows = rows_of(ORDER_GRAPH, snapshot_of(record("pack_lines[0]", "running", 0, payload={"token": "abc"})))
    assert [row.name for row in rows if row.is_item] == ["[0]"]


def test_steps_of_nested_workflows_stand_below_it_in_items_too():
    inner = {"type": "workflow", "id": "inner", "serializedStepFlow": [step("x"), step("y")]}
    nested = rows_of([inner], snapshot_of(record("inner", "running", 0), record("inner.x", "running", 0)))
    assert [(row.path, row.depth, row.status) for row in nested] == [
        ("inner", 0, "running"),
        ("inner.x", 1, "running"),
        ("inner.y", 1, "pending"),
    ]
    items = rows_of(
        [{"type": "foreach", "step": inner, "opts": {}}],
        snapshot_of(
            record("inner", "running", 0), record("inner[0]", "running", 0), record("inner[0].x", "running", 0)
        ),
    )
    assert [(row.path, row.depth) for row in items] == [("inner", 0), ("inner[0]", 1), ("inner[0].x", 2)]


def test_a_step_that_the_graph_does_not_have_is_shown_all_the_same():
    rows = rows_of(ORDER_GRAPH, snapshot_of(record("left.over", "success", 0, 5)))
    assert rows[-1].path == "left.over"


def test_an_axis_ends_at_a_round_time_beyond_the_run():
    timeline = draw_timeline(rows_of(ORDER_GRAPH, running_order()), running_order(), NOW)
    assert [tick.text for tick in timeline.ticks] == ["0", "5 s", "10 s", "15 s"]
    assert timeline.now == pytest.approx(100 * 12.4 / 15, abs=0.01)
    finished = draw_timeline(rows_of(ORDER_GRAPH, failed_order()), failed_order(), NOW + 10**9)
    assert [tick.text for tick in finished.ticks] == ["0", "2 s", "4 s", "6 s", "8 s"]
    assert finished.now is None


def test_each_attempt_is_a_bar_and_the_wait_between_two_is_dotted():
    timeline = draw_timeline(rows_of(ORDER_GRAPH, failed_order()), failed_order(), NOW, {"charge_card": 2})
    charge = next(row for row in timeline.rows if row.path == "charge_card")
    assert [bar.look for bar in charge.bars] == ["failed", "failed", "failed"]  # no next_at: nothing was waited for
    assert charge.attempts == "3 of 3"
    assert charge.spent == "5.41 s"


def test_the_time_before_an_answer_is_marked():
    asked = record("manual_review", "suspended", 1000, suspended_at=BEGAN + 2000)
    timeline = draw_timeline(rows_of([step("manual_review")], snapshot_of(asked)), snapshot_of(asked), NOW)
    assert [bar.look for bar in timeline.rows[0].bars] == ["success", "suspended"]
    answered = record("manual_review", "success", 1000, 9000, suspended_at=BEGAN + 2000, resumed_at=BEGAN + 8000)
    again = draw_timeline(rows_of([step("manual_review")], snapshot_of(answered)), snapshot_of(answered), NOW)
    assert [bar.look for bar in again.rows[0].bars] == ["success", "wait", "success"]
    assert again.has_waits


def test_no_bar_leaves_the_axis():
    for snapshot in (running_order(), failed_order(), snapshot_of()):
        for row in draw_timeline(rows_of(ORDER_GRAPH, snapshot), snapshot, NOW).rows:
            for bar in row.bars:
                assert 0 <= bar.x <= bar.x + bar.width <= 100.01


def test_a_run_that_takes_months_has_an_axis():
    snapshot = snapshot_of(record("a", "waiting", 0, wake_at=NOW + 10**11))
    timeline = draw_timeline(rows_of([step("a")], snapshot), snapshot, BEGAN + 10**10)
    assert 2 <= len(timeline.ticks) <= 6


def test_thousands_of_items_melt_into_one_row_and_those_that_tell_something_stay():
    items = [record(f"pack_lines[{n}]", "failed" if n == 17 else "success", n, n + 1, seq=n) for n in range(5_000)]
    snapshot = snapshot_of(record("pack_lines", "failed", 0, 6_000), *items, status="failed", ended_at=BEGAN + 6_000)
    timeline = draw_overview(rows_of(ORDER_GRAPH, snapshot), snapshot, NOW)
    assert len(timeline.rows) < 20
    assert "pack_lines[17]" in [row.path for row in timeline.rows]
    assert "4 992 more items" in [row.name for row in timeline.rows]


def test_an_overview_of_thousands_of_steps_shows_those_round_what_runs():
    graph = [step(f"s{n}") for n in range(5_000)]
    done = [record(f"s{n}", "success", n, n + 1) for n in range(3_000)]
    snapshot = snapshot_of(*done, record("s3000", "running", 3_000))
    timeline = draw_overview(rows_of(graph, snapshot), snapshot, NOW)
    assert len(timeline.rows) == MOST_ROWS
    assert timeline.left_out == 5_000 - MOST_ROWS
    assert "s3000" in [row.path for row in timeline.rows]


def test_ten_thousand_steps_are_put_in_order_in_a_moment():
    items = [record(f"pack_lines[{n}]", "success", n, n + 1) for n in range(10_000)]
    snapshot = snapshot_of(record("pack_lines", "success", 0, 10_000), *items)
    began = time.perf_counter()
    rows = rows_of(ORDER_GRAPH, snapshot)
    assert len(rows) == 10_008
    assert time.perf_counter() - began < 2  # linear: some 50 ms; quadratic would take minutes


def test_a_run_that_has_not_begun_has_rows_and_no_bars():
    snapshot = snapshot_of(status=RunStatus.PENDING)
    snapshot.started_at = None
    timeline = draw_timeline(rows_of(ORDER_GRAPH, snapshot), snapshot, NOW)
    assert {row.status for row in timeline.rows} == {"pending"}
    assert not any(row.bars for row in timeline.rows)
    assert timeline.now is None
