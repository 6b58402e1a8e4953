"""The wire between a browser and the console, which can be cut."""

import asyncio
import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is on its way is thrown away, and the peer gets a RST


class Line:
    """A port that leads to another one. `cut()` kills every socket of a run that goes through it, at both ends."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._all: set[asyncio.StreamWriter] = set()
        self._live: set[asyncio.StreamWriter] = set()  # those of runs
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def cut(self) -> int:
        """How many sockets there were to kill."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    @property
    def sockets(self) -> int:
        """How many sockets of runs go through it now."""
        return len(self._live) // 2

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._joined, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for writer in self._all:
            writer.transport.abort()
        self._loop.run_until_complete(self._quiet())
        self._loop.close()

    async def _quiet(self) -> None:
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    async def _joined(self, near_in: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            far_in, far = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            near.close()
            return
        self._all |= {near, far}
        await asyncio.gather(self._pass(near_in, far, near), self._pass(far_in, near, far), return_exceptions=True)

    async def _pass(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        try:
            while part := await source.read(1 << 16):
                if part.startswith(b"GET /ws/"):
                    self._live |= {to, back}
                to.write(part)
                await to.drain()
        except ConnectionError:
            pass
        finally:
            self._live -= {to, back}
            self._all.discard(to)
            to.close()

    async def _cut(self) -> int:
        cut = list(self._live)
        for writer in cut:
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        self._live.clear()
        return len(cut) // 2
