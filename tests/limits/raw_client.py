"""Talks to a console byte by byte, as no library would."""

import contextlib
import socket
from collections.abc import Iterable

from tests.console_server import ConsoleServer

PATIENCE_SECONDS = 60.0


def connected(console: ConsoleServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", console.port), timeout=PATIENCE_SECONDS)


def answer_to(console: ConsoleServer, parts: Iterable[bytes]) -> bytes:
    """Everything that the console sends back until it closes the connection; it may close before all is sent."""
    with connected(console) as line:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                line.sendall(part)
        return rest_of(line)


def rest_of(line: socket.socket) -> bytes:
    told = b""
    with contextlib.suppress(ConnectionError):
        while data := line.recv(65536):
            told += data
    return told


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, "Host: localhost", *headers, "Connection: close", "", ""]).encode("latin-1")
