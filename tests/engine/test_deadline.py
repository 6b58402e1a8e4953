"""How long a run and its steps may take, and what becomes of functions that go on after their step is over."""

import asyncio
import threading
import time

import pytest

from runs.engine import StepContext, Workflow, fold, step
from runs.engine.errors import InvalidWorkflow
from runs.engine.log.deadline import Deadline, in_words
from runs.engine.log.events import Event, EventType
from runs.engine.walk import threads as step_threads
from runs.engine.walk.threads import StepStopped


@step(id="endless")
async def endless(ctx: StepContext) -> None:
    await asyncio.Event().wait()


@step(id="ask")
async def ask(ctx: StepContext) -> object:
    return await ctx.suspend({"message": "Go on?"})


async def test_a_step_has_a_limit_of_its_own():
    @step(timeout=0.02)
    async def slow(ctx: StepContext) -> None:
        await asyncio.sleep(5)

    result = await Workflow(id="w").then(slow).commit().create_run().start()
    assert result.error == {
        "message": "The step slow took longer than its time limit of 0.02 s.",
        "name": "TimeoutError",
    }


async def test_a_step_that_is_out_of_time_is_tried_again():
    @step(timeout=0.05, retries=1)
    async def slow_at_first(ctx: StepContext) -> int:
        if not ctx.retry_count:
            await asyncio.sleep(5)
        return ctx.retry_count

    result = await Workflow(id="w").then(slow_at_first).commit().create_run().start()
    assert (result.status, result.result) == ("success", 1)


@pytest.mark.parametrize("limit", [0, -1, "5", True])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(InvalidWorkflow, match="timeout is"):
        Workflow(id="w", timeout=limit)
    with pytest.raises(InvalidWorkflow, match="timeout is"):
        step(timeout=limit)(lambda ctx: None)


async def test_a_run_that_is_out_of_time_fails_whatever_its_steps_do():
    workflow = Workflow(id="w", timeout=0.05).then(endless).commit()
    result = await workflow.create_run().start()
    assert result.status == "failed"
    assert result.error == {
        "message": "The run took longer than its time limit of 0.05 s, which the workflow's code sets.",
        "name": "TimeoutError",
    }


async def test_the_limit_of_a_start_wins_over_the_workflows():
    workflow = Workflow(id="w", timeout=60).then(endless).commit()
    result = await workflow.create_run().start(timeout=0.05)
    assert "0.05 s, which was set when it was started" in result.error["message"]


async def test_a_run_that_ends_in_time_is_left_alone():
    @step
    async def quick(ctx: StepContext) -> int:
        return 1

    result = await Workflow(id="w", timeout=60).then(quick).commit().create_run().start()
    assert result.result == 1


async def test_the_time_of_a_run_goes_on_while_it_waits_for_an_answer():
    run = Workflow(id="w", timeout=0.05).then(ask).commit().create_run()
    assert (await run.start()).status == "suspended"
    await asyncio.sleep(0.06)  # what this test is about
    result = await run.resume(resume_data={})
    assert (result.status, result.error["name"]) == ("failed", "TimeoutError")


def test_a_run_that_is_sent_back_has_its_whole_time_again():
    deadline = Deadline.after(60, "start", 1_000)
    start = Event(1, EventType.RUN_START, 1_000, b'{"deadline":{"at":61000,"seconds":60,"setBy":"start"}}')
    travel = Event(2, EventType.RUN_TIME_TRAVEL, 90_000, b'{"step":["a"]}')
    assert fold("r", "w", [start]).deadline == deadline
    assert fold("r", "w", [start, travel]).deadline.at == 150_000


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "0.5 s"), (90, "90 s"), (120, "2 min"), (7200, "2 h"), (86_400, "1 d")]
)
def test_limits_are_told_in_units_that_people_use(seconds, words):
    assert in_words(seconds) == words


async def _until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (a thread sets it)
            await asyncio.sleep(0.005)


async def test_a_function_in_a_thread_is_stopped_after_its_grace(monkeypatch):
    monkeypatch.setattr(step_threads, "GRACE_SECONDS", 0.05)
    seen: list[str] = []

    @step(timeout=0.03)
    def busy(ctx: StepContext) -> None:
        try:
            while True:
                time.sleep(0.005)
        except StepStopped:
            seen.append(threading.current_thread().name)
            raise

    result = await Workflow(id="w").then(busy).commit().create_run().start()
    assert result.error["name"] == "TimeoutError"
    await _until(lambda: seen)
    assert seen == ["workflow-step"]


async def test_a_function_that_was_left_behind_writes_nothing_more():
    left, written = threading.Event(), []

    @step(timeout=0.03)
    def writes_late(ctx: StepContext) -> None:
        left.wait(5)
        try:
            ctx.writer.write("too late")
        except StepStopped:
            written.append("refused")
            raise

    run = Workflow(id="w").then(writes_late).commit().create_run()
    await run.start()
    left.set()
    await _until(lambda: written)
    events = await run.workflow.store.load(run.run_id)
    assert events[-1].type == EventType.RUN_FINISH


async def test_threads_of_functions_that_ended_by_themselves_are_used_again():
    used: list[int] = []

    @step
    def quick(ctx: StepContext) -> None:
        used.append(threading.get_ident())

    workflow = Workflow(id="w").then(quick).commit()
    for _ in range(3):
        await workflow.create_run().start()
        await asyncio.sleep(0.01)  # the thread is back in its place a moment after the step's end
    assert len(set(used)) == 1
