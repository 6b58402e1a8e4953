"""What a step is given, what it may give, and how it is tried again."""

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest
from pydantic import BaseModel

from runs.engine import (
    UNSET,
    InvalidInput,
    InvalidWorkflow,
    NonRetryableError,
    RetryPolicy,
    RunStatus,
    Step,
    StepContext,
    Workflow,
    step,
)

who: ContextVar[str] = ContextVar("who", default="nobody")


class Order(BaseModel):
    order_id: str
    quantity: int = 1


class Charge(BaseModel):
    amount: int


def one(function, **options) -> Workflow:
    return Workflow(id="wf").then(step(id="a", **options)(function)).commit()


async def run(workflow: Workflow, input_data: object = UNSET, **parameters):
    return await workflow.create_run().start(input_data=input_data, **parameters)


async def test_a_step_with_a_model_is_given_an_instance_and_its_model_is_stored_as_data():
    async def charge(ctx: StepContext[Order]) -> Charge:
        assert isinstance(ctx.input, Order)
        return Charge(amount=ctx.input.quantity * 5)

    result = await run(one(charge, input=Order, output=Charge), {"order_id": "7"})
    assert result.result == {"amount": 5}
    assert result.steps["a"]["payload"] == {"order_id": "7", "quantity": 1}


async def test_an_input_that_does_not_fit_fails_the_step_and_names_the_place():
    result = await run(one(lambda ctx: 1, input=Order), {"order_id": 7})
    assert result.status is RunStatus.FAILED
    assert result.error["code"] == "WORKFLOW_STEP_INPUT_VALIDATION_FAILED"
    assert "- order_id: " in result.error["message"]


async def test_a_refused_start_leaves_the_run_pending_and_it_can_be_started_with_good_input():
    workflow = Workflow(id="wf", input=Order).then(step(id="a")(lambda ctx: ctx.input["quantity"])).commit()
    started = workflow.create_run(run_id="r")
    with pytest.raises(InvalidInput) as refused:
        await started.start(input_data={"quantity": "many"})
    assert refused.value.part == "inputData"
    assert [path for path, _ in refused.value.issues] == ["order_id", "quantity"]
    assert (await workflow.get_run("r"))["status"] == "pending"
    assert (await started.start(input_data={"order_id": "x", "quantity": 3})).result == 3


async def test_a_sync_step_runs_in_a_thread_with_the_callers_context_and_stops_nobody():
    beat = asyncio.Event()

    def blocking(ctx: StepContext[object]) -> list[str]:
        ctx.writer.write("begun")
        while not beat.is_set():
            time.sleep(0.001)
        return [who.get(), threading.current_thread().name]

    async def quick(ctx: StepContext[object]) -> str:
        beat.set()
        return "done"

    who.set("ada")
    workflow = Workflow(id="wf").parallel([step(id="slow")(blocking), step(id="quick")(quick)]).commit()
    result = await run(workflow)
    assert result.result == {"slow": ["ada", "workflow-step"], "quick": "done"}


async def test_the_chunks_of_a_thread_come_in_order():
    def count(ctx: StepContext[object]) -> None:
        for number in range(500):
            ctx.writer.write(number)

    written: list[int] = []
    workflow = one(count)
    await run(workflow, output_writer=lambda chunk: written.append(chunk["payload"]["output"]))
    assert written == list(range(500))


@pytest.mark.parametrize(
    ("value", "place"), [({"a": [1, {2, 3}]}, "a.1"), ({"n": float("nan")}, "n"), (2**70, ""), (object(), "")]
)
async def test_a_step_that_returns_what_json_cannot_hold_fails_and_names_the_place(value, place):
    result = await run(one(lambda ctx: value))
    assert result.status is RunStatus.FAILED
    assert place in result.error["message"]


