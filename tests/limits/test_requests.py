"""Requests that no client of good will sends: a refusal in a sentence, and nothing in the log but lines."""

import re

import pytest

from tests.limits.raw_client import answer_to, request

SOCKET = (
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
ORIGIN = "Origin: http://localhost"


def socket(path: str, *headers: str) -> bytes:
    return request(f"GET {path} HTTP/1.1", *SOCKET, *headers).replace(b"Connection: close", b"Connection: Upgrade")


REFUSED = {
    "no address": request("GET healthz HTTP/1.1"),
    "a tunnel": request("CONNECT example.com:80 HTTP/1.1"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "one word": b"GET\r\n\r\n",
    "an unknown version": request("GET / HTTP/9.9"),
    "a method of no letters": request("G\xffT / HTTP/1.1"),
    "another host": b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "a host of no letters": b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nConnection: close\r\n\r\n",
    "a path of bytes": request("GET /runs/\xff/ HTTP/1.1"),
    "a query of bytes": request("GET /runs/?q=\xff HTTP/1.1"),
    "NUL in a path": request("GET /runs/a%00b/ HTTP/1.1"),
    "NUL in a query": request("GET /runs/?q=%00 HTTP/1.1"),
    "NUL in a file's name": request("GET /static/%00 HTTP/1.1"),
    "NUL in a header": request("GET / HTTP/1.1", "X-A: a\x00b"),
    "NUL in a cookie": request("GET / HTTP/1.1", "Cookie: sessionid=a\x00b"),
    "a control character": request("GET / HTTP/1.1", "X-A: a\x0bb"),
    "a length of letters": request("POST / HTTP/1.1", "Content-Length: abc"),
    "a negative length": request("POST / HTTP/1.1", "Content-Length: -5"),
    "two lengths": request("POST / HTTP/1.1", "Content-Length: 5", "Content-Length: 6"),
    "a length of five thousand digits": request("POST / HTTP/1.1", "Content-Length: " + "9" * 5000),
    "an unknown encoding": request("POST / HTTP/1.1", "Transfer-Encoding: gzip"),
    "a bad chunk": request("POST / HTTP/1.1", "Transfer-Encoding: chunked") + b"zz\r\n",
    "a long first line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n",
    "a long header": request("GET / HTTP/1.1", "X-A: " + "a" * 20_000),
    "many headers": request("GET / HTTP/1.1", *["X-A: a"] * 600),
    "a root path of bytes": request("GET / HTTP/1.1", "Daphne-Root-Path: \xff"),
    "an unknown socket": socket("/ws/nothing/", ORIGIN),
    "a socket at a page": socket("/runs/", ORIGIN),
    "a socket's protocol of bytes": socket("/ws/runs/a/", ORIGIN, "Sec-WebSocket-Protocol: \xff"),
    "a socket's origin of bytes": socket("/ws/runs/a/", "Origin: \xff"),
    "a socket's origin that is no address": socket("/ws/runs/a/", "Origin: http://["),
    "half a socket": request("GET /ws/runs/a/ HTTP/1.1", "Upgrade: websocket"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_request_is_refused_without_a_traceback(limited, name):
    seen = len(limited.log)
    told = answer_to(limited, [REFUSED[name]])
    assert re.match(rb"HTTP/1\.1 (400|403|404|405|414|431) ", told), told[:300]
    assert "Traceback" not in limited.log[seen:]


def test_a_ping_of_the_server_itself_is_answered(limited):
    assert answer_to(limited, [request("OPTIONS * HTTP/1.1")]).startswith(b"HTTP/1.1 204 ")


def test_a_whole_address_is_read_as_its_path(limited):
    assert answer_to(limited, [request("GET http://localhost/healthz HTTP/1.1")]).startswith(b"HTTP/1.1 200 ")


HOSTILE = ["%00", "a%00b", "%ff%fe", "%ed%a0%80", "%0d%0aX-A:1", "9" * 5000, "%2e%2e", "'\"<"]
PLACES = [
    "/runs/{}/",
    "/runs/{}/events?after=0",
    "/runs/{}/log.txt",
    "/runs/?q={}",
    "/runs/?q=tag:{}",
    "/workflows/{}/",
    "/workflows/{}/start/",
    "/traces/{}/",
    "/inbox/?run={}",
    "/inbox/?before={}",
    "/sign-in/?next={}",
    "/api/workflows/{}",
    "/api/workflows/text-stream/runs/{}",
    "/api/workflows/text-stream/runs?resourceId={}",
    "/admin/runs/workflowrun/?q={}",
    "/admin/runs/workflowrun/{}/change/",
]


@pytest.fixture(scope="module")
def person(limited):
    with limited.client() as client:
        yield client


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "hostile", ["%00", "a%00b", "%ff%fe", "%ed%a0%80", "%0d%0aX-A:1", "9" * 5000, "%2e%2e", "'\"<"]
)
def test_no_address_is_an_error_of_the_server(limited, person, place, hostile):
    seen = len(limited.log)
    answer = person.get(place.format(hostile), follow_redirects=False)
    assert answer.status_code < 500
    if "%00" in hostile:
        assert answer.status_code == 400
        assert "NUL character" in answer.text
    assert "Traceback" not in limited.log[seen:]
