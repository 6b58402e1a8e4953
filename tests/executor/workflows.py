"""Workflows for these tests; executor processes load them through WFCONSOLE_WORKFLOWS."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from runs.engine import UNSET, StepContext, TripWire, Workflow, step
from tests.executor.rough_workflows import (  # noqa: F401  a module's workflows are those that it names
    killing,
    killing_beside,
    killing_condition,
    killing_inside,
    killing_items,
    lasting,
    meddling,
    raising_async,
    raising_condition,
    raising_finish,
    raising_mapping,
    raising_sleep,
    raising_start,
    raising_sync,
    raising_validator,
    swallowing,
    swallowing_condition,
    swallowing_inside,
    swallowing_items,
    swallowing_start,
)


class Number(BaseModel):
    value: int


@step(id="first", input=Number, output=Number)
async def first(ctx: StepContext[Number]) -> Number:
    return Number(value=ctx.input.value + 1)


@step(id="second", input=Number, output=Number)
async def second(ctx: StepContext[Number]) -> Number:
    return Number(value=ctx.input.value + 1)


@step(id="third", input=Number, output=Number)
async def third(ctx: StepContext[Number]) -> Number:
    return Number(value=ctx.input.value + 1)


quick = Workflow(id="quick", input=Number).then(first).then(second).then(third).commit()


@step(id="stamp")
async def stamp(ctx: StepContext) -> dict:
    """Leaves a line in a file at its beginning and at its end: how often a step ran is told by the file alone."""
    path = Path(ctx.input["file"])
    _write(path, f"begin {ctx.run_id} {ctx.input['n']}")
    await ctx.writer.write(f"chunk {ctx.input['n']}")
    await asyncio.sleep(ctx.input.get("seconds", 0.02))
    _write(path, f"end {ctx.run_id} {ctx.input['n']}")
    return {**ctx.input, "n": ctx.input["n"] + 1}


def _write(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


STAMPS = 8
stamps = Workflow(id="stamps")
stamps.dountil(stamp, lambda ctx: ctx.input_data["n"] >= STAMPS)
stamps.commit()


@step(id="hang")
async def hang(ctx: StepContext) -> None:
    await ctx.writer.write("hanging")
    await asyncio.Event().wait()


@step(id="listen")
async def listen(ctx: StepContext) -> dict:
    await ctx.writer.write("listening")
    await ctx.abort_signal.wait()
    return {"heard": True}


@step(id="block")
def block(ctx: StepContext) -> None:
    ctx.writer.write("blocking")
    time.sleep(30)


hanging = Workflow(id="hanging").then(hang).commit()
listening = Workflow(id="listening").then(listen).commit()
blocking = Workflow(id="blocking").then(block).commit()
dozing = Workflow(id="dozing", input=Number).then(first).sleep(1.3).then(second).commit()
napping = Workflow(id="napping", input=Number).then(first).sleep(0.1).then(second).commit()


@step(id="ask")
async def ask(ctx: StepContext) -> object:
    return await ctx.suspend({"message": "Go on?"})


asking = Workflow(id="asking").then(ask).commit()


@step(id="echo")
async def echo(ctx: StepContext) -> object:
    return ctx.input


echoing = Workflow(id="echoing").then(echo).commit()


@step(id="fail")
async def fail(ctx: StepContext) -> None:
    raise ValueError("no such order")


failing = Workflow(id="failing").then(fail).commit()


class Decision(BaseModel):
    ok: bool


@step(id="decide", input=Number, output=Number, resume=Decision)
async def decide(ctx: StepContext[Number]) -> Number | None:
    if ctx.resume_data is UNSET:
        return await ctx.suspend({"message": "May it go on?"}, resume_label="go")
    return ctx.input


deciding = Workflow(id="deciding", input=Number).then(first).then(decide).then(second).commit()


@step(id="item", resume=Decision)
async def item(ctx: StepContext) -> object:
    """Asks for odd numbers alone."""
    if ctx.input % 2 and ctx.resume_data is UNSET:
        return await ctx.suspend({"message": f"Take {ctx.input}?"}, resume_label=f"item-{ctx.input}")
    return ctx.input * 10 if ctx.resume_data is UNSET or ctx.resume_data.ok else 0


asking_items = Workflow(id="asking-items").foreach(item, concurrency=4).commit()


@step(id="sum_up", input=Number, output=Number)
async def sum_up(ctx: StepContext[Number]) -> Number:
    return Number(value=ctx.input.value + ctx.get_init_data()["value"])


inner = Workflow(id="inner", input=Number).then(first).then(decide).then(sum_up).commit()
nesting = Workflow(id="nesting", input=Number).then(second).then(inner).then(third).commit()


@step(id="low")
async def low(ctx: StepContext) -> object:
    return {"low": ctx.input["value"]}


@step(id="high")
async def high(ctx: StepContext) -> object:
    return {"high": ctx.input["value"]}


@step(id="gather")
async def gather(ctx: StepContext) -> object:
    return ctx.input


BIG = {"op": "gte", "left": {"path": "inputData.value"}, "right": {"literal": 10}}
SMALL = {"op": "lt", "left": {"path": "inputData.value"}, "right": {"literal": 10}}
branching = Workflow(id="branching", input=Number).then(first).branch([(SMALL, low), (BIG, high)]).then(gather).commit()
abreast = Workflow(id="abreast", input=Number).then(first).parallel([low, high]).then(gather).commit()


@step(id="review", suspend={}, resume={})
async def review(ctx: StepContext) -> object:
    """Asks by a form of its own making, as the approval tool does."""
    if ctx.resume_data is UNSET:
        form = {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}
        return await ctx.suspend({"message": "Approve?", "form": form})
    return ctx.resume_data


reviewing = Workflow(id="reviewing").then(review).commit()
counting = Workflow(id="counting", input=Number).dountil(first, lambda ctx: ctx.input_data["value"] >= 3).then(second)
counting.commit()


@step(id="chatter", retries=3)
async def chatter(ctx: StepContext) -> None:
    for number in range(1000):
        await ctx.writer.write(number)


chatting = Workflow(id="chatting").then(chatter).commit()


@step(id="stand")
def stand(ctx: StepContext) -> None:
    """Hears of nothing for a second: Python ends no call into C."""
    ctx.writer.write("standing")
    time.sleep(1.2)


stubborn = Workflow(id="stubborn").then(stand).commit()


@step(id="listen_closely")
async def listen_closely(ctx: StepContext) -> None:
    await ctx.writer.write("listening")
    await ctx.abort_signal.wait()
    await ctx.writer.write(time.time())


listening_closely = Workflow(id="listening-closely").then(listen_closely).commit()


@step(id="loop")
def loop(ctx: StepContext) -> None:
    """Looks at nothing, and never ends; it can only be interrupted."""
    ctx.writer.write("looping")
    try:
        while True:
            time.sleep(0.01)
    except BaseException as error:
        Path(ctx.input["file"]).write_text(type(error).__name__)
        raise


looping = Workflow(id="looping").then(loop).commit()


@step(id="wrap_it")
async def wrap_it(ctx: StepContext) -> object:
    ctx.set_state({"seen": ctx.input, "list": [ctx.input]})
    return {"order": ctx.input, "ok": True}


@step(id="left")
async def left(ctx: StepContext) -> object:
    await ctx.writer.write({"chunk": ctx.input})
    return [0, ctx.input]


@step(id="twice")
async def twice(ctx: StepContext) -> object:
    return {"a": ctx.input, "b": ctx.input}


@step(id="ask_about")
async def ask_about(ctx: StepContext) -> object:
    if ctx.resume_data is UNSET:
        return await ctx.suspend({"review": ctx.input})
    return {"asked": ctx.input, "answer": ctx.resume_data}


handing = Workflow(id="handing").then(wrap_it).parallel([left, echo]).then(twice)
handing.map({"whole": {"step": "twice", "path": "."}, "given": {"initData": True, "path": "."}})
handing.sleep(0.05).then(ask_about).commit()


@step(id="freeze")
async def freeze(ctx: StepContext) -> str:
    """Blocks the event loop, which it should not."""
    await ctx.writer.write("freezing")
    await asyncio.sleep(0.05)
    time.sleep(1)  # noqa: ASYNC251  that is what it is for
    return "thawed"


freezing = Workflow(id="freezing").then(freeze).commit()


@step(id="turn")
async def turn(ctx: StepContext) -> object:
    """Brings the run into the state that its input names."""
    match ctx.input["to"]:
        case "suspended" if ctx.resume_data is UNSET:
            return await ctx.suspend({"message": "Which way?"})
        case "failed":
            raise ValueError("a wrong turn")
        case "tripwire":
            raise TripWire("no way through")
    return ctx.input


turning = Workflow(id="turning").then(turn)
turning.sleep(lambda ctx: 3600 if ctx.input_data["to"] == "waiting" else 0).then(echo).commit()


class Share(BaseModel):
    share: Annotated[float, AfterValidator(lambda value: value / 100)]


@step(id="take_share", input=Share)
async def take_share(ctx: StepContext[Share]) -> float:
    return ctx.input.share


sharing = Workflow(id="sharing", input=Share, state=Share).then(take_share).commit()
sharing_first = Workflow(id="sharing-first", input=Share).then(take_share).commit()
sharing_inner = Workflow(id="sharing-inner", input=Share).then(take_share).commit()
sharing_later = Workflow(id="sharing-later", input=Share).sleep(0.001, id="rest").then(sharing_inner)
sharing_later.map({"share": {"initData": True, "path": "share"}}, id="from_start").commit()
sharing_unread = Workflow(id="sharing-unread").then(take_share)
sharing_unread.map({"share": {"initData": True, "path": "share"}}, id="from_start").commit()


class Filled(BaseModel):
    n: int = 5


@step(id="ask_for_more", input=Filled, resume={})
async def ask_for_more(ctx: StepContext[Filled]) -> object:
    return await ctx.suspend({"message": "More?"})


filling = Workflow(id="filling", input=Filled, state=Filled).then(ask_for_more).commit()

long_inner = Workflow(id="o" * 190).map(lambda ctx: ctx.input, id="i" * 190).commit()
long_path = Workflow(id="long-path").then(long_inner).commit()
