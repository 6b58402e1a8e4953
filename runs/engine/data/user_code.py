"""Runs code of a workflow's author so that nothing it raises ends more than the step or callback that it is in."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Escaped(Exception):
    """Carries what author's code raised where it must not pass as it is.

    Such as SystemExit, KeyboardInterrupt, GeneratorExit or a CancelledError that did not come from outside: asyncio
    would end its event loop, or the task, for them. A failure has the name and the message of `error`.
    """

    def __init__(self, error: BaseException) -> None:
        self.error = error
        super().__init__(type(error).__name__)


@coroutine
def contained(
    work: Coroutine[Any, Any, object], task: "asyncio.Task[Any] | None" = None
) -> Generator[Any, Any, object]:
    """Await a coroutine of author's code. Raises its Exceptions as they are, and Escaped for all others.

    A CancelledError passes through only when something outside the coroutine has canceled this task. A task that
    cancels itself counts as having raised a CancelledError, also when it returns before that is delivered.
    `task`: the one that awaits this, where it is known.
    """
    if task is None and (task := asyncio.current_task()) is None:
        return (yield from work.__await__())
    before = cancels = task.cancelling()
    canceled_itself = False
    error: BaseException | None = None
    result: object = None
    resume: Callable[[Any], Any] = work.send
    argument: Any = None
    try:
        while True:  # from one wait to the next: a cancel that is asked for in between comes from elsewhere
            try:
                waits_for = resume(argument)
            finally:
                canceled_itself = canceled_itself or task.cancelling() > cancels
            try:
                argument = yield waits_for
                resume = work.send
            except GeneratorExit:
                work.close()
                raise
            except BaseException as raised:
                resume, argument = work.throw, raised
            cancels = task.cancelling()
    except StopIteration as end:
        result = end.value
    except Exception as raised:
        error = raised
    except asyncio.CancelledError as raised:
        if task.cancelling() > before and not canceled_itself:
            raise
        error = Escaped(raised)
    except BaseException as raised:
        if isinstance(raised, GeneratorExit) and not _is_running(task):
            raise  # the coroutine is being closed: its loop has ended
        error = Escaped(raised)
    if canceled_itself and (yield from _takes_back_cancel(task, before).__await__()) and error is None:
        error = Escaped(asyncio.CancelledError())
    if error is not None:
        raise error
    return result


async def call(function: Callable[..., object], *arguments: object) -> object:
    """Call a function of the author's on the event loop, and await what it returns. Raises as contained() does."""
    return await contained(_invoke(function, arguments))


async def _invoke(function: Callable[..., object], arguments: tuple[object, ...]) -> object:
    outcome = function(*arguments)
    return await outcome if inspect.isawaitable(outcome) else outcome


async def awaited(awaitable: Awaitable[object]) -> object:
    """Any awaitable as a coroutine."""
    return await awaitable


def call_plain(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call author's code that never waits, such as a validator. Raises Exceptions as they are, Escaped for others."""
    try:
        return function(*arguments, **options)
    except Exception:
        raise
    except BaseException as error:
        raise Escaped(error) from None


async def _takes_back_cancel(task: "asyncio.Task[Any]", before: int) -> bool:
    """Undo the cancels that author's code asked of its own task. Whether one was still to be delivered."""
    while task.cancelling() > before:
        task.uncancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if task.cancelling() > before:  # another one, from outside
            raise
        return True
    return False


def _is_running(task: "asyncio.Task[Any]") -> bool:
    try:
        return asyncio.current_task() is task
    except RuntimeError:
        return False
