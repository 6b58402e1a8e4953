"""Random graphs: run twice they give the same, and killed at any event they end as if they had never been killed."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.engine import UNSET, RetryPolicy, StepContext, Workflow, fold, step
from runs.engine.log.events import put_back

from .crashes import RUN_ID, assert_same_from_every_point, carry_on, outcome, store_with

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def number(value: object) -> int:
    """Any value as a small number, so that every step fits behind every other."""
    if isinstance(value, dict):
        return sum(number(item) for item in value.values()) % 97
    if isinstance(value, list):
        return sum(number(item) for item in value) % 97
    return value % 97 if isinstance(value, int) else 3


def plus(name: str, amount: int):
    async def run(ctx: StepContext[object]) -> int:
        if amount % 2:
            await asyncio.sleep(0)
        return (number(ctx.input) + amount) % 97

    return step(id=name)(run)


def noting(name: str):
    async def run(ctx: StepContext[object]) -> object:
        await ctx.set_state({ctx.path: number(ctx.input)})  # a key of its own: items must not race for one
        await ctx.writer.write({"from": name})
        return ctx.input

    return step(id=name)(run)


def listing(name: str, size: int):
    async def run(ctx: StepContext[object]) -> list[int]:
        return [(number(ctx.input) + k) % 7 for k in range(size)]

    return step(id=name)(run)


def asking(name: str):
    async def run(ctx: StepContext[object]) -> object:
        if ctx.resume_data is UNSET:
            await ctx.suspend({"ask": name})
            return None
        return [number(ctx.input), ctx.resume_data]

    return step(id=name)(run)


def flaky(name: str):
    async def run(ctx: StepContext[object]) -> int:
        if ctx.retry_count == 0:
            raise ValueError("not yet")
        return number(ctx.input)

    return step(id=name, retries=RetryPolicy(attempts=1))(run)


@st.composite
def workflows(draw: st.DrawFn, depth: int = 0, prefix: str = "w") -> Workflow:
    """A workflow of up to five entries of any kind, with nested ones down to two levels. It asks at most once."""
    workflow = Workflow(id=prefix)
    asked = False
    for place in range(draw(st.integers(1, 5 if depth == 0 else 3))):
        name = f"{prefix}{place}"
        kinds = ["plus", "note", "flaky", "parallel", "branch", "loop", "foreach", "map", "bail"]
        if depth == 0:
            kinds += ["ask", "nested", "nested foreach"]
        elif depth == 1:
            kinds += ["nested"]
        kind = draw(st.sampled_from(kinds))
        amount = draw(st.integers(0, 9))
        if kind == "plus":
            workflow.then(plus(name, amount))
        elif kind == "note":
            workflow.then(noting(name))
        elif kind == "flaky":
            workflow.then(flaky(name))
        elif kind == "parallel":
            workflow.parallel([plus(f"{name}a", amount), noting(f"{name}b"), flaky(f"{name}c")])
        elif kind == "branch":
            parts = [plus(f"{name}a", amount), noting(f"{name}b")]
            workflow.branch([(lambda c, k=k, a=amount: (number(c.input_data) + a + k) % 2, parts[k]) for k in (0, 1)])
        elif kind == "loop":
            workflow.dountil(plus(name, amount), lambda c, a=amount: c.iteration_count > a % 3)
        elif kind == "foreach":
            workflow.then(listing(f"{name}l", amount % 4)).foreach(plus(name, 1), concurrency=1 + amount % 3)
        elif kind == "map":
            workflow.map({"init": {"initData": True, "path": "."}, "n": {"value": amount}}, id=name)
        elif kind == "bail" and depth:
            workflow.then(step(id=name)(lambda ctx: ctx.bail(number(ctx.input))))
        elif kind == "ask" and not asked:
            asked = True
            workflow.then(asking(name))
        elif kind == "nested":
            workflow.then(draw(workflows(depth=depth + 1, prefix=f"{name}n")))
        elif kind == "nested foreach":
            workflow.then(listing(f"{name}l", 2)).foreach(draw(workflows(depth=2, prefix=f"{name}n")), concurrency=2)
    if not workflow.entries:
        workflow.then(plus(f"{prefix}x", 1))
    return workflow.commit()


ANSWERS: list[dict[str, Any]] = [{"resumeData": 5}]


async def whole_log(workflow: Workflow, given_input: int):
    store = await store_with(workflow, [])
    log = await store.claim(RUN_ID, expected=["running"])  # type: ignore[list-item]
    log.append("workflow-start", {"workflowId": workflow.id, "input": given_input})
    return await carry_on(workflow, await store.load(RUN_ID), ANSWERS)


@SLOW
@given(workflow=workflows(), given_input=st.integers(0, 50))
def test_a_graph_run_twice_gives_the_same(workflow, given_input):
    first, second = (asyncio.run(whole_log(workflow, given_input)) for _ in (1, 2))
    assert outcome(workflow, first) == outcome(workflow, second)


@SLOW
@given(workflow=workflows(), given_input=st.integers(0, 50))
def test_a_graph_killed_at_any_event_ends_as_if_it_had_never_been_killed(workflow, given_input):
    asyncio.run(assert_same_from_every_point(workflow, {"input": given_input}, ANSWERS))


@SLOW
@given(workflow=workflows(), given_input=st.integers(0, 50))
def test_any_prefix_of_a_log_folds_and_putting_values_back_changes_nothing(workflow, given_input):
    events = asyncio.run(whole_log(workflow, given_input))
    for length in range(len(events) + 1):
        assert fold(RUN_ID, workflow.id, events[:length]) == fold(RUN_ID, workflow.id, put_back(events[:length]))
