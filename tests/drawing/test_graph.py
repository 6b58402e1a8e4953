"""The drawn step graph: where things stand, and what a run's state does to them."""

import pytest
from django.template.loader import render_to_string

from runs.drawing.graph import draw_graph
from tests.drawing.runs import NOW, ORDER_GRAPH, failed_order, record, running_order, snapshot_of, step


def draw(graph, snapshot=None, **more):
    return draw_graph(graph, snapshot, now=NOW, **more)


def node(drawing, name):
    return next(node for node in [*drawing.nodes, *drawing.groups] if node.title.split("\n")[0] == name)


def test_a_node_is_160_by_48_and_members_of_a_parallel_stand_one_above_the_other():
    drawing = draw(ORDER_GRAPH)
    members = [node(drawing, name) for name in ("reserve_stock", "score_fraud", "quote_shipping")]
    assert {(member.width, member.height) for member in members} == {(160, 48)}
    assert len({member.x for member in members}) == 1
    assert [member.y - members[0].y for member in members] == [0, 68, 136]
    assert node(drawing, "validate_order").y == members[1].y  # the axis goes through the middle one


def test_nothing_is_drawn_beyond_the_edges():
    drawing = draw(ORDER_GRAPH, running_order())
    for drawn in [*drawing.nodes, *drawing.groups]:
        assert drawn.x >= 0
        assert drawn.y >= 0
        assert drawn.x + drawn.width <= drawing.width
        assert drawn.y + drawn.height <= drawing.height


def test_a_branch_says_its_conditions_and_leaves_the_arm_not_taken_dotted():
    drawing = draw(ORDER_GRAPH, running_order())
    assert [label.title for label in drawing.labels] == ["score_fraud.score < 0.8", "otherwise"]
    assert [label.is_off for label in drawing.labels] == [False, True]
    skipped = node(drawing, "manual_review")
    assert (skipped.status, skipped.detail) == ("skipped", "Not taken")
    assert sum(line.look == "is-off" for line in drawing.lines) == 2  # into the arm, and out of it


def test_an_arm_is_not_called_skipped_before_the_branch_is_decided():
    drawing = draw(ORDER_GRAPH, snapshot_of(record("validate_order", "running", 0)))
    assert node(drawing, "manual_review").status == "pending"
    assert all(line.look == "is-next" for line in drawing.lines)


def test_a_branch_without_a_taken_arm_is_decided_when_a_later_step_has_begun():
    drawing = draw(ORDER_GRAPH, snapshot_of(record("pack_lines", "running", 10)))
    assert node(drawing, "charge_card").status == node(drawing, "manual_review").status == "skipped"


def test_the_line_into_the_running_step_is_live():
    drawing = draw(ORDER_GRAPH, running_order())
    assert [line.look for line in drawing.lines].count("is-live") == 1
    assert drawing.lines[-1].look == "is-live"  # on top


def test_a_foreach_counts_its_items_and_has_a_segment_for_each():
    packing = node(draw(ORDER_GRAPH, running_order()), "pack_lines")
    assert packing.detail == "3 of 5 · 6.90 s"
    assert packing.is_stack
    assert [bar.status for bar in packing.bars] == ["success", "success", "success", "running", "running"]


def test_a_foreach_of_thousands_has_one_bar_that_shows_how_far_it_is():
    snapshot = snapshot_of(record("pack_lines", "running", 0, completed_count=2_500, total_count=10_000))
    bars = node(draw(ORDER_GRAPH, snapshot), "pack_lines").bars
    assert [bar.status for bar in bars] == ["success", ""]
    assert bars[0].width * 3 == pytest.approx(bars[1].width)


def test_a_failed_step_tells_its_attempt_of_those_allowed():
    drawing = draw(ORDER_GRAPH, failed_order(), retries={"charge_card": 2})
    assert node(drawing, "charge_card").detail == "Attempt 3 of 3"
    assert node(draw(ORDER_GRAPH, failed_order()), "charge_card").detail == "Attempt 3"
    assert node(drawing, "send_confirmation").detail == "Not reached"


