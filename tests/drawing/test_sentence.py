"""The sentence on top of a run's page tells facts, in each state."""

import pytest

from runs.drawing.entries import read_graph
from runs.drawing.sentence import DurationStats, Queue, RunContext, sentence
from runs.drawing.steps import step_rows
from runs.engine.log.snapshot import Attempt
from tests.drawing.runs import BEGAN, NOW, ORDER_GRAPH, record, running_order, snapshot_of, step


def told(snapshot, status=None, graph=None, **around):
    rows = step_rows(read_graph(graph or ORDER_GRAPH), snapshot)
    found = sentence(snapshot, status or snapshot.status, rows, RunContext(now=NOW, **around))
    return " ".join(part for part in (found.strong, found.rest, *found.runs) if part)


def not_begun(status="pending"):
    snapshot = snapshot_of(status=status)
    snapshot.started_at = None
    return snapshot


@pytest.mark.parametrize(
    ("queue", "text"),
    [
        (Queue(position=3, running=100), "3rd in the queue. 100 runs are being worked on."),
        (Queue(position=1), "Next in the queue."),
        (Queue(position=12, limit=2), "12th in the queue. The workflow may have 2 runs at once."),
        (Queue(position=1_021, running=1), "1 021st in the queue. 1 run is being worked on."),
        (
            Queue(position=3, running=4, limit=2, holding=2, holders=("a", "b")),
            "3rd in the queue. The workflow may have 2 runs at once, and it has 2: a b",
        ),
        (
            Queue(position=1, limit=1, holding=1, holders=("a",)),
            "Next in the queue. The workflow may have 1 run at once, and it has one: a",
        ),
        (Queue(position=2, running=100, slots=100, holders=("a",)), "2nd in the queue. All 100 slots are taken: a"),
        (Queue(is_executor_alive=False, position=1), "No executor is running. The run starts when a server does."),
        (
            Queue(is_executor_alive=False, position=1, last_alive=NOW - 720_000),
            "No executor is running. The last one was at work 12 min 00 s ago. The run starts when a server does.",
        ),
        (Queue(problem="Its code is gone.", position=1), "Nobody can take this run. Its code is gone."),
        (Queue(is_queued=False), "Made, but not started. Whoever made it has to start it."),
    ],
)
def test_a_pending_run_tells_what_it_waits_for(queue, text):
    assert told(not_begun(), queue=queue) == text


def test_a_run_that_starts_later_tells_when():
    later = {"wakes_at": "18:30:00", "starts_at": NOW + 600_000}
    assert told(not_begun(), queue=Queue(is_queued=False), **later) == "Starts 18:30:00. That is in 10 min 00 s."
    nobody = Queue(is_queued=False, is_executor_alive=False)
    assert "No executor is running." in told(not_begun(), queue=nobody, **later)


def test_a_function_that_goes_on_after_its_step_is_told_of():
    lingering = {"block": NOW - 12_000}
    stopped = snapshot_of(status="canceled", ended_at=NOW)
    words = "Step block still finishing since 12.0 s."
    assert told(stopped, lingering=lingering).endswith(f"0 of 8 steps done. {words}")
    assert words in told(running_order(), lingering=lingering)


def test_a_run_that_failed_before_it_began_says_so():
    late = not_begun("failed")
    late.error = {"message": "The run took longer than its time limit of 5 s, which the workflow's code sets."}
    assert told(late).startswith("Failed before it began. The run took longer")


def test_steps_side_by_side_are_named_together():
    side = [record(name, "running", 0) for name in ("reserve_stock", "score_fraud", "quote_shipping")]
    assert told(snapshot_of(*side)).startswith("Running reserve_stock, score_fraud and quote_shipping.")
    graph = [{"type": "parallel", "steps": [step(f"p{n}") for n in range(8)]}]
    many = snapshot_of(*(record(f"p{n}", "running", 0) for n in range(8)))
    assert told(many, graph=graph).startswith("Running p0, p1, p2 and 5 more.")


def test_a_nested_step_is_named_and_not_the_workflow_round_it():
    graph = [{"type": "workflow", "id": "inner", "serializedStepFlow": [step("x")]}]
    assert (
        told(snapshot_of(record("inner", "running", 0), record("inner.x", "running", 0)), graph=graph) == "Running x."
    )