@pytest.mark.parametrize("size", [1, 100_000])
async def test_no_number_where_the_input_had_null_is_refused(size):
    workflow = one(lambda ctx: {**ctx.input, "n": float("nan")})
    result = await run(workflow, {"n": None, "text": "x" * size})
    assert "nan is not a JSON number at n" in result.error["message"]


class Basket(BaseModel):
    lines: list[dict[str, list[int]]]


class AnyBasket(BaseModel):
    lines: list


@pytest.mark.parametrize("kind", [Basket, AnyBasket, None])
async def test_what_a_step_does_to_a_model_of_its_input_changes_nothing_else(kind):
    async def first(ctx):
        return {"lines": [{"a": [1]}]}

    async def spoil(ctx):
        lines = ctx.input["lines"] if kind is None else ctx.input.lines
        lines[0]["a"].append(2)
        lines.append({})
        return ctx.get_step_result("first")

    workflow = Workflow(id="wf").then(Step(first, id="first")).then(Step(spoil, id="spoil", input=kind)).commit()
    result = await run(workflow)
    assert result.result == {"lines": [{"a": [1]}]}
    assert result.steps["first"]["output"] == {"lines": [{"a": [1]}]}


async def test_what_a_step_does_to_its_input_changes_nothing_else():
    async def first(ctx):
        return {"list": [1]}

    async def spoil(ctx):
        ctx.input["list"].append(2)
        return ctx.get_step_result("first")["list"]

    workflow = Workflow(id="wf").then(Step(first, id="first")).then(Step(spoil, id="spoil")).commit()
    result = await run(workflow)
    assert result.result == [1]
    assert result.steps["first"]["output"] == {"list": [1]}


async def test_what_a_step_does_to_state_and_earlier_results_changes_nothing():
    async def first(ctx):
        await ctx.set_state({"seen": [1]})
        return {"list": [1]}

    async def spoil(ctx):
        ctx.state["seen"].append(2)
        ctx.get_step_result("first")["list"].append(2)
        ctx.get_init_data()["list"].append(2)
        return [ctx.state, ctx.get_step_result("first"), ctx.get_init_data()]

    workflow = Workflow(id="wf").then(Step(first, id="first")).then(Step(spoil, id="spoil")).commit()
    assert (await run(workflow, {"list": [1]})).result == [{"seen": [1]}, {"list": [1]}, {"list": [1]}]


async def test_what_a_step_returned_may_be_changed_afterwards_without_effect():
    returned: list[list[int]] = []

    async def first(ctx):
        returned.append([1])
        return returned[0]

    async def second(ctx):
        returned[0].append(2)
        return ctx.input

    workflow = Workflow(id="wf").then(Step(first, id="first")).then(Step(second, id="second")).commit()
    assert (await run(workflow)).result == [1]


async def test_nothing_and_null_are_two_different_outputs():
    for value, shown in ((UNSET, {}), (None, {"result": None})):
        ended = (await run(one(lambda ctx, value=value: value))).to_json()
        assert {key: ended[key] for key in ("result",) if key in ended} == shown


async def test_retries_wait_longer_each_time_and_the_last_error_counts():
    assert [RetryPolicy(attempts=4, delay=1, backoff=2, max_delay=3).wait(n) for n in (1, 2, 3, 4)] == [1, 2, 3, 3]
    seen: list[int] = []

    async def flaky(ctx: StepContext[object]) -> None:
        seen.append(ctx.retry_count)
        raise ValueError(f"try {ctx.retry_count}")

    result = await run(one(flaky, retries=RetryPolicy(attempts=2, delay=0.001)))
    assert seen == [0, 1, 2]
    assert result.error == {"message": "try 2", "name": "ValueError"}


async def test_a_failure_that_cannot_be_mended_is_not_tried_again():
    async def hopeless(ctx: StepContext[object]) -> None:
        raise NonRetryableError("never")

    result = await run(one(hopeless, retries=5))
    assert result.steps["a"]["nonRetryable"] is True


