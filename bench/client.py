"""A client that costs little: what it took would be counted against the console."""

import asyncio
from types import TracebackType

import orjson


class Caller:
    """One connection to the HTTP API, kept open."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    async def __aenter__(self) -> "Caller":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, place: TracebackType | None) -> None:
        self._writer.close()

    async def post(self, path: str, body: object) -> object:
        """The answer's JSON. Raises AssertionError when it is not 200."""
        data = orjson.dumps(body)
        head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(data)}\r\n\r\n"
        self._writer.write(head.encode() + data)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in answer:
            text = b"".join([chunk async for chunk in self._chunks()])
        else:
            length = answer.split(b"content-length:")[1].split(b"\r\n")[0]
            text = await self._reader.readexactly(int(length))
        assert answer.startswith(b"http/1.1 200"), text
        return orjson.loads(text)

    async def _chunks(self):
        while size := int(await self._reader.readline(), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
