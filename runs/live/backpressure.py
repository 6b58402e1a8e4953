"""Makes a streamed response as slow as its reader.

Daphne takes every part of a response at once and keeps in memory what the network has not taken yet: a slow download of
a long log would stand there whole. Twisted knows when its buffer is full, and tells whoever registers as a producer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Message = dict[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Gate:
    """A Twisted push producer: shut while the buffer of the connection is full."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def pauseProducing(self) -> None:
        self._open.clear()

    def resumeProducing(self) -> None:
        self._open.set()

    def stopProducing(self) -> None:
        self._open.set()  # the reader has gone; Django hears of it and ends the response

    async def passed(self) -> None:
        await self._open.wait()


class Backpressure:
    """Wraps the HTTP application. Under another server than Daphne it changes nothing."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        # Daphne's `send` is a partial over the request that it answers.
        request = next(iter(getattr(send, "args", ())), None)
        if not hasattr(request, "registerProducer"):
            await self._application(scope, receive, send)
            return
        gate: Gate | None = None

        async def send_when_taken(message: Message) -> None:
            nonlocal gate
            if message["type"] == "http.response.body":
                if message.get("more_body") and gate is None and request.channel is not None:
                    gate = Gate()
                    request.registerProducer(gate, True)
                elif not message.get("more_body") and gate is not None:
                    gate = _let_go(request)
            await send(message)
            if gate is not None:
                await gate.passed()

        try:
            await self._application(scope, receive, send_when_taken)
        finally:
            if gate is not None:
                _let_go(request)


def _let_go(request: Any) -> None:
    """Twisted wants no producer on a response that ends; one whose reader has gone has lost its channel already."""
    if request.channel is not None:
        request.unregisterProducer()
