"""Workflows that log in every way."""

import asyncio
import logging
import time

import structlog

from runs.engine import StepContext, Workflow, step

plain = logging.getLogger(__name__)
other = logging.getLogger("somebody.else")
structured = structlog.get_logger("structured")


@step
async def in_the_loop(ctx: StepContext) -> object:
    plain.debug("not kept")
    plain.info("asked for %d items", 3)
    other.warning("slow answer", extra={"seconds": 2, "asked_with": ctx.input["api_token"]})
    await asyncio.to_thread(plain.info, "in a thread of its own")
    return ctx.input


@step
def in_a_thread(ctx: StepContext) -> object:
    structured.info("charged", amount=7)
    try:
        raise ValueError("declined")
    except ValueError:
        plain.exception("card was refused")
    plain.info("token is %s, header Authorization: Bearer abc.def, password='hunter two'", ctx.init_data["api_token"])
    return ctx.input


@step
async def chatty(ctx: StepContext) -> object:
    for number in range(ctx.input["lines"]):
        plain.info("line %d %s", number, "x" * ctx.input.get("width", 0))
    return {}


@step
async def pausing(ctx: StepContext) -> object:
    plain.info("before the pause")
    await asyncio.sleep(ctx.input.get("seconds", 0))
    return {}


@step
def sleepy(ctx: StepContext) -> object:
    time.sleep(0.01)
    plain.info("item %s", ctx.input)
    return ctx.input


@step
async def failing(ctx: StepContext) -> object:
    raise RuntimeError("the charge was refused")


inner = Workflow(id="inner").then(in_a_thread).commit()
logging_workflow = Workflow(id="logging").then(in_the_loop).then(inner).commit()
chatty_workflow = Workflow(id="chatty").then(chatty).commit()
pausing_workflow = Workflow(id="pausing").then(pausing).commit()
items_workflow = Workflow(id="items").foreach(sleepy, concurrency=4).commit()
failing_workflow = Workflow(id="failing").then(failing).commit()
