"""What a client sends before it has signed in: bounded in size while it is read, and in time."""

import contextlib
import socket
import time

import pytest

from tests.limits.raw_client import answer_to, connected, request, rest_of
from tests.server_memory import own_bytes

SENT_BYTES = 200 << 20
PART = b"x" * (1 << 20)
MOST_GROWN = 24 << 20  # what the console may need for it, at any time
API = "POST /api/workflows/text-stream/start-async HTTP/1.1"


def plain_body():
    yield request(API, f"Content-Length: {SENT_BYTES}", "Content-Type: application/json")
    yield from [PART] * (SENT_BYTES // len(PART))


def chunked_body():
    yield request(API, "Transfer-Encoding: chunked", "Content-Type: application/json")
    for _ in range(SENT_BYTES // len(PART)):
        yield b"%x\r\n%b\r\n" % (len(PART), PART)
    yield b"0\r\n\r\n"


def one_chunk():
    yield request(API, "Transfer-Encoding: chunked", "Content-Type: application/json")
    yield b"%x\r\n" % SENT_BYTES
    yield from [PART] * (SENT_BYTES // len(PART))


def multipart_body():
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    size = SENT_BYTES + len(head)
    yield request(
        "POST /sign-in/ HTTP/1.1",
        f"Content-Length: {size}",
        "Content-Type: multipart/form-data; boundary=b",
        "Accept: text/html",
    )
    yield head
    yield from [PART] * (SENT_BYTES // len(PART))


@pytest.mark.parametrize("body", [plain_body, chunked_body, one_chunk, multipart_body])
def test_a_large_body_of_an_unknown_client_is_refused_in_a_sentence_and_takes_no_memory(limited, body):
    before = own_bytes(limited)
    most = before

    def watched():
        nonlocal most
        for number, part in enumerate(body()):
            if number % 16 == 0:
                most = max(most, own_bytes(limited))
            yield part

    told = answer_to(limited, watched())
    most = max(most, own_bytes(limited))
    assert told.startswith(b"HTTP/1.1 413 "), told[:200]
    assert b"Connection: close" in told
    assert b"Request body too large" in told or b"were sent; at most" in told, told
    assert most - before < MOST_GROWN
    assert answer_to(limited, [request("GET /healthz HTTP/1.1")]).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_asks_first_is_not_told_to_go_on(limited):
    asked = request(API, f"Content-Length: {SENT_BYTES}", "Expect: 100-continue")
    told = answer_to(limited, [asked])
    assert told.startswith(b"HTTP/1.1 413 ")


def test_a_body_at_the_limit_is_read(limited):
    body = b'{"inputData": 1}'.ljust(4_718_592)
    chunks = [b"%x\r\n%b\r\n" % (len(body), body), b"0\r\n\r\n"]
    told = answer_to(limited, [request(API, "Transfer-Encoding: chunked"), *chunks])
    assert told.startswith(b"HTTP/1.1 401 ")
    told = answer_to(limited, [request(API, f"Content-Length: {len(body)}"), body])
    assert told.startswith(b"HTTP/1.1 401 ")


def test_a_request_that_comes_too_slowly_is_ended_in_a_sentence(new_console):
    console = new_console({"WFCONSOLE_RECEIVE_SECONDS": "1"})
    halves = {
        "a first line": b"GET /heal",
        "headers": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A",
        "a body": request(API, "Content-Length: 100") + b"x",
        "a chunk": request(API, "Transfer-Encoding: chunked") + b"ff\r\nx",
    }
    for name, half in halves.items():
        with connected(console) as line:
            line.sendall(half)
            told = _dripped(line)
        assert told.startswith(b"HTTP/1.1 408 "), (name, told)
        assert b"took too long to arrive" in told
    with connected(console) as line:  # that says nothing more is ended, too
        line.sendall(b"GET /heal")
        assert rest_of(line).startswith(b"HTTP/1.1 408 ")


def _dripped(line: socket.socket) -> bytes:
    """Send a byte again and again, until the console has had enough."""
    line.settimeout(0.1)
    deadline = time.monotonic() + 30
    told = b""
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError, ConnectionError):
            data = line.recv(65536)
            if not data:
                return told
            told += data
            continue
        with contextlib.suppress(ConnectionError):
            line.sendall(b"x")
    raise AssertionError(f"The console waits for ever: {told!r}")


def test_a_large_message_to_a_socket_closes_it(limited):
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    before = own_bytes(limited)
    address = f"ws://127.0.0.1:{limited.port}/ws/runs/none/"
    with connect(address, origin=limited.url, max_size=None) as socket:
        try:
            socket.send("x" * (50 << 20))
            while True:
                socket.recv(timeout=30)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
    assert code in (1009, 1006, 4401)
    assert own_bytes(limited) - before < MOST_GROWN
