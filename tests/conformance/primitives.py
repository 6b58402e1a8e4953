"""What the steps of cases do: the primitives of the case format."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runs.engine import UNSET, NonRetryableError, TripWire

from .values import add, expand, holds, look_up, multiply, resolve


class CaseError(Exception):
    """What `fail` raises; the engine shows `name` and the other attributes in the error's JSON."""

    def __init__(self, message: str, name: str = "Error", **extra: object) -> None:
        self.name = name
        self.__dict__.update(extra)
        super().__init__(message)


class Thrown(Exception):
    """Something that JavaScript can throw and Python cannot: a text, an object, null."""

    def __init__(self, error: dict[str, object]) -> None:
        self.error_json = error
        super().__init__(str(error["message"]))


@dataclass
class Process:
    """One process of a case: what its memory holds, and what is recorded from its steps."""

    number: int = 1
    has_mastra: bool = True
    calls: dict[tuple[str, str], int] = field(default_factory=dict)  # of fail_times, by workflow and step
    executions: list[dict[str, object]] = field(default_factory=list)
    has_writer: bool = True


@dataclass
class Place:
    """Where a primitive runs: the engine's context, and what it was given."""

    context: Any
    process: Process
    workflow: str
    step: str
    input: object

    def roots(self) -> Mapping[str, object]:
        """The roots of paths: see the format's README."""
        c = self.context
        return {
            "input": self.input,
            "init": c.get_init_data(),
            "state": c.state,
            "context": lambda key: c.request_context.get(key, UNSET),
            "resume": getattr(c, "resume_data", UNSET),
            "suspended": getattr(c, "suspend_data", UNSET),
            "step": c.get_step_result,
            "iterationCount": getattr(c, "iteration_count", UNSET),
            "retryCount": c.retry_count,
            "runId": c.run_id,
            "workflowId": c.workflow_id,
        }


class _Done(Exception):
    """Skips the rest of a list of primitives."""

    def __init__(self, output: object) -> None:
        self.output = output


async def perform(do: object, place: Place, with_: object = UNSET, when: object = None) -> object:
    """The output of a primitive, or of a list of them run in turn."""
    steps = do if isinstance(do, list) else [{"do": do, "with": with_ or {}, "when": when}]
    output = place.input
    try:
        for item in steps:
            place.input = output
            if item.get("when") and not holds(item["when"], place.roots()):
                continue
            roots = place.roots()  # an undefined argument stays one: bail(undefined) is not bail()
            given = {key: resolve(expand(value), roots) for key, value in item.get("with", {}).items()}
            if isinstance(item["do"], list):
                output = await perform(item["do"], place)
            else:
                output = await PRIMITIVES[item["do"]](place, given)
    except _Done as done:
        return done.output
    return output


def record(place: Place) -> None:
    """One line of `executions`."""
    c = place.context
    line = {
        "workflow": place.workflow,
        "step": place.step,
        "input": place.input,
        "retryCount": c.retry_count,
        "state": dict(c.state),
        "resumeData": c.resume_data,
        "suspendData": c.suspend_data,
    }
    place.process.executions.append({key: value for key, value in line.items() if value is not UNSET})


def _keyed(function: Callable[[object, object], object], operand: str) -> Callable[..., Awaitable[object]]:
    async def run(place: Place, given: dict[str, Any]) -> object:
        value, key = given[operand], given.get("key")
        if key is None:
            return function(place.input, value)
        return {**place.input, key: function(place.input.get(key, UNSET), value)}

    return run


async def echo(place: Place, given: dict[str, Any]) -> object:
    return place.input


async def const(place: Place, given: dict[str, Any]) -> object:
    return given.get("value", UNSET)


async def undefined(place: Place, given: dict[str, Any]) -> object:
    return UNSET


async def get(place: Place, given: dict[str, Any]) -> object:
    return look_up(given["path"], place.roots())


async def fail(place: Place, given: dict[str, Any]) -> object:
    message = given.get("message", "")
    match given.get("kind", "Error"):
        case "TypeError":
            raise CaseError(message, "TypeError")
        case "custom":
            raise CaseError(message, given.get("name", "Error"), **given.get("props", {}))
        case "cause":
            raise CaseError(message) from CaseError(given["cause"])
        case "nonRetryable":
            raise NonRetryableError(message)
        case "string":
            raise Thrown({"message": message, "name": "Error"})
        case "object":
            raise Thrown(_thrown_object(given.get("value")))
        case "null":
            raise Thrown({"message": "Unknown step execution error", "name": "Error"})
        case "tripwire":
            options = given.get("options", {})
            raise TripWire(message, retry=options.get("retry"), metadata=options.get("metadata"))
    raise CaseError(message)


def _thrown_object(value: Any) -> dict[str, object]:
    from runs.engine.data.json_value import encode

    message = value.get("message") or encode(value).decode()
    return {**value, "message": message, "name": value.get("name", "Error")}


async def fail_times(place: Place, given: dict[str, Any]) -> object:
    key = (place.workflow, place.step)
    count = place.process.calls[key] = place.process.calls.get(key, 0) + 1
    if count <= given["times"]:
        return await fail(place, {**given, "message": given.get("message", f"failure {count}")})
    return place.input


async def write(place: Place, given: dict[str, Any]) -> object:
    for chunk in given["chunks"]:
        await place.context.writer.write(chunk)
        if given.get("everyMs"):
            await asyncio.sleep(given["everyMs"] / 1000)
    return place.input


