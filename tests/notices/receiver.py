"""A receiver of webhooks: keeps what it gets, and answers as it is told."""

import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from tests.local_server import LocalServer

PATIENCE_SECONDS = 30.0


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes
    at: float  # monotonic seconds


class Receiver:
    """Listens at `url`; `answers` are the statuses of the next requests, then 200.

    Paths that end in `/silent` get no response before `close()`, those that end in `/endless` a body that never ends.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = []
        self._news = threading.Condition()
        self._closed = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                at = time.monotonic()
                with receiver._news:
                    receiver.received.append(Received(self.path, dict(self.headers), body, at))
                    status = receiver.answers.pop(0) if receiver.answers else 200
                    receiver._news.notify_all()
                if self.path.endswith("/silent"):
                    receiver._closed.wait(60)
                with suppress(OSError):  # a sender that waits no longer is what some tests are about
                    self.send_response(status)
                    if status == 302:
                        self.send_header("Location", "/elsewhere")
                    self.end_headers()
                    self.wfile.write(b"thank you")
                    while self.path.endswith("/endless") and not receiver._closed.wait(0.2):
                        self.wfile.write(b".")

            def log_message(self, *args: object) -> None:
                """A test's output is its own."""

        self._server = LocalServer(Handler)
        self.url = self._server.url

    def wait_for(self, count: int, path: str = "") -> list[Received]:
        """What came to this path, once there is so much of it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._news:
            while len(found := [each for each in self.received if each.path.startswith(path)]) < count:
                if not self._news.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{len(found)} of {count} deliveries came: {found}")
            return found

    def close(self) -> None:
        self._closed.set()
        self._server.close()
