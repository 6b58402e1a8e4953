"""Workflows that the fault tests run; servers load them through WFCONSOLE_WORKFLOWS.

Steps that take a `ledger` write a line into that file each time they are called: a file in the system's cache survives
any kill of the process, so it alone tells how often a step ran.
"""

import asyncio
import os

from runs.engine import StepContext, Workflow, step

BREATH = 50  # chunks


def note(ctx: StepContext, ledger: str) -> None:
    """One line, in one write: `<run> <step and item> <try> <process>`."""
    if ledger:
        file = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, f"{ctx.idempotency_key} {ctx.retry_count} {os.getpid()}\n".encode())
        finally:
            os.close(file)


@step(id="pour")
async def pour(ctx: StepContext) -> dict:
    """Writes so many chunks of so many bytes, as fast as the log takes them; or in about so many seconds."""
    given = ctx.input
    note(ctx, given.get("ledger", ""))
    filling = "x" * given["bytes"]
    for number in range(given["events"]):
        await ctx.writer.write(f"{number} {filling}")
        if number % BREATH == 0:
            await asyncio.sleep(given.get("seconds", 0) * BREATH / given["events"])
    return {"events": given["events"]}


flood = Workflow(id="flood").then(pour).commit()


async def work(ctx: StepContext, given: dict) -> None:
    """Some chunks, and some time in which a process can die."""
    note(ctx, given["ledger"])
    for part in range(given["chunks"]):
        await ctx.writer.write({"part": part, "text": f"{ctx.path} {part}"})
        await asyncio.sleep(given["seconds"] / given["chunks"])


@step(id="count")
async def count(ctx: StepContext) -> dict:
    await work(ctx, ctx.input)
    await ctx.set_state({**ctx.state, "counted": ctx.input["n"] + 1})
    return {**ctx.input, "n": ctx.input["n"] + 1}


@step(id="left")
async def left(ctx: StepContext) -> int:
    await work(ctx, ctx.input)
    return ctx.input["n"] * 2


@step(id="right", retries=2)
async def right(ctx: StepContext) -> int:
    """Fails once."""
    await work(ctx, ctx.input)
    if ctx.retry_count == 0:
        raise ValueError("not yet")
    return ctx.input["n"] * 3


@step(id="item")
async def item(ctx: StepContext) -> int:
    await work(ctx, ctx.input)
    return ctx.input["n"] ** 2


@step(id="total")
async def total(ctx: StepContext) -> dict:
    given = ctx.get_init_data()
    note(ctx, given["ledger"])
    return {"total": sum(ctx.input)}


LOOPS = 6
loops = Workflow(id="loops")
loops.dountil(count, lambda ctx: ctx.input_data["n"] >= LOOPS)
loops.commit()


def pair(ctx) -> list[dict]:
    both = ctx.input_data
    given = ctx.get_init_data()
    return [{**given, "n": n} for n in (both["left"], both["right"], given["n"], 4, 5)]


def inner_input(ctx) -> dict:
    return ctx.get_init_data()


def nap(ctx) -> float:
    return ctx.get_init_data()["nap"]


def as_list(ctx) -> list[int]:
    return [ctx.input_data["n"], *ctx.get_step_result("item")]


forks = (
    Workflow(id="forks")
    .parallel([left, right])
    .map(pair, id="pair")
    .foreach(item, concurrency=2)
    .sleep(nap, id="rest")
    .map(inner_input, id="again")
    .then(loops)
    .map(as_list, id="as_list")
    .then(total)
    .commit()
)


@step(id="count_again")
async def count_again(ctx: StepContext) -> dict:
    return await count.function(ctx)


naps = Workflow(id="naps").then(count).sleep(nap, id="nap").then(count_again).commit()