async def custom(place: Place, given: dict[str, Any]) -> object:
    for chunk in given["chunks"]:
        await place.context.writer.custom(chunk)
    return place.input


async def set_state(place: Place, given: dict[str, Any]) -> object:
    patch = given["patch"]
    if given.get("mode") != "replace":
        patch = {**place.context.state, **patch}
    await place.context.set_state(patch)
    return place.input


async def incr_state(place: Place, given: dict[str, Any]) -> object:
    key = given["key"]
    value = place.context.state.get(key, 0) + given.get("by", 1)
    if given.get("delayMs"):
        await asyncio.sleep(given["delayMs"] / 1000)
    await place.context.set_state({**place.context.state, key: value})
    return {"value": value}


async def get_state(place: Place, given: dict[str, Any]) -> object:
    return {"state": dict(place.context.state)}


async def read_context(place: Place, given: dict[str, Any]) -> object:
    value = place.context.request_context.get(given["key"], UNSET)
    return {} if value is UNSET else {"value": value}


async def set_context(place: Place, given: dict[str, Any]) -> object:
    place.context.request_context.set(given["key"], given["value"])
    return place.input


async def context_all(place: Place, given: dict[str, Any]) -> object:
    return {"context": place.context.request_context.to_dict()}


async def suspend(place: Place, given: dict[str, Any]) -> object:
    c = place.context
    if c.resume_data is not UNSET and not given.get("always"):
        return given["output"] if "output" in given else _defined(input=place.input, resumed=c.resume_data)
    await c.suspend(given.get("payload", UNSET), resume_label=given.get("label"))
    raise _Done(given.get("returning", UNSET))


async def suspend_until(place: Place, given: dict[str, Any]) -> object:
    resume = place.context.resume_data
    got = resume.get(given["key"], UNSET) if isinstance(resume, dict) else UNSET
    if got is not UNSET and got == given["equals"]:
        return _defined(input=place.input, resumed=resume)
    await place.context.suspend({"need": given["key"], "got": None if resume is UNSET else resume})
    raise _Done(UNSET)


async def resume_info(place: Place, given: dict[str, Any]) -> object:
    c = place.context
    data = {"resumeData": c.resume_data, "suspendData": c.suspend_data}
    return _defined(input=place.input, **{key: None if value is UNSET else value for key, value in data.items()})


async def sleep_ms(place: Place, given: dict[str, Any]) -> object:
    seconds = given["ms"] / 1000
    if not given.get("abortable"):
        await asyncio.sleep(seconds)
        return place.input
    try:
        await asyncio.wait_for(place.context.abort_signal.wait(), seconds)
    except TimeoutError:
        return place.input
    return {"aborted": True}


async def hang(place: Place, given: dict[str, Any]) -> object:
    if place.process.number < given["untilProcess"]:
        await asyncio.Event().wait()
    return place.input


async def by_process(place: Place, given: dict[str, Any]) -> object:
    values = given["values"]
    return values[place.process.number - 1] if place.process.number <= len(values) else UNSET


async def bail(place: Place, given: dict[str, Any]) -> object:
    place.context.bail(given.get("result", place.input))
    raise _Done(given.get("returning", UNSET))


async def abort(place: Place, given: dict[str, Any]) -> object:
    place.context.abort()
    return place.input


# The names that the reference gives a step, in its order; the harness knows from its own facts which ones exist.
_ALWAYS = "runId workflowId resourceId mastra requestContext inputData state setState retryCount resumeData suspendData"
_ALWAYS += " getInitData getStepResult suspend bail abort resume restart abortSignal writer outputWriter tracingContext"


async def params(place: Place, given: dict[str, Any]) -> object:
    c = place.context
    absent = {
        "resourceId": c.resource_id is None,
        "mastra": not place.process.has_mastra,
        "inputData": place.input is UNSET,
        "resumeData": c.resume_data is UNSET,
        "suspendData": c.suspend_data is UNSET,
        "resume": c.suspend_data is UNSET and c.resume_data is UNSET,
        "outputWriter": not place.process.has_writer,
    }
    init = c.get_init_data()
    return {
        "present": [name for name in _ALWAYS.split() if not absent.get(name)],
        "runId": c.run_id,
        "workflowId": c.workflow_id,
        "resourceId": c.resource_id,
        "retryCount": c.retry_count,
        "state": dict(c.state),
        "initData": None if init is UNSET else init,
        "aborted": c.abort_signal.aborted,
        "restart": c.restarted,
    }


async def child_span(place: Place, given: dict[str, Any]) -> object:
    span = place.context.tracing.current_span.generic(
        given["name"],
        input=given.get("input", UNSET),
        metadata=given.get("metadata"),
        attributes=given.get("attributes"),
    )
    span.end(output=given.get("output", UNSET))
    return place.input


async def update_span(place: Place, given: dict[str, Any]) -> object:
    place.context.tracing.current_span.update(metadata=given["metadata"])
    return place.input


def _defined(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not UNSET}


PRIMITIVES: dict[str, Callable[[Place, dict[str, Any]], Awaitable[object]]] = {
    "add": _keyed(add, "n"),
    "multiply": _keyed(multiply, "n"),
    "concat": _keyed(add, "text"),
} | {
    function.__name__: function
    for function in (
        *(echo, const, undefined, get, fail, fail_times, write, custom, set_state, incr_state, get_state),
        *(read_context, set_context, context_all, suspend, suspend_until, resume_info, sleep_ms, hang, by_process),
        *(bail, abort, params, child_span, update_span),
    )
}
