"""Daphne's server, with its own request, HTTP factory and socket classes.

Gains: Django alone parses bodies, where Twisted parsed each form and each Content-Type before it on the event loop, and
no line is formatted for an access log that goes nowhere: 6.2 to 5.2 ms of processor time for one start over HTTP with
its run. `OPTIONS *`, absolute addresses and bytes in headers get a response instead of a traceback. A response that
breaks off in the middle closes its connection. Messages that a socket receives have at most 4 kB; Autobahn's own limit
also closed the sockets to which the server sent more.
Can go piece by piece: when Daphne takes a factory and `parsePOSTFormSubmission`, responds to requests without a path,
and when Autobahn has a limit of its own for what it receives.
"""

from functools import partial
from typing import Any

import daphne.server
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from twisted.web.http import _GenericHTTPChannelProtocol

from .http_channel import Channel

ENCODED = (b"Daphne-Root-Path", b"Sec-WebSocket-Protocol")  # which Daphne decodes as ASCII
MOST_SOCKET_BYTES = 4096  # of a message to a socket: each is a small number


class Request(WebRequest):
    """A request whose body is bounded while it arrives."""

    path: bytes
    _received = 0

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self.channel.bodyReceived(self, self._received):
            super().handleContentChunk(data)

    def process(self) -> Any:
        """Pass on requests of a path alone: Django can make no URL of `OPTIONS *`."""
        if self.path.startswith((b"http://", b"https://")):  # as a proxy is asked
            path = self.path.split(b"/", 3)[3:]
            self.path = b"/" + (path[0] if path else b"")
        for name in ENCODED:
            if any(not value.isascii() for value in self.requestHeaders.getRawHeaders(name, ())):
                self._answer(400, f"The header {name.decode()} holds a character that is not ASCII.\n")
                return None
        if not self.path.startswith(b"/"):
            is_ping = (self.method, self.path) == (b"OPTIONS", b"*")
            self._answer(204 if is_ping else 400, "" if is_ping else "The address of a request begins with a slash.\n")
            return None
        return super().process()

    def handle_exception(self, exception: Exception) -> None:
        """Close the connection of a response that has begun: nothing else shows the client that its end is missing."""
        if self._response_started and not self.finished and self.channel is not None:
            self.channel.transport.abortConnection()
        else:
            super().handle_exception(exception)

    def _answer(self, status: int, text: str) -> None:
        headers = [(b"Content-Type", b"text/plain; charset=utf-8")] if text else [(b"Allow", b"GET, HEAD, POST")]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.channel.persistent = False  # what follows such a head cannot be trusted to be a request
        self.handle_reply({"type": "http.response.body", "body": text.encode()})


class Factory(HTTPFactory):
    """Makes the protocol of each connection."""

    def protocol(self) -> Any:
        channel = Channel()
        channel.limit = settings.MAX_BODY_BYTES
        channel.receive_seconds = settings.RECEIVE_SECONDS
        return _GenericHTTPChannelProtocol(channel)

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        # Django reads bodies, in a thread. Twisted would parse each form before, and read the type of any other body
        # by a parser of e-mails, for a tenth of the time of a start.
        protocol.requestFactory = partial(Request, parsePOSTFormSubmission=False)
        return protocol

    def log(self, request: Any) -> None:
        """Writes no line: Daphne leads Twisted's log to nowhere, where each would be put together all the same."""


class Socket(WebSocketProtocol):
    """A socket that bounds what it receives alone: Autobahn's limit of a message holds for what is sent, too."""

    maxMessagePayloadSize: int

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = limit


class Server(daphne.server.Server):
    """The server of `manage.py serve`; its parameters are Daphne's."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(
            websocket_max_message_size=MOST_SOCKET_BYTES, websocket_max_frame_size=MOST_SOCKET_BYTES, **parameters
        )

    def run(self) -> None:
        daphne.server.HTTPFactory = Factory  # Daphne makes its factory by that name, and takes none
        WebSocketFactory.protocol = Socket
        super().run()
