"""Twisted's HTTP channel, with bounds on the size and the time of a request, for clients that have not signed in yet.

Twisted reads a body of any length and lets a client take any time for it, and Daphne puts the whole of it into memory
before a middleware can look at its length.

Gains: 200 MB that an unknown client sends, chunked or not, are dropped instead of held in memory; a client that drips
its bytes gets 408; a malformed request gets one sentence instead of a traceback or no response.
Can go when Daphne bounds bodies and the time of their arrival itself, or when a proxy in front is required.
"""

import time
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import http

BYTES_A_SECOND = 4096  # the least average speed of a request that takes longer than `receive_seconds`
LINGER_SECONDS = 5.0  # in which what a refused client goes on sending is thrown away, for it to read the response
TOO_SLOW = "The request took too long to arrive. Send it again."
MALFORMED = "This is not a request that HTTP/1.1 knows: its first line, a header or a chunk is malformed or too long."


class Channel(http.HTTPChannel):
    """`limit`: bytes of a body. A longer one is dropped, and its request continues as if it had come; see BodyLimit.
    `receive_seconds`: how long the head of a request, and a small body, may take to come.
    """

    limit = 0
    receive_seconds = 30
    _began: float | None = None  # of the request that is being received
    _received = 0
    _is_refused = False  # what still comes is thrown away
    _lingering: Any = None
    transport: Any  # a TCP connection; Twisted declares the interface alone
    _networkProducer: Any

    # --- Receiving ---

    def dataReceived(self, data: bytes) -> None:
        if self._is_refused:
            return
        if not self._handlingRequest:
            now = time.monotonic()
            if self._began is None:
                self._began, self._received = now, 0
                self.setTimeout(self.receive_seconds)
            self._received += len(data)
            if now - self._began > self.receive_seconds + self._received / BYTES_A_SECOND:
                self._refuse(408, "Request Timeout", TOO_SLOW)
                return
        try:
            super().dataReceived(data)
        except ValueError:  # a length of five thousand digits
            self._respondToBadRequestAndDisconnect()

    def lineLengthExceeded(self, line: bytes) -> None:
        self._respondToBadRequestAndDisconnect()

    def allHeadersReceived(self) -> None:
        request = self.requests[-1]
        if self.length is not None and self.length > self.limit:
            request.requestHeaders.removeHeader(b"Expect")  # "100 Continue" would ask for the body
            super().allHeadersReceived()
            self._drop_body()  # the caller goes on by itself
            self.length = 0
        else:
            super().allHeadersReceived()

    def bodyReceived(self, request: Any, size: int) -> bool:
        """Whether the request may take what has come, `size` bytes in all so far; else it goes on without its body."""
        if self._is_refused:
            return False
        if size <= self.limit:
            return True
        # A chunked body has no length; BodyLimit is to find how much had come.
        request.requestHeaders.setRawHeaders(b"Content-Length", [b"%d" % size])
        self._drop_body()
        request.content.seek(0)
        request.content.truncate()
        self.allContentReceived()
        return False

    def allContentReceived(self) -> None:
        if self._is_refused and self._handlingRequest:
            return  # the end of a chunked body that was dropped
        self._began = None
        self.setTimeout(self.timeOut)  # the one that Twisted goes back to after the response
        super().allContentReceived()

    def lineReceived(self, line: bytes) -> None:
        if not self._is_refused:
            super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:
        if not self._is_refused:
            super().rawDataReceived(data)

    def _drop_body(self) -> None:
        self._is_refused = True
        self.persistent = False
        self.requests[-1].responseHeaders.setRawHeaders(b"Connection", [b"close"])

    # --- Ending ---

    def timeoutConnection(self) -> None:
        if self._began is not None and not self._handlingRequest and not self._is_refused:
            self._refuse(408, "Request Timeout", TOO_SLOW)
        else:
            super().timeoutConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._refuse(400, "Bad Request", MALFORMED)

    def _refuse(self, status: int, name: str, sentence: str) -> None:
        self._is_refused = True
        body = f"{sentence}\n".encode()
        head = f"HTTP/1.1 {status} {name}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.loseConnection()

    def loseConnection(self) -> None:
        """Close; after a refusal not before the client has had time to stop sending: closed with unread data, TCP drops
        the response that is on its way."""
        if not self._is_refused or self._lingering is not None:
            super().loseConnection()
            return
        self.setTimeout(None)
        self._networkProducer.resumeProducing()
        self._lingering = self.callLater(LINGER_SECONDS, self.transport.abortConnection)
        self.transport.loseWriteConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)
