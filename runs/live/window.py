"""How much a socket may be ahead of its client: the bound on what a slow browser costs the server."""

import asyncio
from collections import deque

WINDOW_EVENTS = 1000
WINDOW_BYTES = 2 << 20  # events may be large; the server would hold them all for a client that reads nothing


class Window:
    """Counts what was sent and not yet acknowledged. Frames are kept by their last seq and size alone."""

    def __init__(self, after: int) -> None:
        self.sent = after  # the last event sent
        self.acked = after
        self._frames: deque[tuple[int, int]] = deque()
        self._bytes = 0
        self._opened = asyncio.Event()

    @property
    def free(self) -> int:
        """How many events may go out now. An empty window lets at least one frame pass, whatever its size."""
        return 0 if self._bytes >= WINDOW_BYTES else max(0, WINDOW_EVENTS - (self.sent - self.acked))

    def add(self, last: int, size: int) -> None:
        """A frame of `size` bytes, ending with event `last`, has gone out."""
        self.sent = last
        self._frames.append((last, size))
        self._bytes += size

    def ack(self, seq: int) -> None:
        """The client has taken in everything up to `seq`."""
        if seq <= self.acked:
            return
        self.acked = seq
        while self._frames and self._frames[0][0] <= seq:
            self._bytes -= self._frames.popleft()[1]
        self._opened.set()

    async def opened(self) -> None:
        """Wait until something may go out."""
        while not self.free:
            self._opened.clear()
            await self._opened.wait()
