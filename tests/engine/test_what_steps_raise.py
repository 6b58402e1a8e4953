"""Whatever code of a workflow's author raises: what it is in fails with the exception's name, and nothing else does."""

import asyncio
from collections.abc import Callable

import pytest
from pydantic import BaseModel, field_validator, model_serializer

from runs.engine import RunStatus, Workflow, step
from runs.engine.data.failures import MAX_TEXT, failure_of


class OwnBase(BaseException):
    pass


class BrokenText(Exception):
    def __str__(self) -> str:
        raise SystemExit(4)

    __repr__ = __str__

    def __reduce__(self):
        raise KeyboardInterrupt


class BrokenAttributes(Exception):
    def __getattr__(self, name: str) -> object:
        raise OwnBase(name)


def _cycle() -> BaseException:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def _deep_cause() -> BaseException:
    error = ValueError("0")
    for number in range(2000):
        outer = ValueError(str(number))
        outer.__cause__ = error
        error = outer
    return error


def _with_fields(**fields: object) -> BaseException:
    error = ValueError("fields")
    vars(error).update(fields)
    return error


# The exception, and the name under which its step fails.
KINDS: dict[str, tuple[Callable[[], BaseException], str]] = {
    "SystemExit": (lambda: SystemExit(3), "SystemExit"),
    "KeyboardInterrupt": (KeyboardInterrupt, "KeyboardInterrupt"),
    "GeneratorExit": (GeneratorExit, "GeneratorExit"),
    "own BaseException": (lambda: OwnBase("mine"), "OwnBase"),
    "CancelledError": (asyncio.CancelledError, "CancelledError"),
    "StopIteration": (lambda: StopIteration("end"), "StopIteration"),
    "StopAsyncIteration": (StopAsyncIteration, "StopAsyncIteration"),
    "broken __str__": (lambda: BrokenText("x"), "BrokenText"),
    "broken attributes": (BrokenAttributes, "BrokenAttributes"),
    "huge message": (lambda: ValueError("x" * 5_000_000), "ValueError"),
    "half a surrogate pair": (lambda: ValueError("\ud800"), "ValueError"),
    "a cycle of causes": (_cycle, "ValueError"),
    "two thousand causes": (_deep_cause, "ValueError"),
    "RecursionError": (RecursionError, "RecursionError"),
    "MemoryError": (MemoryError, "MemoryError"),
    "ExceptionGroup": (lambda: ExceptionGroup("two", [ValueError(1), KeyError(2)]), "ExceptionGroup"),
    "BaseExceptionGroup": (lambda: BaseExceptionGroup("two", [SystemExit(1), KeyError(2)]), "BaseExceptionGroup"),
    "fields that are no JSON": (lambda: _with_fields(error_json={"a": object()}, big="x" * 10**7), "ValueError"),
    "TimeoutError": (TimeoutError, "TimeoutError"),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def _raise(kind: str) -> None:
    raise KINDS[kind][0]()


async def _a_raise(ctx: object = None) -> None:
    await asyncio.sleep(0)
    _raise(_KIND)


_KIND = ""


@pytest.fixture(autouse=True)
def current(request: pytest.FixtureRequest) -> None:
    global _KIND
    _KIND = request.getfixturevalue("kind") if "kind" in request.fixturenames else ""


class Validated(BaseModel):
    value: int

    @field_validator("value")
    @classmethod
    def check(cls, value: int) -> int:
        _raise(_KIND)
        return value


class Written(BaseModel):
    value: int = 1

    @model_serializer
    def write(self) -> dict:
        _raise(_KIND)
        return {}


def fine(ctx: object) -> dict:
    return {"value": 1}


async def async_step(ctx):
    await asyncio.sleep(0)
    _raise(_KIND)


async def async_step_at_once(ctx):
    _raise(_KIND)


def sync_step(ctx):
    _raise(_KIND)


async def returns_written(ctx):
    return Written()


async def suspends_written(ctx):
    await ctx.suspend(Written())


async def writes_written(ctx):
    await ctx.writer.write(Written())


def _one(function, **options) -> Workflow:
    return Workflow(id="wf").then(step(id="a", **options)(function))


def _nested(function) -> Workflow:
    inner = Workflow(id="inner").then(step(id="a")(function)).commit()
    return Workflow(id="wf").then(inner)


def _first() -> Workflow:
    return Workflow(id="wf").then(step(id="first")(fine))


PLACES: dict[str, Callable[[], Workflow]] = {
    "async step": lambda: _one(async_step),
    "async step, at once": lambda: _one(async_step_at_once),
    "async step with a time limit": lambda: _one(async_step, timeout=5),
    "sync step": lambda: _one(sync_step),
    "sync step with a time limit": lambda: _one(sync_step, timeout=5),
    "nested workflow": lambda: _nested(async_step),
    "parallel": lambda: Workflow(id="wf").parallel([step(id="a")(async_step), step(id="b")(fine)]),
    "foreach": lambda: (
        Workflow(id="wf").then(step(id="l")(lambda ctx: [1, 2])).foreach(step(id="a")(async_step), concurrency=2)
    ),
    "foreach concurrency": lambda: (
        Workflow(id="wf").then(step(id="l")(lambda ctx: [1])).foreach(step(id="a")(fine), concurrency=sync_step)
    ),
    "loop condition": lambda: Workflow(id="wf").dountil(step(id="a")(fine), sync_step),
    "async loop condition": lambda: Workflow(id="wf").dowhile(step(id="a")(fine), async_step),
    "mapping function": lambda: _first().map(sync_step),
    "mapping source": lambda: _first().map({"a": {"fn": async_step}}),
    "sleep function": lambda: _first().sleep(sync_step),
    "async sleep function": lambda: _first().sleep_until(async_step),
    "validator": lambda: _first().then(step(id="a", input=Validated)(fine)),
    "returned model": lambda: _one(returns_written),
    "suspend payload": lambda: _one(suspends_written),
    "chunk": lambda: _one(writes_written),
}


WRITERS = ("returned model", "suspend payload", "chunk")


@kinds
@pytest.mark.parametrize("place", PLACES)
async def test_whatever_is_raised_fails_the_step_by_name(kind, place):
    if place == "validator" and isinstance(KINDS[kind][0](), ValueError):
        return  # that is how a validator says what is wrong with a value
    result = await asyncio.wait_for(PLACES[place]().commit().create_run().start(input_data={}), 10)
    assert result.status is RunStatus.FAILED
    if kind != "RecursionError" or place not in WRITERS:  # there Pydantic names it in the message of its own error
        assert result.error["name"] == KINDS[kind][1], result.error
    assert len(str(result.error)) < 40 * MAX_TEXT
    assert asyncio.current_task().cancelling() == 0


@kinds
async def test_a_condition_that_raises_does_not_hold(kind):
    arms = [(sync_step, step(id="a")(fine)), (async_step, step(id="b")(fine)), (lambda ctx: True, step(id="c")(fine))]
    result = await Workflow(id="wf").branch(arms).commit().create_run().start(input_data={})
    assert result.status is RunStatus.SUCCESS
    assert list(result.result) == ["c"]


@kinds
async def test_a_step_is_tried_again_after_whatever_it_raised(kind):
    tries = []

    async def flaky(ctx):
        tries.append(ctx.retry_count)
        if len(tries) < 3:
            _raise(kind)
        return "done"

    result = await _one(flaky, retries=2).commit().create_run().start(input_data={})
    assert (result.status, result.result, tries) == (RunStatus.SUCCESS, "done", [0, 1, 2])


async def test_a_model_whose_validator_fails_is_read_again_at_the_next_attempt():
    read = []

    class Flaky(BaseModel):
        value: int

        @field_validator("value")
        @classmethod
        def check(cls, value: int) -> int:
            read.append(value)
            if len(read) < 3:
                raise SystemExit
            return value

    async def take(ctx):
        return ctx.input.value

    result = await _one(take, input=Flaky, retries=3).commit().create_run().start(input_data={"value": 7})
    assert (result.status, result.result, read) == (RunStatus.SUCCESS, 7, [7, 7, 7])


@kinds
async def test_callbacks_and_watchers_that_raise_change_nothing(kind):
    workflow = Workflow(id="wf", on_finish=sync_step, on_error=async_step).then(step(id="a")(fine)).commit()
    run = workflow.create_run()
    run.watch(lambda event: _raise(kind))
    assert (await run.start(input_data={})).status is RunStatus.SUCCESS


@kinds
async def test_an_output_writer_that_raises_fails_the_step_that_writes(kind):
    async def write(ctx):
        await ctx.writer.write(1)

    result = await _one(write).commit().create_run().start(input_data={}, output_writer=lambda chunk: _raise(kind))
    assert (result.status, result.error["name"]) == (RunStatus.FAILED, KINDS[kind][1])


async def cancels_and_waits(ctx):
    asyncio.current_task().cancel()
    await asyncio.sleep(5)


async def cancels_and_returns(ctx):
    asyncio.current_task().cancel()
    return "returned"


async def is_canceled_by_its_child(ctx):
    task = asyncio.current_task()
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.sleep(5)


@pytest.mark.parametrize("function", [cancels_and_waits, cancels_and_returns])
@pytest.mark.parametrize("place", ["step", "step with a time limit", "parallel", "loop condition", "sleep function"])
async def test_a_step_that_cancels_itself_fails(function, place):
    workflow = {
        "step": lambda: _one(function),
        "step with a time limit": lambda: _one(function, timeout=3),
        "parallel": lambda: Workflow(id="wf").parallel([step(id="a")(function), step(id="b")(fine)]),
        "loop condition": lambda: Workflow(id="wf").dountil(step(id="a")(fine), function),
        "sleep function": lambda: _first().sleep(function),
    }[place]()
    result = await asyncio.wait_for(workflow.commit().create_run().start(input_data={}), 10)
    assert (result.status, result.error["name"]) == (RunStatus.FAILED, "CancelledError")
    assert asyncio.current_task().cancelling() == 0


async def test_a_step_that_uses_time_limits_and_task_groups_of_its_own_is_left_alone():
    async def fails():
        raise ValueError("child")

    async def careful(ctx):
        caught = []
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            caught.append("timeout")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                await asyncio.sleep(5)
        except* ValueError:
            caught.append("group")
        return caught

    result = await _one(careful).commit().create_run().start(input_data={})
    assert result.result == ["timeout", "group"]


async def test_a_caller_that_stops_waiting_stops_the_run_and_fails_no_step():
    ended = []

    async def wait(ctx):
        try:
            await asyncio.sleep(5)
        finally:
            ended.append("ended")

    run = _one(wait).commit().create_run()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run.start(input_data={}), 0.05)
    assert ended == ["ended"]
    assert (await run.workflow.get_run(run.run_id))["status"] == "running"  # as after a crash: to be continued


async def test_a_step_that_ignores_its_cancel_does_not_outlast_its_time_limit(monkeypatch):
    from runs.engine.walk import attempt

    monkeypatch.setattr(attempt, "GRACE_SECONDS", 0.05)
    let_go = asyncio.Event()

    async def stubborn(ctx):
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        await ctx.writer.write("too late")

    run = _one(stubborn, timeout=0.05).commit().create_run()
    result = await asyncio.wait_for(run.start(input_data={}), 5)
    assert (result.status, result.error["name"]) == (RunStatus.FAILED, "TimeoutError")
    let_go.set()
    await asyncio.sleep(0.01)


def test_a_traceback_of_a_deep_recursion_is_bounded():
    def deep(n: int) -> None:
        deep(n + 1)

    try:
        deep(0)
    except RecursionError as error:
        failure = failure_of(error)
    assert failure.error["name"] == "RecursionError"
    assert len(failure.stack) <= 30
    assert len(failure.stack_text) <= MAX_TEXT + 100
