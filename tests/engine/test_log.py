"""What a run leaves in its log: little, each value once, and enough."""

import orjson

from runs.engine import MemoryRunStore, RunStatus, Step, Workflow, fold, step
from runs.engine.log.events import put_back


class OpenStore(MemoryRunStore):
    """Shows the events as they are stored, with their references."""

    def stored(self, run_id: str):
        return self._events[run_id]


def chain(length: int, function, store: OpenStore) -> Workflow:
    workflow = Workflow(id="wf", store=store)
    for number in range(length):
        workflow.then(Step(function, id=f"s{number}"))
    return workflow.commit()


async def count_up(ctx):
    return {"n": ctx.input["n"] + 1, "name": "a text of some length"}


async def bytes_of(length: int) -> int:
    store = OpenStore()
    await chain(length, count_up, store).create_run(run_id="r").start(input_data={"n": 0})
    return sum(len(event.data) for event in store.stored("r"))


async def test_a_step_costs_the_same_bytes_in_a_short_and_in_a_long_run():
    short, long = await bytes_of(10) / 10, await bytes_of(500) / 500
    assert long < 300
    assert 0.8 < long / short < 1.25


async def test_a_large_value_that_is_passed_on_is_stored_once():
    async def pass_on(ctx):
        return ctx.input

    store = OpenStore()
    text = "x" * 100_000
    result = await chain(3, pass_on, store).create_run(run_id="r").start(input_data={"text": text})
    assert sum(len(event.data) for event in store.stored("r")) < 102_000
    assert result.result == {"text": text}
    whole = await store.load("r")
    steps, stored = fold("r", "wf", whole).steps, fold("r", "wf", store.stored("r")).steps
    assert [step.payload for step in steps.values()] == [step.payload for step in stored.values()]
    assert all(b"From" not in event.data for event in whole)
    assert put_back(whole) == whole


async def test_equal_values_of_other_types_are_not_mixed_up():
    outputs = [{"v": 1, "long": "x" * 50}, {"v": 1.0, "long": "x" * 50}, {"v": True, "long": "x" * 50}]

    def giving(value):
        return lambda ctx: value

    store = OpenStore()
    workflow = Workflow(id="wf", store=store)
    for number, value in enumerate(outputs):
        workflow.then(step(id=f"s{number}")(giving(value)))
    await workflow.commit().create_run(run_id="r").start()
    steps = fold("r", "wf", await store.load("r")).steps
    assert [type(record.output["v"]) for record in steps.values()] == [int, float, bool]


async def test_integers_of_64_bits_and_doubles_come_back_exactly():
    values = [2**63 - 1, -(2**63), 2**64 - 1, 0.1 + 0.2, 1e-320, 1.7976931348623157e308]
    store = OpenStore()
    result = await chain(2, lambda ctx: ctx.input, store).create_run(run_id="r").start(input_data=values)
    assert result.result == values
    assert fold("r", "wf", await store.load("r")).result == values


async def test_the_live_run_and_the_fold_of_its_log_tell_the_same():
    store = OpenStore()
    workflow = Workflow(id="wf", store=store).foreach(Step(count_up, id="up"), concurrency=2).sleep(0.001).commit()
    result = await workflow.create_run(run_id="r").start(input_data=[{"n": 1}, {"n": 2}])
    again = await workflow.create_run(run_id="r").restart()
    assert again.status is RunStatus.SUCCESS
    assert again.result == result.result
    assert [orjson.loads(event.data).get("id") for event in store.stored("r")][1:4] == ["up", "up[0]", "up[1]"]


async def test_chunks_are_kept_in_order_with_the_step_that_wrote_them():
    async def write(ctx):
        for number in range(3):
            await ctx.writer.write({"n": number})
        await ctx.writer.custom({"type": "data-note"})

    store = OpenStore()
    await chain(1, write, store).create_run(run_id="r").start()
    chunks = [
        orjson.loads(e.data) for e in store.stored("r") if e.type in ("workflow-step-output", "workflow-step-custom")
    ]
    assert chunks == [{"id": "s0", "output": {"n": n}} for n in range(3)] + [
        {"id": "s0", "chunk": {"type": "data-note"}}
    ]
    assert fold("r", "wf", await store.load("r")).steps["s0"].chunk_count == 4
