"""Runs executed in this process."""

import pytest

from runs.actions.start import StartRequest, start_run
from runs.executor import dispatch
from runs.models import Actor, WorkflowDefinition, WorkflowRun
from runs.store.history import read_events, snapshot
from tests.executor.workflows import STAMPS

LARGEST = 9223372036854775807


def test_a_run_goes_from_start_to_result(executor, start, until):
    run = until(start("quick", {"value": 1}), "success")
    assert run.started_at <= run.ended_at
    assert (run.queued, run.epoch) == (False, 1)
    told = snapshot(run.id)
    assert told.result == {"value": 4}
    assert told.step_execution_path == ["first", "second", "third"]
    events = read_events(run.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert run.last_seq == len(events)
    assert run.trace_id == (told.trace_id or "")


def test_whole_numbers_of_64_bits_survive(executor, start, until):
    value = {"largest": LARGEST, "beyond": 2**64 - 1, "least": -(2**63), "tenth": 0.1, "odd": 9007199254740993}
    assert snapshot(until(start("echoing", value), "success").id).result == value
    assert snapshot(until(start("quick", {"value": LARGEST - 3}), "success").id).result == {"value": LARGEST}


def test_a_step_that_fails_ends_its_run_with_the_error_on_the_card(executor, start, until):
    run = until(start("failing"), "failed")
    assert "no such order" in run.detail
    assert snapshot(run.id).error["message"] == "no such order"


def test_a_large_value_goes_through_a_run(executor, start, until):
    value = {"n": 1, "blob": ["ü" * 500] * 300}
    run = until(start("echoing", value), "success")
    assert snapshot(run.id).result == value
    assert all(event.large is None for event in read_events(run.id))


def test_runs_queued_before_the_executor_came_are_executed(start, until, request):
    runs = [start("quick", {"value": n}) for n in range(5)]
    request.getfixturevalue("executor")
    assert [snapshot(until(run, "success").id).result["value"] for run in runs] == [3, 4, 5, 6, 7]


def test_a_run_queued_by_another_process_starts_by_the_sweep(executor, start, until, monkeypatch):
    monkeypatch.setattr(dispatch, "_executor", None)  # as in `manage.py start_run`: nobody here to poke
    until(start("quick", {"value": 1}), "success", seconds=3)


def test_many_runs_at_once_all_end(executor, start, until, settings):
    runs = [start("quick", {"value": n}) for n in range(150)]
    for n, run in enumerate(runs):
        until(run, "success", seconds=30)
        assert snapshot(run.id).result == {"value": n + 3}


def test_a_step_that_blocks_stops_no_other_run(executor, start, until):
    until(start("blocking"), lambda run: run.last_seq >= 2)
    until(start("quick", {"value": 1}), "success", seconds=3)


def test_a_sleeper_leaves_memory_and_goes_on_when_it_is_due(executor, start, until):
    run = until(start("dozing", {"value": 1}), "waiting")
    assert run.wake_at is not None
    deadline_seconds = 3
    run = until(run, lambda run: run.id not in executor._executions, deadline_seconds)
    assert run.status == "waiting"
    run = until(run, "success", seconds=5)
    assert run.epoch == 2  # claimed anew
    assert run.wake_at is None
    assert snapshot(run.id).result == {"value": 3}


def test_a_short_sleep_stays_in_its_task(executor, start, until):
    run = until(start("napping", {"value": 1}), "success")
    assert run.epoch == 1


def test_a_workflow_has_no_more_runs_at_once_than_it_may(executor, start, until):
    WorkflowDefinition.objects.filter(pk="hanging").update(concurrency=2)
    for _ in range(5):
        start("hanging")
    until(start("quick", {"value": 1}), "success")  # the others are not held up
    until(WorkflowRun.objects.filter(workflow="hanging").earliest("created_at"), lambda run: run.last_seq >= 2)
    assert WorkflowRun.objects.in_hand().count() == 2
    state = dispatch.executor_state()
    assert (state.alive, state.running, state.queued, state.kind) == (True, 2, 3, "embedded")
    assert state.oldest_queued_seconds > 0
    for run in WorkflowRun.objects.filter(workflow="hanging"):
        dispatch.cancel(run.id, actor=Actor("tests"))


def test_a_higher_priority_goes_first(start, until, settings, request, tmp_path):
    settings.CONCURRENCY = 1
    stamps = tmp_path / "stamps"
    given = {"file": str(stamps), "n": STAMPS - 1, "seconds": 0}
    runs = [start("stamps", given, priority=priority) for priority in (0, 5, -5, 5)]
    request.getfixturevalue("executor")
    for run in runs:
        until(run, "success")
    # By the lines that the steps wrote: two runs can begin in one millisecond, so their times do not order them.
    begun = [line.split()[1] for line in stamps.read_text().splitlines() if line.startswith("begin")]
    assert begun == [runs[place].id for place in (1, 3, 0, 2)]  # of equals, the older one


def test_a_run_of_a_version_that_is_not_here_waits_and_says_so(executor, start, until):
    definition = WorkflowDefinition.objects.get(pk="quick")
    version = definition.current
    version.pk, version.number, version.content_hash, version.graph = None, 2, "other", [{"type": "other"}]
    version.save()
    run = start_run(StartRequest(workflow_id="asking"), actor=Actor("tests"))
    until(run, "suspended")
    run = WorkflowRun(id="later", workflow=definition, version=version, queued=True)
    WorkflowRun.objects.insert(run)
    run = until(run, lambda run: run.detail, seconds=3)
    assert "version 2 of quick" in run.detail
    assert (run.status, run.queued) == ("pending", True)


def test_a_stopped_executor_gives_its_runs_back(start, until, request, workflows):
    from runs.executor.embedded import EmbeddedExecutor

    first = EmbeddedExecutor()
    first.start()
    run = until(start("hanging"), lambda run: run.last_seq >= 3)
    first.stop()
    run.refresh_from_db()
    assert (run.status, run.queued) == ("running", True)
    request.getfixturevalue("executor")
    until(run, lambda run: run.epoch == 2)
    dispatch.cancel(run.id, actor=Actor("tests"))
    until(run, "canceled")


def test_the_executor_tells_that_it_is_alive(executor, until):
    import time

    deadline = time.monotonic() + 5
    while not dispatch.executor_state().alive:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    executor.stop()
    state = dispatch.executor_state()
    assert (state.alive, state.workers) == (False, 0)


@pytest.mark.parametrize("page_size", [1, 7, 100])
def test_the_history_is_paged_without_gap_or_repetition(start, page_size):
    from datetime import UTC, datetime

    runs = [start("echoing", n) for n in range(23)]
    WorkflowRun.objects.filter(pk__in=[run.id for run in runs[5:12]]).update(
        created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    seen: list[str] = []
    page = list(WorkflowRun.objects.newest_first()[:page_size])
    while page:
        seen += [run.id for run in page]
        page = list(WorkflowRun.objects.newest_first().before(page[-1].cursor)[:page_size])
    assert seen == [run.id for run in WorkflowRun.objects.newest_first()]
    assert len(set(seen)) == 23
