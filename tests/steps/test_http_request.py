import json
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address

import pytest

from runs.steps import http_request
from runs.steps.addresses import LIMITS, Limits, may_connect
from tests.local_server import LocalServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size).decode()
        path, _, query = self.path.partition("?")
        if path == "/slow":
            time.sleep(1)
        if path.startswith("/to"):
            self._answer(302, b"", Location=query or "/echo")
        elif path == "/round":
            self._answer(302, b"", Location="/round")
        elif path == "/large":
            self._answer(200, b"x" * 5000)
        elif path.startswith("/status/"):
            self._answer(int(path.rpartition("/")[2]), b"told so")
        else:
            request = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
            request["exact"] = 9007199254740993
            self._answer(
                200, json.dumps(request | {"exact": 9007199254740993}).encode(), **{"Content-Type": "application/json"}
            )

    do_POST = do_PUT = do_GET

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # who asked has gone
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def limits(monkeypatch) -> Limits:
    """The limits, to be changed at will; they come back as they were."""
    for name in ("hosts", "private_networks", "max_bytes"):
        monkeypatch.setattr(LIMITS, name, getattr(Limits(), name))
    return LIMITS


@pytest.fixture
def server(limits) -> Iterator[str]:
    """A small server on this machine, which the settings allow to be asked."""
    limits.private_networks = ["127.0.0.0/8"]
    with LocalServer(Handler) as server:
        yield server.url


async def test_the_answer_is_given_with_status_headers_and_exact_json(output, server):
    answer = await output(http_request, url=f"{server}/echo?a=1", query={"page": 2, "all": True})
    assert (answer["status"], answer["ok"], answer["body"]["path"]) == (200, True, "/echo?a=1&page=2&all=true")
    assert answer["body"]["exact"] == 9007199254740993
    assert answer["headers"]["content-type"] == "application/json"


async def test_json_and_text_are_sent_and_a_change_carries_its_key(output, server):
    sent = (await output(http_request, url=f"{server}/echo", method="POST", body={"n": 1}, headers={"X-Own": "y"}))[
        "body"
    ]
    assert (json.loads(sent["body"]), sent["headers"]["X-Own"]) == ({"n": 1}, "y")
    assert sent["headers"]["Content-Type"] == "application/json"
    assert sent["headers"]["Idempotency-Key"].endswith(":http_request")
    assert (await output(http_request, url=f"{server}/echo", method="PUT", body="plain"))["body"]["body"] == "plain"


async def test_a_bad_status_fails_the_step_unless_any_is_accepted(output, failure, server):
    assert await failure(http_request, url=f"{server}/status/404") == "127.0.0.1 answered 404: told so"
    answer = await output(http_request, url=f"{server}/status/503", accept="any")
    assert (answer["status"], answer["ok"], answer["body"]) == (503, False, "told so")


async def test_redirects_are_followed_within_limits(output, failure, server):
    answer = await output(http_request, url=f"{server}/to", method="POST", body={"a": 1})
    assert (answer["body"]["method"], answer["body"]["body"], answer["url"]) == ("GET", "", f"{server}/echo")
    assert "redirects more than 5 times" in await failure(http_request, url=f"{server}/round")


async def test_a_redirect_leads_nowhere_that_is_not_allowed(failure, server, limits):
    assert "169.254.169.254" in await failure(http_request, url=f"{server}/to?http://169.254.169.254/latest")
    limits.hosts = ["127.0.0.1"]
    assert "localhost is not among" in await failure(http_request, url=f"{server}/to?http://localhost/")


async def test_private_addresses_are_refused_unless_allowed(failure, server, limits):
    limits.private_networks = []
    message = await failure(http_request, url=f"{server}/echo")
    assert message.startswith("127.0.0.1 leads to 127.0.0.1, a private address.")
    assert "a private address" in await failure(http_request, url="http://localhost:1/")
    assert "a private address" in await failure(http_request, url="http://[::ffff:127.0.0.1]:1/")
    assert "a private address" in await failure(http_request, url="http://2130706433:1/")  # 127.0.0.1 as one number


@pytest.mark.parametrize(
    ("hosts", "host", "fits"),
    [
        (["*"], "localhost", True),
        (["localhost"], "LOCALHOST.", True),
        (["*.example.org"], "localhost", False),
        (["none"], "localhost", False),
        (["*.example.org"], "example.org.localhost", False),
    ],
)
async def test_only_hosts_of_the_list_are_asked(failure, limits, hosts, host, fits):
    limits.hosts = hosts
    assert ("is not among the hosts" in await failure(http_request, url=f"http://{host}:1/")) is not fits


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("fe80::1", False),
        ("fd00::1", False),
    ],
)
def test_an_address_is_public_by_where_its_packets_go(address, public):
    assert may_connect(ip_address(address), []) is public
    assert may_connect(ip_address(address), ["0.0.0.0/0", "::/0"])


async def test_an_answer_that_is_too_large_or_too_late_fails(failure, server, limits):
    limits.max_bytes = 4096
    assert "larger than 4096 bytes" in await failure(http_request, url=f"{server}/large")
    assert await failure(http_request, url=f"{server}/slow", timeout=0.2) == "No answer from 127.0.0.1 within 0.2 s"


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "example.org", "http://", "http://me:secret@example.org/", "http://a b"]
)
async def test_what_is_no_address_is_refused_in_words(failure, url):
    assert "is not an address" in await failure(http_request, url=url)


async def test_headers_that_would_break_the_request_are_refused(failure, server):
    assert "set by the console" in await failure(http_request, url=f"{server}/", headers={"Host": "other"})
    assert "cannot carry" in await failure(http_request, url=f"{server}/", headers={"X-A": "1\r\nX-B: 2"})
