"""Daemon threads for sync step functions: they never block the event loop, nor the end of the process."""

import asyncio
import ctypes
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from ..data.user_code import Escaped

T = TypeVar("T")

IDLE_SECONDS = 10.0
GRACE_SECONDS = 5.0  # a function that is abandoned may clean up for so long; then it is interrupted
_idle: list["_Worker"] = []  # last in, first out, so that surplus threads grow old and end
_lock = threading.Lock()


class StepStopped(BaseException):
    """Raised inside a sync step function that goes on although its step is over: canceled, or out of time.

    Not an Exception, so that no `except Exception` keeps the function alive.
    """


class ThreadCall(Generic[T]):
    """A function at work in a thread of its own. Made, and used but for its function, on one event loop."""

    def __init__(self, function: Callable[[], T]) -> None:
        """Start it, with the caller's context variables.

        There are as many threads as functions at work, since one that blocks must not stop the others.
        """
        self._function = function
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._thread: int | None = None
        self._guard = threading.Lock()  # held while it is decided whether the thread is still at the function
        self._interrupted = False
        self._ended = False
        self._on_end: Callable[[], None] | None = None
        # Cancelling it leaves the function behind; what that gives is dropped.
        self.future: asyncio.Future[T] = self._loop.create_future()
        with _lock:
            worker = _idle.pop() if _idle else None
        if worker is None:
            worker = _Worker()
            worker.start()
        worker.inbox.put(self)

    @property
    def is_at_work(self) -> bool:
        return not self._ended

    def leave(self, on_end: Callable[[], None]) -> None:
        """Abandon the function: interrupt it after its grace, and call `on_end` once it is really over.

        Python delivers the interruption between two of its own instructions: a call that blocks in C, such as a sleep
        or a read of a socket, comes to its end first.
        """
        self._on_end = on_end
        timer = self._loop.call_later(GRACE_SECONDS, self._interrupt)
        if self._ended:  # in the moment between
            timer.cancel()
            on_end()

    def run(self) -> bool:
        """In the thread: call the function, and hand over what comes of it. Whether the thread may be used again."""
        outcome: Callable[[], None] | None = None
        with suppress(StepStopped):  # it may come late: after the function's end, before that is noted
            outcome = self._call()
        try:
            self._loop.call_soon_threadsafe(self._end, outcome)
        except RuntimeError:
            return False  # the loop has been closed meanwhile: nothing waits for it
        return not self._interrupted

    def _call(self) -> Callable[[], None]:
        with self._guard:
            self._thread = threading.get_ident()
        try:
            value = self._context.run(self._function)
        except BaseException as error:
            raised = error if isinstance(error, Exception) and not isinstance(error, StopIteration) else Escaped(error)
            outcome: Callable[[], None] = lambda: self._fail(raised)  # noqa: E731
        else:
            outcome = lambda: self._succeed(value)  # noqa: E731
        with self._guard:
            self._thread = None
        return outcome

    def _interrupt(self) -> None:
        with self._guard:
            if self._thread is not None:
                self._interrupted = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(StepStopped))

    def _end(self, outcome: Callable[[], None] | None) -> None:
        self._ended = True
        if outcome is not None:
            outcome()
        if self._on_end is not None:
            self._on_end()

    def _succeed(self, value: T) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Worker(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="workflow-step", daemon=True)
        self.inbox: queue.SimpleQueue[ThreadCall[Any]] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            try:
                call = self.inbox.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with _lock:
                    if self in _idle:
                        _idle.remove(self)
                        return
                continue  # work is on its way
            if not call.run():
                return  # a thread that was interrupted is not used for others
            del call
            with _lock:
                _idle.append(self)
