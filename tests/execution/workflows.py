"""Workflows for these tests; executor processes load them through WFCONSOLE_WORKFLOWS."""

import asyncio
import time
from pathlib import Path

from pydantic import BaseModel

from runs.engine import UNSET, StepContext, Workflow, step


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