async def test_an_attempt_that_takes_too_long_fails():
    async def endless(ctx: StepContext[object]) -> None:
        await asyncio.Event().wait()

    result = await run(one(endless, retries=RetryPolicy(timeout=0.01)))
    message = "The step a took longer than its time limit of 0.01 s."
    assert result.error == {"message": message, "name": "TimeoutError"}


def test_negative_retries_are_refused_when_the_workflow_is_built():
    with pytest.raises(InvalidWorkflow, match="attempts is -1"):
        RetryPolicy(attempts=-1)


async def test_the_idempotency_key_is_the_same_in_each_attempt_and_differs_by_item_and_iteration():
    keys: list[str] = []

    async def note(ctx: StepContext[int]) -> int:
        keys.append(ctx.idempotency_key)
        if ctx.retry_count == 0:
            raise ValueError("again")
        return ctx.input

    noted = step(id="note", retries=1)(note)
    workflow = Workflow(id="wf").foreach(noted).then(step(id="n")(lambda ctx: 1)).dowhile(noted, lambda c: False)
    await workflow.commit().create_run(run_id="r").start(input_data=[5, 6])
    assert keys == ["r:note[0]"] * 2 + ["r:note[1]"] * 2 + ["r:note:1"] * 2


async def test_an_exceptions_own_fields_and_cause_are_part_of_the_error():
    class Declined(Exception):
        def __init__(self, code: int) -> None:
            super().__init__("card declined")
            self.code = code
            self.card = object()  # no JSON: left out

    async def charge(ctx: StepContext[object]) -> None:
        raise Declined(51) from KeyError("card")

    error = (await run(one(charge))).error
    assert error == {
        "message": "card declined",
        "name": "Declined",
        "code": 51,
        "cause": {"message": "Key 'card' is missing", "name": "KeyError"},
    }


async def test_a_request_context_that_json_cannot_hold_fails_the_step_and_is_taken_back():
    async def spoil(ctx: StepContext[object]) -> None:
        ctx.request_context["socket"] = object()

    workflow = one(spoil)
    started = workflow.create_run(run_id="r")
    result = await started.start(request_context={"user": "ada"})
    assert result.status is RunStatus.FAILED
    assert (await workflow.get_run("r", ["requestContext"]))["requestContext"] == {"user": "ada"}


async def test_outputs_are_checked_when_the_workflow_asks_for_it():
    wrong = step(id="a", output=Charge)(lambda ctx: {"amount": "much"})
    assert (await run(Workflow(id="wf").then(wrong).commit())).status is RunStatus.SUCCESS
    result = await run(Workflow(id="wf", validate_outputs=True).then(wrong).commit())
    assert result.error["message"].startswith("Step output validation failed: \n- amount: ")


@pytest.mark.parametrize("kind", ["async", "sync", "nested", "condition"])
async def test_a_stack_shows_the_frames_of_the_author_and_none_of_the_engine(kind):
    def broken(context) -> None:
        raise ValueError("it broke")

    @step
    async def failing(ctx):
        broken(ctx)

    @step
    def failing_in_a_thread(ctx):
        broken(ctx)

    inner = Workflow(id="inner").then(failing).commit()
    workflow = {
        "async": Workflow(id="w").then(failing),
        "sync": Workflow(id="w").then(failing_in_a_thread),
        "nested": Workflow(id="w").then(inner),
        "condition": Workflow(id="w").dowhile(Step(lambda ctx: 1, id="s"), broken),
    }[kind].commit()
    run = workflow.create_run()
    assert (await run.start(input_data={})).status == RunStatus.FAILED
    log = await workflow.store.load(run.id)
    stacks = [event.decoded()["stack"] for event in log if event.decoded().get("stack")]
    files = [frame["file"] for stack in stacks for frame in stack]
    assert [file for file in files if "/runs/engine/" in file] == []
    assert kind == "condition" or {stack[-1]["function"] for stack in stacks} == {"broken"}
