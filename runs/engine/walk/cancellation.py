"""The cancellation of a run."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


class CancelToken:
    """Cancels a run and notifies its steps. Once canceled it stays canceled.

    A running step is not interrupted by it: steps look at `aborted`, or wait for it. `aborted` is set at once, also by
    another thread and while the loop of the run is blocked; listeners are called on the loop.
    """

    __slots__ = ("_event", "_listeners", "_loop", "_notified", "aborted", "by", "canceled", "expired")

    def __init__(self) -> None:
        self.aborted = False
        self.canceled = False  # from outside, and not by one of its own steps
        self.by: str | None = None
        self.expired: dict[str, object] | None = None  # the error of a run whose time was over
        self._event: asyncio.Event | None = None
        self._listeners: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._notified = False

    def cancel(self, by: str | None = None) -> None:
        """Stop the run; on the thread of the loop that executes it, or before it is executed."""
        if self.aborted:
            return
        self.canceled = True
        self.by = by
        self.abort()

    def expire(self, error: dict[str, object]) -> None:
        """Stop the run because its time is over: it fails with this error."""
        if not self.aborted:
            self.expired = error
            self.abort()

    def abort(self) -> None:
        """Stop the run from within. Its spans show how its steps ended, not that they were canceled."""
        if not self.aborted:
            self.aborted = True
            self.notify()

    def notify(self) -> None:
        """Call the listeners, once, of a canceled run. Runs on the loop that executes it."""
        if not self.aborted or self._notified:
            return
        self._notified = True
        if self._event is not None:
            self._event.set()
        for listener in list(self._listeners):
            listener()

    def cancel_threadsafe(self, by: str | None = None) -> None:
        """Stop the run, from any thread. A step that blocks the loop ends a canceled run all the same."""
        if self.aborted:
            return
        self.canceled, self.by = True, by
        self.aborted = True  # last: a thread that sees it finds the rest
        loop = self._loop
        with suppress(RuntimeError):  # the loop is closed
            if loop is not None:
                loop.call_soon_threadsafe(self.notify)

    async def wait(self) -> None:
        """Wait until the run is canceled."""
        if self.aborted:
            self.notify()
            return
        if self._event is None:
            self._event = asyncio.Event()
        await self._event.wait()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the loop that executes the run."""
        self._loop = loop

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener when the run is canceled; returns a function that removes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