def test_without_a_run_a_node_shows_its_figures_and_no_status():
    drawing = draw(ORDER_GRAPH, stats={"send_confirmation": "p50 0.9 s"})
    assert node(drawing, "send_confirmation").detail == "p50 0.9 s"
    assert node(drawing, "pack_lines").detail == "for each, 2 at once"
    assert {drawn.status for drawn in drawing.nodes} == {""}
    assert {line.look for line in drawing.lines} == {""}


def test_a_nested_workflow_is_a_frame_round_its_own_steps():
    graph = [step("a"), {"type": "workflow", "id": "inner", "serializedStepFlow": [step("x"), step("y")]}, step("b")]
    snapshot = snapshot_of(
        record("a", "success", 0, 5), record("inner", "running", 6), record("inner.x", "success", 6, 9)
    )
    drawing = draw(graph, snapshot, href=lambda path: f"?step={path}")
    inner, x = node(drawing, "inner"), node(drawing, "x")
    assert inner.is_group
    assert inner.x < x.x
    assert x.x + x.width < inner.x + inner.width
    assert inner.y < x.y < x.y + x.height < inner.y + inner.height
    assert (x.status, x.href) == ("success", "?step=inner.x")


def test_a_loop_shows_its_way_back_its_condition_and_the_round():
    graph = [{"type": "loop", "step": step("poll"), "loopType": "dountil", "serializedCondition": {"fn": "tries > 9"}}]
    drawing = draw(graph, snapshot_of(record("poll", "running", 0, iteration=4)))
    assert drawing.labels[0].text == "until tries > 9"
    assert node(drawing, "poll").detail == "4 rounds · 12.4 s"


def test_steps_of_a_repeated_nested_workflow_have_no_state_of_their_own():
    body = {"type": "workflow", "id": "each", "serializedStepFlow": [step("x")]}
    drawing = draw([{"type": "foreach", "step": body, "opts": {}}], snapshot_of(record("each", "running", 0)))
    assert node(drawing, "each").status == "running"
    assert node(drawing, "x").status == ""


def test_a_graph_of_thousands_is_folded_round_the_step_that_runs():
    graph = [step(f"s{number}") for number in range(5_000)]
    drawing = draw(graph, snapshot_of(*(record(f"s{n}", "success", n, n + 1) for n in range(2_500))))
    names = [drawn.name for drawn in drawing.nodes]
    assert len(names) <= 40
    assert "s2499" in names
    assert names[0] == "s0"
    assert names[-1] == "s4999"
    assert sum("steps" in name for name in names) == 2


def test_a_parallel_of_hundreds_is_folded_and_keeps_the_member_that_failed():
    graph = [{"type": "parallel", "steps": [step(f"p{number}") for number in range(300)]}]
    done = [record(f"p{number}", "failed" if number == 150 else "success", 0, 5) for number in range(300)]
    names = [drawn.name for drawn in draw(graph, snapshot_of(*done, status="failed")).nodes]
    assert len(names) <= 12
    assert "p150" in names


@pytest.mark.parametrize(
    "graph",
    [None, "text", 7, {}, [None, 3], [{"type": "parallel", "steps": []}], [{"type": "foreach"}], [{"type": "step"}]],
)
def test_a_graph_that_cannot_be_read_is_an_empty_drawing_and_no_error(graph):
    assert draw(graph).is_empty


def test_an_entry_of_an_unknown_kind_is_drawn_as_a_step():
    assert node(draw([{"type": "agent", "id": "writer"}]), "writer").name == "writer"


def test_a_hostile_name_stays_text():
    hostile = '"><script>alert(1)</script>'
    html = render_to_string(
        "runs/shared/_graph.html", {"drawing": draw([step(hostile)], snapshot_of()), "name": hostile}
    )
    assert "<script>" not in html
    assert "style=" not in html


def test_a_long_name_is_cut_in_the_drawing_and_whole_in_its_title():
    drawn = draw([step("a_step_whose_name_is_far_too_long_for_its_node")], snapshot_of()).nodes[0]
    assert drawn.name.endswith("…")
    assert drawn.title == "a_step_whose_name_is_far_too_long_for_its_node"
