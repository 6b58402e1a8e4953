"""Workflows for these tests; consoles load them through WFCONSOLE_WORKFLOWS."""

import asyncio
from typing import Any

from opentelemetry import trace
from pydantic import BaseModel, Field

from runs.engine import UNSET, StepContext, Workflow, step

tracer = trace.get_tracer("shop")


class Order(BaseModel):
    value: int
    pin: str = Field(default="", json_schema_extra={"x-secret": True})


@step(id="left")
async def left(ctx: StepContext) -> dict[str, Any]:
    """Traces something itself, below its own span."""
    with tracer.start_as_current_span("ask the bank") as span:
        span.set_attributes({"bank.country": "DE", "api_key": "k-123", "pin": "pin-4711"})
        span.add_event("asked", {"token": "t-1", "try": 1})
        await asyncio.sleep(0)
    return {"left": ctx.input["value"] + 1}


@step(id="right")
def right(ctx: StepContext) -> dict[str, Any]:
    """In a thread."""
    with tracer.start_as_current_span("count"):
        return {"right": ctx.input["value"] + 2}


@step(id="inner_step")
async def inner_step(ctx: StepContext) -> dict[str, Any]:
    return {"value": 1}


inner = Workflow(id="inner").then(inner_step).commit()


@step(id="ask")
async def ask(ctx: StepContext) -> Any:
    if ctx.resume_data is UNSET:
        return await ctx.suspend({"message": "Go on?"})
    return {"went": ctx.resume_data}


@step(id="last")
async def last(ctx: StepContext) -> dict[str, Any]:
    return {"done": True}


tour = Workflow(id="tour", input=Order).parallel([left, right]).then(inner).then(ask).then(last).commit()


@step(id="hang")
async def hang(ctx: StepContext) -> None:
    with tracer.start_as_current_span("wait"):
        await asyncio.Event().wait()


hanging = Workflow(id="hanging").then(hang).commit()


@step(id="quick")
async def quick(ctx: StepContext) -> dict[str, Any]:
    return {"n": 1}


plain = Workflow(id="plain").then(quick).commit()
