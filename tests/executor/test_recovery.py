"""Processes that die at any moment: nothing committed is lost, and only the step in flight runs twice."""

import random
import signal
import time
from collections import Counter

import pytest
from django.conf import settings

from runs.executor import dispatch
from runs.models import Actor, WorkflowRun
from runs.store.history import read_events, snapshot
from tests.executor.workflows import STAMPS


def lines(file) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_a_run_goes_on_where_its_process_was_killed(start, until, new_process, tmp_path):
    file = tmp_path / "stamps"
    run = start("stamps", {"file": str(file), "n": 0, "seconds": 0.05})
    process = new_process()
    until(run, lambda run: run.last_seq >= 8)
    process.kill()
    process.wait()
    before = read_events(run.id)
    new_process()
    until(run, "success", seconds=15)
    events = read_events(run.id)
    assert events[: len(before)] == before  # what was shown stays
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    begun = Counter(line for line in lines(file) if line.startswith("begin"))
    assert len(begun) == STAMPS
    assert sum(begun.values()) <= STAMPS + 1  # the step in flight, if there was one


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_random_moments_lose_nothing(start, until, new_process, tmp_path, seed):
    chance = random.Random(seed)
    runs = [start("stamps", {"file": str(tmp_path / f"run{n}"), "n": 0}) for n in range(12)]
    process = new_process()
    kills = 0
    while WorkflowRun.objects.active().exists() and kills < 4:
        time.sleep(chance.uniform(0.02, 0.25))  # the moment of the kill is what this test is about
        process.kill()
        process.wait()
        kills += 1
        process = new_process()
    for n, run in enumerate(runs):
        run = until(run, "success", seconds=30)
        events = read_events(run.id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert snapshot(run.id).result["n"] == STAMPS
        ends = Counter(line for line in lines(tmp_path / f"run{n}") if line.startswith("end"))
        assert len(ends) == STAMPS
        assert sum(ends.values()) <= STAMPS + kills


def test_of_two_servers_one_executes_and_the_other_takes_over(start, until, new_process, tmp_path):
    leader = new_process()
    until(start("quick", {"value": 1}), "success")
    follower = new_process()
    file = tmp_path / "stamps"
    run = start("stamps", {"file": str(file), "n": 0, "seconds": 0.4})
    until(run, lambda run: run.last_seq >= 6)
    assert WorkflowRun.objects.get(pk=run.id).worker.endswith(f":{leader.pid}")
    leader.kill()
    leader.wait()
    killed_at = time.monotonic()
    until(run, lambda run: run.worker.endswith(f":{follower.pid}"), seconds=8)
    assert time.monotonic() - killed_at < 5
    until(run, "success", seconds=15)
    begun = Counter(line for line in lines(file) if line.startswith("begin"))
    assert sum(begun.values()) <= STAMPS + 1


@pytest.mark.skipif(settings.ON_POSTGRESQL, reason="its lock ends with its connection, not with a file")
def test_a_process_that_was_frozen_overwrites_nothing(start, until, new_process, tmp_path, executor):
    """Its lock is gone with its data folder here, as with a network file system that forgets it: two leaders."""
    executor.stop()
    file = tmp_path / "stamps"
    run = start("stamps", {"file": str(file), "n": 0, "seconds": 0.1})
    frozen = new_process()
    until(run, lambda run: run.last_seq >= 6)
    frozen.send_signal(signal.SIGSTOP)
    (tmp_path / "executor.lock").unlink(missing_ok=True)
    new_process()
    until(run, lambda run: not run.worker.endswith(f":{frozen.pid}"), seconds=8)
    frozen.send_signal(signal.SIGCONT)
    until(run, "success", seconds=15)
    events = read_events(run.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events].count("workflow-finish") == 1
    assert snapshot(run.id).result["n"] == STAMPS


def test_an_ended_server_gives_its_runs_back(start, until, new_process):
    process = new_process()
    run = until(start("blocking"), lambda run: run.last_seq >= 3)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(15)
    assert time.monotonic() - began < 6  # a step that blocks its thread for half a minute holds nothing up
    run.refresh_from_db()
    assert (run.status, run.queued) == ("running", True)
    assert dispatch.cancel(run.id, actor=Actor("tests"))  # nobody works on it: done at once
    run.refresh_from_db()
    assert run.status == "canceled"


def test_a_cancel_asked_of_a_dead_server_is_carried_out_by_the_next(start, until, new_process):
    process = new_process()
    run = until(start("hanging"), lambda run: run.last_seq >= 3)
    process.kill()
    process.wait()
    assert dispatch.cancel(run.id, actor=Actor("vera"))
    run.refresh_from_db()
    assert run.status == "running"
    new_process()
    until(run, "canceled", seconds=10)
    assert read_events(run.id)[-1].decoded() == {"by": "vera"}
