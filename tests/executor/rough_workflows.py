"""Workflows that do to their process what none should; workflows.py hands them on."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, field_validator

from runs.engine import StepContext, Workflow, step


def _write(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


@step(id="echo")
async def echo(ctx: StepContext) -> object:
    return ctx.input


@step(id="kill")
async def kill(ctx: StepContext) -> None:
    """Ends its process."""
    _write(Path(ctx.input["file"]), f"begin {ctx.run_id}")
    await asyncio.sleep(ctx.input.get("seconds", 0))
    os._exit(9)


def kill_in_condition(ctx) -> bool:
    _write(Path(ctx.input["file"]), f"begin {ctx.run_id}")
    os._exit(9)


killing = Workflow(id="killing").then(echo).then(kill).commit()
killing_inside = Workflow(id="killing-inside").then(killing).commit()
killing_items = Workflow(id="killing-items").map(lambda ctx: [ctx.input] * 3).foreach(kill).commit()
killing_beside = Workflow(id="killing-beside").parallel([kill, echo]).commit()
killing_condition = Workflow(id="killing-condition").dountil(echo, kill_in_condition).commit()


@step(id="linger")
async def linger(ctx: StepContext) -> str:
    """Does what a good step does, for as long as it is told."""
    _write(Path(ctx.input["file"]), f"begin {ctx.run_id}")
    await asyncio.sleep(ctx.input["seconds"])
    return "done"


lasting = Workflow(id="lasting").then(linger).commit()

RAISED = {
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "BaseExceptionGroup": lambda: BaseExceptionGroup("two", [SystemExit(1), KeyError(2)]),
}


def _raise(ctx: StepContext) -> None:
    raise RAISED[ctx.input["kind"]]()


async def _raise_later(ctx: StepContext) -> None:
    await asyncio.sleep(0.001)
    _raise(ctx)


class Picky(BaseModel):
    kind: str

    @field_validator("kind")
    @classmethod
    def check(cls, kind: str) -> str:
        raise RAISED[kind]()


_take = step(id="take", input=Picky)(lambda ctx: None)
_raising = {
    "async": Workflow(id="raising-async").then(step(id="raise")(_raise_later)),
    "sync": Workflow(id="raising-sync").then(step(id="raise")(_raise)),
    "condition": Workflow(id="raising-condition").dountil(echo, _raise),
    "mapping": Workflow(id="raising-mapping").map(_raise, id="raise"),
    "sleep": Workflow(id="raising-sleep").sleep(_raise, id="raise"),
    "start": Workflow(id="raising-start", on_start=lambda info: _raise_of(info)).then(echo),
    "validator": Workflow(id="raising-validator").then(_take),
}


def _raise_of(info) -> None:
    raise RAISED[info.get_init_data()["kind"]]()


raising_async, raising_sync, raising_condition, raising_mapping, raising_sleep, raising_start, raising_validator = (
    workflow.commit() for workflow in _raising.values()
)
raising_finish = Workflow(id="raising-finish", on_finish=lambda end: _raise_of(end)).then(echo).commit()


async def _swallow(argument: object) -> bool:
    """Ignores its cancel for ever."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


async def _wait(argument: object) -> bool:
    """Waits for ever, and can be canceled."""
    await asyncio.Event().wait()
    return True


swallow = step(id="swallow")(_swallow)
swallowing = Workflow(id="swallowing").then(swallow).then(echo).commit()
swallowing_inside = Workflow(id="swallowing-inside").parallel([swallowing, echo]).then(echo).commit()
swallowing_items = Workflow(id="swallowing-items").map(lambda ctx: [1, 2], id="items").foreach(swallow).commit()
swallowing_condition = Workflow(id="swallowing-condition").dountil(echo, _swallow).commit()
swallowing_start = Workflow(id="swallowing-start", on_start=_wait).then(echo).commit()

LEFT: list[asyncio.Task] = []


@step(id="meddle")
async def meddle(ctx: StepContext) -> str:
    """Does to the event loop what no step should."""

    async def leave() -> None:
        raise SystemExit(5)

    loop = asyncio.get_running_loop()
    how = ctx.input["how"]
    if how == "task":
        LEFT.append(asyncio.create_task(leave()))
    elif how == "callback":
        loop.call_soon(sys.exit)
    elif how == "stop":
        loop.stop()
    elif how == "cancel all":
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    elif how == "cancel itself":
        asyncio.current_task().cancel()
    elif how == "break the executor":
        from runs.executor import dispatch

        dispatch.executor_here()._wake = None
    await asyncio.sleep(0.01)
    return "done"


meddling = Workflow(id="meddling").then(meddle).commit()
