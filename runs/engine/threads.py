"""Daemon threads for sync step functions: they never block the event loop, nor the end of the process."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

IDLE_SECONDS = 10.0
_Work = Callable[[], None]
_idle: list["_Worker"] = []  # last in, first out, so that surplus threads grow old and end
_lock = threading.Lock()


class _Worker(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="workflow-step", daemon=True)
        self.inbox: queue.SimpleQueue[_Work] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            try:
                work = self.inbox.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with _lock:
                    if self in _idle:
                        _idle.remove(self)
                        return
                continue  # work is on its way
            work()
            del work
            with _lock:
                _idle.append(self)


def run_in_thread(function: Callable[[], T]) -> asyncio.Future[T]:
    """Start the function in a thread of its own, with the caller's context variables.

    There are as many threads as functions at work, since one that blocks must not stop the others. Cancelling the
    future leaves the thread behind; its outcome is dropped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def work() -> None:
        try:
            value = context.run(function)
        except BaseException as error:  # handed over as it is; the waiting coroutine raises it
            outcome: Callable[[], None] = lambda error=error: _fail(future, error)  # type: ignore[misc]  # noqa: E731
        else:
            outcome = lambda value=value: _finish(future, value)  # type: ignore[misc]  # noqa: E731
        try:
            loop.call_soon_threadsafe(outcome)
        except RuntimeError:
            return  # the loop has been closed meanwhile: nobody waits any more

    with _lock:
        worker = _idle.pop() if _idle else None
    if worker is None:
        worker = _Worker()
        worker.start()
    worker.inbox.put(work)
    return future


def _finish(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        if isinstance(error, StopIteration):  # a future refuses it
            error = RuntimeError(f"The step raised StopIteration: {error}")
        future.set_exception(error)
