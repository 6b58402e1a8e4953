"""Cancel: of whatever a run is doing, from wherever it is asked."""

import time

import pytest

from runs.executor import dispatch, stuck_runs
from runs.models import Actor, AuditEntry
from runs.store.history import read_events, snapshot


def test_a_queued_run_is_canceled_without_an_executor(start, operator):
    run = start("quick", {"value": 1})
    assert dispatch.cancel(run.id, actor=Actor.person(operator, "10.1.2.3"))
    run.refresh_from_db()
    assert (run.status, run.queued) == ("canceled", False)
    assert run.ended_at is not None
    last = read_events(run.id)[-1]
    assert (last.type, last.decoded(), last.seq) == ("workflow-canceled", {"by": "Olaf"}, 2)
    assert snapshot(run.id).status == "canceled"
    entry = AuditEntry.objects.get(verb="cancel")
    assert (entry.actor, entry.address, entry.object_id) == (operator, "10.1.2.3", run.id)


def test_a_suspended_run_is_canceled_without_an_executor(executor, start, until):
    run = until(start("asking"), "suspended")
    executor.stop()
    assert dispatch.cancel(run.id, actor=Actor("tests"))
    run.refresh_from_db()
    assert run.status == "canceled"
    assert snapshot(run.id).status == "canceled"


def test_a_sleeping_run_is_canceled_without_an_executor(executor, start, until):
    run = until(start("dozing", {"value": 1}), "waiting")
    executor.stop()
    assert dispatch.cancel(run.id, actor=Actor("tests"))
    run.refresh_from_db()
    assert (run.status, run.wake_at) == ("canceled", None)


@pytest.mark.parametrize("workflow", ["hanging", "listening", "blocking"])
def test_a_step_that_never_ends_is_canceled_at_once(executor, start, until, workflow):
    run = until(start(workflow), lambda run: run.last_seq >= 3)
    began = time.monotonic()
    assert dispatch.cancel(run.id, actor=Actor("vera"))
    until(run, "canceled")
    assert time.monotonic() - began < 0.5  # 0.1 s on a machine that is not shared
    events = read_events(run.id)
    assert events[-1].type == "workflow-canceled"
    assert events[-1].decoded() == {"by": "vera"}
    assert [event.type for event in events].count("workflow-canceled") == 1
    assert snapshot(run.id).status == "canceled"


def test_a_cancel_asked_in_another_process_is_seen(executor, start, until, monkeypatch):
    run = until(start("hanging"), lambda run: run.last_seq >= 3)
    monkeypatch.setattr(dispatch, "_executor", None)
    assert dispatch.cancel(run.id, actor=Actor("vera"))
    until(run, "canceled", seconds=3)
    assert read_events(run.id)[-1].decoded() == {"by": "vera"}


def test_a_run_that_has_ended_is_not_canceled(executor, start, until):
    run = until(start("quick", {"value": 1}), "success")
    before = read_events(run.id)
    assert dispatch.cancel(run.id, actor=Actor("tests")) is False
    assert dispatch.cancel("nobody", actor=Actor("tests")) is False
    run.refresh_from_db()
    assert run.status == "success"
    assert read_events(run.id) == before
    assert not AuditEntry.objects.filter(verb="cancel").exists()


def test_a_cancel_during_a_short_sleep_ends_the_run(executor, start, until):
    runs = [start("napping", {"value": n}) for n in range(10)]
    for run in runs:
        until(run, lambda run: run.last_seq >= 2)
        dispatch.cancel(run.id, actor=Actor("tests"))
    for run in runs:
        until(run, lambda run: run.status in {"canceled", "success"})
        events = read_events(run.id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert snapshot(run.id).status == run.status


def test_a_cancel_reaches_a_running_step_within_a_tenth_of_a_second(executor, start, until, client_for, operator):
    client = client_for(operator)
    took = []
    for _ in range(5):
        run = until(start("listening-closely"), lambda run: run.last_seq >= 3)
        began = time.time()
        assert client.post(f"/runs/{run.id}/cancel/").status_code == 302
        until(run, "canceled")
        heard = read_events(run.id, types=["workflow-step-output"])[-1].decoded()["output"]
        took.append(heard - began)
    assert min(took) < 0.1, took  # the rest is what else the machine had to do


def test_a_canceled_function_in_a_thread_is_stopped_when_python_can(executor, start, until, tmp_path, monkeypatch):
    from runs.engine.walk import threads

    monkeypatch.setattr(threads, "GRACE_SECONDS", 0.3)
    file = tmp_path / "ended"
    run = until(start("looping", {"file": str(file)}), lambda run: run.last_seq >= 3)
    dispatch.cancel(run.id, actor=Actor("tests"))
    until(run, "canceled")
    until(run, lambda run: run.lingering is None and file.exists(), seconds=5)
    assert file.read_text() == "StepStopped"


def test_a_run_canceled_while_its_last_step_blocks_the_loop_ends_as_canceled(executor, start, until):
    run = until(start("freezing"), lambda run: run.last_seq >= 3)
    time.sleep(0.2)  # until the step blocks: nothing tells of it
    assert dispatch.cancel(run.id, actor=Actor("vera"))
    until(run, "canceled")
    assert read_events(run.id)[-1].decoded() == {"by": "vera"}


STUCK = ["swallowing", "swallowing-inside", "swallowing-items", "swallowing-condition", "swallowing-start"]


@pytest.mark.parametrize("workflow", STUCK)
def test_a_run_is_canceled_although_its_code_ignores_that(executor, start, until, monkeypatch, workflow):
    monkeypatch.setattr(stuck_runs, "STOP_SECONDS", 0.3)
    # The executor of the test before may take a while to let go of a step that ignores everything.
    run = until(start(workflow, {"value": 1}), "running", seconds=40)
    assert dispatch.cancel(run.id, actor=Actor("vera"))
    until(run, "canceled", seconds=20)
    events = read_events(run.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (events[-1].type, events[-1].decoded()) == ("workflow-canceled", {"by": "vera"})
    assert snapshot(run.id).status == "canceled"
    until(run, lambda run: executor.running == 0)  # its slot is free
    until(start("quick", {"value": 1}), "success")


def test_a_run_fails_at_its_deadline_although_its_step_ignores_that(executor, start, until, monkeypatch):
    monkeypatch.setattr(stuck_runs, "STOP_SECONDS", 0.3)
    run = until(start("swallowing", time_limit=0.3), "failed", seconds=40)
    assert run.detail.startswith("The run took longer than its time limit of")
    until(run, lambda run: executor.running == 0)
