"""What steps do to the process that executes them: it survives, or the run that ends it is found and failed."""

import subprocess
import time
from collections import Counter

import httpx
import pytest

from runs.models import WorkflowRun
from runs.store.history import read_events, snapshot
from tests.console_server import ConsoleServer
from tests.executor.rough_workflows import RAISED

LIMIT = 3


@pytest.mark.parametrize("place", ["async", "sync", "condition", "mapping", "sleep", "start", "validator"])
def test_a_run_fails_by_the_name_of_what_was_raised_and_others_go_on(executor, start, until, place):
    beside = start("napping", {"value": 1})
    runs = {kind: start(f"raising-{place}", {"kind": kind}) for kind in RAISED}
    for kind, run in runs.items():
        until(run, "failed")
        assert snapshot(run.id).error["name"] == kind
    until(beside, "success")
    until(start("quick", {"value": 1}), "success")
    assert executor.problem == ""


@pytest.mark.parametrize("kind", RAISED)
def test_a_callback_of_the_end_that_raises_leaves_the_end_as_it_is(executor, start, until, kind):
    until(start("raising-finish", {"kind": kind}), "success")
    until(start("quick", {"value": 1}), "success")


@pytest.mark.parametrize("how", ["task", "callback", "stop", "cancel itself", "cancel all"])
def test_the_executor_goes_on_whatever_a_step_does_to_its_loop(executor, start, until, how):
    run = until(start("meddling", {"how": how}), lambda run: run.status in {"success", "failed"})
    assert (run.status == "failed") is (how == "cancel itself")
    until(start("quick", {"value": 1}), "success")
    until(start("napping", {"value": 1}), "success")
    assert executor.problem == ""


def outlived(process: subprocess.Popen, run: WorkflowRun, seconds: float = 20) -> bool:
    """Wait until the process or the run has ended; whether it was the run."""
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        run.refresh_from_db()
        if run.ended_at is not None:
            return True
        assert time.monotonic() < deadline, (run.status, run.detail)
        time.sleep(0.01)
    return False


def begun(file, run: WorkflowRun) -> int:
    return Counter(file.read_text().splitlines())[f"begin {run.id}"]


@pytest.mark.parametrize(
    ("workflow", "path", "limit"),
    [
        ("killing", "kill", LIMIT),
        ("killing-inside", "killing.kill", 2),
        ("killing-items", "kill[0]", 2),
        ("killing-beside", "kill", 1),
        ("killing-condition", "", 2),
    ],
)
def test_a_step_that_ends_its_process_is_tried_so_often_and_then_its_run_fails(
    start, new_process, tmp_path, monkeypatch, workflow, path, limit
):
    if limit != LIMIT:  # the default
        monkeypatch.setenv("WFCONSOLE_MAX_STEP_CRASHES", str(limit))
    file = tmp_path / "begun"
    run = start(workflow, {"file": str(file)})
    for _ in range(limit):
        assert not outlived(new_process(), run)
        assert WorkflowRun.objects.get(pk=run.id).status == "running"
    assert outlived(new_process(), run)
    assert (run.status, begun(file, run)) == ("failed", limit)
    told = snapshot(run.id)
    assert told.error["name"] == "ProcessEnded"
    assert {1: "once", 2: "2 times", 3: "3 times"}[limit] in told.error["message"]
    if path and limit > 1:
        assert path in told.error["message"]
        assert told.steps[path].status == "failed"
    seqs = [event.seq for event in read_events(run.id)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_run_that_ends_the_process_is_found_among_innocent_ones(start, until, new_process, tmp_path):
    file = tmp_path / "begun"
    innocent = [start("lasting", {"file": str(file), "seconds": 2.5}) for _ in range(2)]
    quick = [start("stamps", {"file": str(tmp_path / f"stamps{n}"), "n": 0}) for n in range(3)]
    guilty = start("killing", {"file": str(file), "seconds": 0.3})
    processes = 0
    while not outlived(new_process(), guilty):
        processes += 1
        assert processes <= 2 * LIMIT
    assert guilty.status == "failed"
    assert begun(file, guilty) == LIMIT
    for run in [*innocent, *quick]:
        until(run, "success", seconds=30)


def test_a_run_that_gets_on_between_two_ends_is_not_counted(start, until, new_process, tmp_path):
    file = tmp_path / "stamps"
    run = start("stamps", {"file": str(file), "n": 0, "seconds": 0.2})
    for stamps in range(1, LIMIT + 2):
        process = new_process()
        until(run, lambda run, stamps=stamps: file.exists() and file.read_text().count("end") >= stamps, seconds=15)
        process.kill()
        process.wait()
    new_process()
    until(run, "success", seconds=15)


def test_an_orderly_stop_is_not_counted(start, until, new_process):
    hanging = start("hanging")
    for _ in range(LIMIT):
        process = new_process()
        seen = WorkflowRun.objects.get(pk=hanging.id).epoch
        until(hanging, lambda run, seen=seen: run.epoch > seen and not run.queued, seconds=15)
        process.terminate()
        process.wait(15)
    hanging.refresh_from_db()
    assert (hanging.status, hanging.queued, hanging.crashes) == ("running", True, None)


def test_a_console_whose_executor_died_says_so_and_ends_to_be_started_again(new_console):
    console: ConsoleServer = new_console({"WFCONSOLE_WORKFLOWS": "tests.executor.workflows"})
    console.manage("start_run", "meddling", "--input", '{"how": "break the executor"}')
    deadline = time.monotonic() + 10
    while (answer := httpx.get(f"{console.url}/healthz", timeout=5)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer.status_code == 503
    assert answer.json()["reason"] == "The executor has ended: AttributeError."
    assert console.process.wait(10) == 70
    last = [line for line in console.log.splitlines() if line.startswith("wfconsole: ")][-1]
    assert (
        last
        == "wfconsole: The executor has ended: AttributeError. The process ends now, so that it can be started again."
    )