def test_a_foreach_tells_how_many_items_are_done_and_the_past_how_long_it_takes():
    earlier = DurationStats(runs=214, p50=15_100, p95=24_000)
    assert told(running_order(), earlier=earlier) == (
        "Running pack_lines. 3 of 5 items done. About 2.70 s left: 214 earlier runs took 15.1 s at p50, 24.0 s at p95."
    )
    assert "About" not in told(running_order(), earlier=DurationStats(runs=214, p50=5_000, p95=6_000))
    assert "earlier" not in told(running_order(), earlier=DurationStats(runs=2, p50=5_000, p95=6_000))


def test_a_step_between_two_attempts_tells_when_the_next_one_follows():
    waiting = record("charge_card", "running", 0, attempts=[Attempt(1, BEGAN, BEGAN + 10, {}, NOW + 2_000)])
    assert told(snapshot_of(waiting)) == "Running charge_card. Attempt 1 failed, the next one follows in 2.00 s."
    trying = record("charge_card", "running", 0, attempts=[Attempt(1, BEGAN, BEGAN + 10, {}, BEGAN + 20)])
    assert told(snapshot_of(trying)) == "Running charge_card. Attempt 2."


def test_a_cancel_that_has_not_taken_effect_names_the_step_that_is_still_finishing():
    assert told(running_order(), cancel_asked_at=NOW - 12_000) == (
        "Cancel was asked for 12.0 s ago. pack_lines is still finishing."
    )


def test_a_run_that_was_taken_from_a_dead_executor_waits_to_go_on():
    assert told(running_order(), queue=Queue()) == "Waiting to go on. The next free executor takes it."


def test_a_sleeping_run_tells_until_when():
    graph = [{"type": "sleep", "id": "nap", "duration": 60_000}]
    asleep = snapshot_of(record("nap", "waiting", 0, wake_at=NOW + 47_600), status="waiting")
    assert told(asleep, graph=graph, wakes_at="13:05:11") == "Sleeping in nap, until 13:05:11. That is in 47.6 s."
    due = snapshot_of(record("nap", "waiting", 0, wake_at=NOW - 5), status="waiting")
    assert "It is due" in told(due, graph=graph, wakes_at="13:05:11")


def test_a_suspended_run_repeats_the_question_and_counts_the_others():
    asking = [
        record("reserve_stock", "suspended", 0, suspend_payload={"question": "Ship it?"}, suspended_at=NOW - 60_000),
        record("score_fraud", "suspended", 0),
    ]
    assert told(snapshot_of(*asking, status="suspended")) == (
        "reserve_stock asks: Ship it? It has waited 1 min 00 s. 1 other step waits, too. An operator can answer."
    )
    silent = snapshot_of(record("reserve_stock", "suspended", 0, suspend_payload={"n": 1}), status="suspended")
    assert told(silent) == "reserve_stock waits for an answer. An operator can answer."


def test_of_nested_suspensions_the_innermost_step_asks():
    graph = [{"type": "workflow", "id": "inner", "serializedStepFlow": [step("x")]}]
    snapshot = snapshot_of(
        record("inner", "suspended", 0), record("inner.x", "suspended", 0, suspend_payload="Well?"), status="suspended"
    )
    assert told(snapshot, graph=graph) == "x asks: Well? An operator can answer."


def test_an_end_tells_how_long_and_how_far():
    done = snapshot_of(record("validate_order", "success", 0, 5), status="success", ended_at=NOW, chunk_count=8_412)
    assert told(done) == "Finished in 12.4 s. 1 of 8 steps done, 8 412 chunks."
    stopped = snapshot_of(status="canceled", ended_at=NOW)
    assert told(stopped, canceled_by="Mara Lind") == "Canceled by Mara Lind after 12.4 s. 0 of 8 steps done."
    assert told(not_begun("canceled")) == "Canceled before it began."


def test_a_guard_tells_its_reason():
    tripped = snapshot_of(
        record("score_fraud", "failed", 0, 5, error={"message": "no"}),
        status="tripwire",
        tripwire={"reason": "A card number in the text."},
    )
    assert told(tripped) == "Stopped by a guard in score_fraud. A card number in the text."
