"""How a run is told to stop."""

import asyncio
from collections.abc import Callable


class CancelToken:
    """Asks a run to stop, and tells its steps so. Once canceled it stays canceled.

    A running step is not interrupted by it: steps look at `aborted`, or wait for it.
    """

    __slots__ = ("_event", "_listeners", "_loop", "aborted", "by", "canceled", "expired")

    def __init__(self) -> None:
        self.aborted = False
        self.canceled = False  # from outside, and not by one of its own steps
        self.by: str | None = None
        self.expired: dict[str, object] | None = None  # the error of a run whose time was over
        self._event: asyncio.Event | None = None
        self._listeners: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

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
        """Stop the run from within. Its spans tell how its steps ended, not that they were canceled."""
        if self.aborted:
            return
        self.aborted = True
        if self._event is not None:
            self._event.set()
        for listener in list(self._listeners):
            listener()

    def cancel_threadsafe(self, by: str | None = None) -> None:
        """Stop the run, from any thread. Does nothing when its loop is closed."""
        loop = self._loop
        if loop is None:
            self.cancel(by)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(self.cancel, by)

    async def wait(self) -> None:
        """Until the run is told to stop."""
        if self.aborted:
            return
        if self._event is None:
            self._event = asyncio.Event()
        await self._event.wait()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell on which loop the run is executed."""
        self._loop = loop

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call it when the run is told to stop; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
