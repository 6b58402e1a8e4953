"""Time limits and later starts: kept to whatever the run does, and whoever executes it."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from runs.actions.restart import travel
from runs.actions.start import InvalidTime
from runs.executor import dispatch
from runs.models import Actor, WorkflowDefinition
from runs.store.history import read_events, snapshot

LIMIT = "The run took longer than its time limit of"


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def told(run) -> dict:
    return read_events(run.id)[-1].decoded()["error"]


@pytest.mark.parametrize("workflow", ["hanging", "blocking", "asking"])
def test_a_run_fails_at_its_deadline_whatever_it_does(executor, start, until, workflow):
    run = until(start(workflow, time_limit=0.4), "failed", seconds=5)
    assert told(run) == {
        "message": f"{LIMIT} 0.4 s, which was set when it was started.",
        "name": "TimeoutError",
    }
    assert run.detail.startswith(LIMIT)
    assert snapshot(run.id).status == "failed"
    assert 0.3 < (run.ended_at - run.created_at).total_seconds() < 3


def test_a_sleeping_run_fails_at_its_deadline(executor, start, until):
    run = until(start("dozing", {"value": 1}, time_limit=0.5), "failed", seconds=5)
    assert run.wake_at is None
    assert [event.type for event in read_events(run.id)].count("workflow-finish") == 1


def test_a_queued_run_fails_at_its_deadline(executor, start, until):
    WorkflowDefinition.objects.filter(pk="hanging").update(concurrency=1)
    first = until(start("hanging"), lambda run: run.last_seq >= 3)
    second = until(start("hanging", time_limit=0.3), "failed", seconds=5)
    assert (second.started_at, second.queued) == (None, False)
    dispatch.cancel(first.id, actor=Actor("tests"))


def test_deadlines_and_later_starts_survive_the_death_of_their_process(start, until, new_process):
    process = new_process()
    until(start("quick", {"value": 1}), "success", seconds=20)
    at_work, asking = start("hanging", time_limit=4), start("asking", time_limit=4)
    later = start("quick", {"value": 1}, start_at=soon(4))
    until(at_work, lambda run: run.last_seq >= 3)
    until(asking, "suspended")
    process.kill()
    process.wait()
    new_process()
    for run in (at_work, asking):
        until(run, lambda run: run.ended_at, seconds=20)
        assert (run.status, told(run)["name"]) == ("failed", "TimeoutError")
        assert (run.ended_at - run.created_at).total_seconds() >= 4
    run = until(later, "success", seconds=20)
    assert run.started_at >= run.created_at + timedelta(seconds=3.9)


def test_the_consoles_limit_wins_over_the_codes_and_the_starts_over_both(start):
    WorkflowDefinition.objects.filter(pk="quick").update(time_limit=90)
    console, own = start("quick", {"value": 1}), start("quick", {"value": 1}, time_limit=120)
    assert read_events(console.id)[0].decoded()["deadline"]["setBy"] == "console"
    assert (console.deadline_at - console.created_at).total_seconds() == 90
    assert (own.deadline_at - own.created_at).total_seconds() == 120
    assert start("echoing", 1).deadline_at is None


def test_a_run_that_is_sent_back_to_a_step_has_its_whole_time_again(executor, start, until):
    run = until(start("asking", time_limit=0.4), "failed", seconds=5)
    began = datetime.now(UTC)
    travel(run.id, {"step": "ask"}, actor=Actor("tests"))
    run = until(run, "suspended")
    assert run.deadline_at > began
    until(run, lambda run: run.status == "failed", seconds=5)


def test_a_run_starts_at_its_time_and_not_before(executor, start, until):
    run = start("quick", {"value": 1}, start_at=soon(0.6))
    assert (run.status, run.queued) == ("pending", False)
    run = until(run, "success", seconds=5)
    assert run.started_at >= run.created_at + timedelta(seconds=0.55)
    assert run.wake_at is None


def test_the_time_of_a_later_start_counts_from_that_start(start):
    run = start("quick", {"value": 1}, start_at=soon(3600), time_limit=60)
    assert 3650 < (run.deadline_at - run.created_at).total_seconds() < 3670


def test_a_run_that_is_to_start_later_is_canceled_at_once(start):
    run = start("quick", {"value": 1}, start_at=soon(3600))
    assert dispatch.cancel(run.id, actor=Actor("tests"))
    run.refresh_from_db()
    assert (run.status, run.wake_at) == ("canceled", None)


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("startAt", {"start_at": datetime(2020, 1, 1, tzinfo=UTC)}),
        ("startAt", {"start_at": datetime(2026, 1, 1)}),
        ("startAt", {"start_at": datetime(2999, 1, 1, tzinfo=UTC)}),
        ("timeLimit", {"time_limit": 0}),
        ("timeLimit", {"time_limit": 1e12}),
    ],
)
def test_times_that_cannot_be_kept_to_are_refused(start, field, options):
    with pytest.raises(InvalidTime) as refused:
        start("quick", {"value": 1}, **options)
    assert refused.value.field == field


def test_the_card_tells_which_function_goes_on_after_its_step(executor, start, until):
    run = until(start("stubborn"), lambda run: run.last_seq >= 3)
    asked = time.time() * 1000
    dispatch.cancel(run.id, actor=Actor("tests"))
    run = until(run, lambda run: run.lingering)
    assert run.status == "canceled"
    assert list(run.lingering) == ["stand"]
    assert run.lingering["stand"] >= asked - 100
    until(run, lambda run: run.lingering is None, seconds=5)  # its sleep is over, and the thread with it


def test_the_next_executor_forgets_functions_that_ended_with_their_process(start, until, new_process):
    run = start("blocking")
    process = new_process()
    until(run, lambda run: run.last_seq >= 3, seconds=20)
    dispatch.cancel(run.id, actor=Actor("tests"))
    until(run, lambda run: run.lingering, seconds=10)
    process.kill()
    process.wait()
    new_process()
    until(run, lambda run: run.lingering is None, seconds=20)
