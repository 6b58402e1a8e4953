"""A run that was killed at any committed point ends as if it had never been killed."""

import asyncio

import pytest

from runs.engine import UNSET, RetryPolicy, RunStatus, StepContext, Workflow, step

from .crashes import assert_same_from_every_point, carry_on


@step
async def add_one(ctx: StepContext[int]) -> int:
    return ctx.input + 1


@step
async def ten_times(ctx: StepContext[int]) -> int:
    await asyncio.sleep(0)
    return ctx.input * 10


@step
async def total(ctx: StepContext[dict[str, int]]) -> int:
    return sum(ctx.input.values())


@step
async def listed(ctx: StepContext[int]) -> list[int]:
    return list(range(ctx.input))


@step
async def count(ctx: StepContext[object]) -> object:
    await ctx.set_state({"count": int(ctx.state.get("count", 0)) + 1})  # type: ignore[call-overload]
    return ctx.input


@step
async def ask(ctx: StepContext[object]) -> object:
    if ctx.resume_data is UNSET:
        await ctx.suspend({"message": "how many?"}, resume_label="ask")
        return None
    return {"input": ctx.input, "answer": ctx.resume_data, "asked": ctx.suspend_data}


@step
async def remember(ctx: StepContext[object]) -> object:
    ctx.request_context["seen"] = ctx.input
    return ctx.input


@step
async def fail(ctx: StepContext[object]) -> None:
    raise ValueError("it broke")


@step(id="also_ask")
async def also_ask(ctx: StepContext[object]) -> object:
    return await ask.function(ctx)  # type: ignore[misc]


inner = Workflow(id="inner").then(add_one).then(count).then(ten_times).commit()
asking = Workflow(id="asking").then(add_one).then(ask).then(count).commit()
bailing = Workflow(id="bailing").then(step(id="bail")(lambda ctx: ctx.bail({"early": True}))).then(add_one).commit()
loops_inside = Workflow(id="loops_inside").dountil(add_one, lambda c: c.input_data >= 3).then(listed).commit()


def workflow() -> Workflow:
    return Workflow(id="wf")


SHAPES = {
    "a chain": workflow().then(add_one).then(count).then(ten_times),
    "the same step twice": workflow().then(add_one).then(add_one).then(add_one),
    "a parallel block": workflow().then(add_one).parallel([ten_times, add_one]).then(total),
    "a parallel block at the end": workflow().parallel([ten_times, count]),
    "a branch": workflow().branch([(lambda c: True, add_one), (lambda c: False, count), (lambda c: True, ten_times)]),
    "a branch that selects nothing": workflow().branch([(lambda c: False, add_one)]).then(count),
    "a loop": workflow().dountil(add_one, lambda c: c.input_data >= 5).then(ten_times),
    "a loop with a state": workflow().dowhile(count, lambda c: c.state["count"] < 3),
    "a foreach": workflow().then(listed).foreach(add_one).foreach(ten_times, concurrency=3),
    "a foreach with state": workflow().then(listed).foreach(count),
    "a nested workflow": workflow().then(inner).then(count),
    "a nested workflow in a block": workflow().parallel([inner, add_one, loops_inside]).then(count),
    "a nested workflow in a foreach": workflow().then(listed).foreach(inner, concurrency=2),
    "a nested workflow in a loop": workflow().dountil(inner, lambda c: c.input_data > 500),
    "a nested workflow in a branch": workflow().branch([(lambda c: True, inner), (lambda c: True, loops_inside)]),
    "a sleep": workflow().then(add_one).sleep(0.002).then(ten_times).sleep(lambda c: 0.001),
    "a mapping": workflow().then(add_one).map({"v": {"step": "add_one", "path": "."}, "i": {"initData": True}}),
    "a bail": workflow().then(bailing).then(count).then(step(id="end")(lambda ctx: ctx.bail(7))).then(fail),
    "a failure": workflow().then(add_one).then(fail).then(ten_times),
    "a failure in a block": workflow().parallel([add_one, fail, ten_times]).then(total),
    "a failure in a foreach": workflow().then(listed).foreach(fail, concurrency=2),
    "a failure in a nested workflow": workflow().then(Workflow(id="n").then(count).then(fail).commit()).then(count),
    "a context that a step changes": workflow().then(remember).then(count),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_a_killed_run_ends_as_if_it_had_never_been_killed(name):
    await assert_same_from_every_point(SHAPES[name].commit(), {"input": 3})


QUESTIONS = {
    "a question": (workflow().then(add_one).then(ask).then(count), 1),
    "a question in a nested workflow": (workflow().then(asking).then(count), 1),
    "two questions in turn": (workflow().then(ask).then(also_ask).then(count), 2),
    "a question in a loop": (workflow().dountil(ask, lambda c: c.iteration_count >= 2).then(count), 2),
    "a question for each item": (workflow().then(listed).foreach(ask).then(count), 3),
    "a question for all items": (workflow().then(listed).foreach(ask, concurrency=3).then(count), 1),
    "a nested question for each item": (workflow().then(listed).foreach(asking), 3),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_run_killed_around_an_answer_ends_as_if_it_had_never_been_killed(name):
    shape, times = QUESTIONS[name]
    answers: list[dict[str, object]] = [{"resumeData": {"n": number}} for number in range(times)]
    await assert_same_from_every_point(shape.commit(), {"input": 3}, answers)


async def test_a_run_killed_between_the_answers_of_a_block_ends_as_if_it_had_never_been_killed():
    shape = workflow().parallel([ask, add_one, also_ask]).then(count).commit()
    answers: list[dict[str, object]] = [
        {"step": "also_ask", "resumeData": {"n": 2}},
        {"step": "ask", "resumeData": False},
    ]
    await assert_same_from_every_point(shape, {"input": 3}, answers)


async def test_a_run_killed_between_two_attempts_goes_on_counting():
    counts: list[int] = []

    @step(retries=RetryPolicy(attempts=3, delay=0.001))
    async def flaky(ctx: StepContext[int]) -> int:
        counts.append(ctx.retry_count)
        if ctx.retry_count < 2:
            raise ValueError(f"attempt {ctx.retry_count}")
        return ctx.input

    shape = workflow().then(flaky).commit()
    whole = await assert_same_from_every_point(shape, {"input": 1})
    assert [event.type for event in whole].count("workflow-step-retry") == 2
    counts.clear()
    await carry_on(shape, whole[:3], [])  # the first attempt has failed, the second one was on its way
    assert counts == [1, 2]


async def test_only_the_members_in_flight_are_repeated():
    ran: list[str] = []

    def named(name: str):
        @step(id=name)
        async def run(ctx: StepContext[object]) -> str:
            ran.append(name)
            return name

        return run

    shape = workflow().parallel([named("a"), named("b"), named("c")]).then(named("d")).commit()
    whole = await assert_same_from_every_point(shape, {})
    done = next(i for i, event in enumerate(whole) if event.type == "workflow-step-result" and b'"a"' in event.data)
    ran.clear()
    await carry_on(shape, whole[: done + 1], [])
    assert ran == ["b", "c", "d"]


async def test_a_run_that_has_ended_is_left_alone():
    shape = SHAPES["a chain"].commit()
    whole = await assert_same_from_every_point(shape, {"input": 1})
    assert await carry_on(shape, whole, []) == whole
    assert RunStatus.SUCCESS.is_final
