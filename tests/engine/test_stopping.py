"""Cancel, interruption, and runs whose task ends while they sleep."""

import asyncio
import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from runs.engine import (
    CancelToken,
    Fenced,
    InvalidWorkflow,
    MemoryRunStore,
    RunCard,
    RunStatus,
    StepContext,
    Workflow,
    execute,
    fold,
    step,
)
from runs.engine.definition.definition_shape import check_shape


class Task:
    """A run as an executor owns it."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.store = MemoryRunStore()
        self.cancel = CancelToken()

    async def begin(self, input_data: object = None) -> None:
        await self.store.create(RunCard("r", self.workflow.id, RunStatus.PENDING, 1, 1))
        log = await self.store.claim("r", expected=[RunStatus.PENDING])
        assert log is not None
        log.append("workflow-start", {"workflowId": self.workflow.id, "input": input_data})

    async def go_on(self, **options: Any) -> RunStatus:
        log = await self.store.claim("r", expected=list(RunStatus))
        assert log is not None
        return await execute(self.workflow, log, await self.store.load("r"), cancel=self.cancel, **options)

    async def snapshot(self):
        return fold("r", self.workflow.id, await self.store.load("r"))


def endless(begun: asyncio.Event):
    @step(id="endless")
    async def wait(ctx: StepContext[object]) -> None:
        begun.set()
        await asyncio.Event().wait()

    return wait


@step
async def end(ctx: StepContext[object]) -> str:
    return "end"


async def test_a_step_that_never_ends_is_interrupted_after_its_grace():
    begun = asyncio.Event()
    task = Task(Workflow(id="wf").then(endless(begun)).then(end).commit())
    await task.begin()
    running = asyncio.create_task(task.go_on(interrupt_after=0.01))
    await begun.wait()
    task.cancel.cancel("ada")
    assert await running is RunStatus.CANCELED
    snapshot = await task.snapshot()
    assert snapshot.canceled_by == "ada"
    assert snapshot.steps["endless"].status == "canceled"
    assert "end" not in snapshot.steps


async def test_a_blocking_step_is_left_behind_after_its_grace():
    begun, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    @step
    def block(ctx: StepContext[object]) -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait(10)

    task = Task(Workflow(id="wf").then(block).commit())
    await task.begin()
    running = asyncio.create_task(task.go_on(interrupt_after=0.01))
    await begun.wait()
    task.cancel.cancel_threadsafe()
    assert await running is RunStatus.CANCELED
    release.set()


async def test_a_step_that_listens_ends_at_once():
    begun = asyncio.Event()

    @step
    async def listen(ctx: StepContext[object]) -> str:
        begun.set()
        await ctx.abort_signal.wait()
        return "stopped"

    task = Task(Workflow(id="wf").then(listen).then(end).commit())
    await task.begin()
    running = asyncio.create_task(task.go_on())
    await begun.wait()
    task.cancel.cancel()
    assert await running is RunStatus.CANCELED
    assert (await task.snapshot()).steps["listen"].output == "stopped"


async def test_a_run_canceled_before_it_is_executed_runs_no_step():
    task = Task(Workflow(id="wf").then(end).commit())
    await task.begin()
    task.cancel.cancel()
    assert await task.go_on() is RunStatus.CANCELED
    assert not (await task.snapshot()).steps


async def test_a_task_that_is_cancelled_from_outside_writes_nothing_more():
    begun = asyncio.Event()
    task = Task(Workflow(id="wf").then(endless(begun)).commit())
    await task.begin()
    running = asyncio.create_task(task.go_on(interrupt_after=5))
    await begun.wait()
    before = await task.store.load("r")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await task.store.load("r") == before
    assert (await task.store.card("r")).status is RunStatus.RUNNING


async def test_a_run_that_somebody_else_has_taken_over_writes_nothing_more():
    begun = asyncio.Event()
    go = asyncio.Event()

    @step
    async def slow(ctx: StepContext[object]) -> str:
        begun.set()
        await go.wait()
        return "late"

    task = Task(Workflow(id="wf").then(slow).then(end).commit())
    await task.begin()
    first = asyncio.create_task(task.go_on())
    await begun.wait()
    await task.store.claim("r", expected=list(RunStatus))
    before = await task.store.load("r")
    go.set()
    with pytest.raises(Fenced):
        await first
    assert await task.store.load("r") == before


async def test_a_long_sleep_ends_the_task_and_the_run_goes_on_when_it_is_due():
    task = Task(Workflow(id="wf").sleep(0.05, id="nap").then(end).commit())
    await task.begin({"n": 1})
    assert await task.go_on(park_after=0.01) is RunStatus.WAITING
    card = await task.store.card("r")
    assert card.status is RunStatus.WAITING
    snapshot = await task.snapshot()
    assert card.wake_at == snapshot.steps["nap"].wake_at
    assert snapshot.status is RunStatus.WAITING
    assert await task.go_on(park_after=10) is RunStatus.SUCCESS  # sleeps for what is left of it
    finished = await task.snapshot()
    assert finished.result == "end"
    assert finished.step_execution_path == ["nap", "end"]
    assert finished.steps["nap"].ended_at >= card.wake_at
    assert (await task.store.card("r")).wake_at is None


async def test_a_block_parks_only_when_all_that_is_left_of_it_sleeps():
    sleeper = Workflow(id="sleeper").sleep(60, id="nap").then(end).commit()
    shorter = Workflow(id="shorter").sleep(30, id="nap").then(end).commit()
    ran: list[str] = []

    @step
    async def work(ctx: StepContext[object]) -> str:
        await asyncio.sleep(0.01)
        ran.append("work")
        return "work"

    task = Task(Workflow(id="wf").parallel([sleeper, shorter, work]).commit())
    await task.begin()
    assert await task.go_on(park_after=1) is RunStatus.WAITING
    snapshot = await task.snapshot()
    assert ran == ["work"]
    assert snapshot.steps["work"].output == "work"
    assert (await task.store.card("r")).wake_at == snapshot.steps["shorter.nap"].wake_at


async def test_a_short_sleep_does_not_end_the_task():
    task = Task(Workflow(id="wf").sleep(0.005).then(end).commit())
    await task.begin()
    assert await task.go_on(park_after=1) is RunStatus.SUCCESS


FAR = [1e300, float("inf"), float("nan"), 2**63, 101 * 366 * 86_400]
MOMENTS = [
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
]


@pytest.mark.parametrize("end", FAR + MOMENTS, ids=str)
async def test_a_sleep_without_an_end_that_a_date_can_express_is_refused_or_fails_its_run(end):
    add = Workflow.sleep_until if isinstance(end, datetime) else Workflow.sleep
    with pytest.raises(InvalidWorkflow, match="Sleep nap cannot be: A sleep "):
        add(Workflow(id="wf"), end, id="nap")
    result = await add(Workflow(id="wf"), lambda ctx: end, id="nap").commit().create_run().start()
    assert (result.status, result.error["name"]) == ("failed", "ValueError")
    assert result.error["message"].startswith("A sleep ")


async def test_a_definition_with_a_sleep_that_no_date_can_express_is_refused_with_its_place():
    entries = [{"type": "sleep", "id": f"s{n}", "duration": 1000 * end} for n, end in enumerate([1e300, 2**62])]
    dates = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-01:00"]
    entries += [{"type": "sleepUntil", "id": f"d{n}", "date": date} for n, date in enumerate(dates)]
    shape = {"id": "wf", "inputSchema": {}, "outputSchema": {}, "graph": entries}
    assert [issue.path for issue in check_shape(shape)] == [
        "graph.0.duration",
        "graph.1.duration",
        "graph.2.date",
        "graph.3.date",
    ]
