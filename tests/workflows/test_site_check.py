import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from runs.workflows import site_check
from tests.local_server import LocalServer


@pytest.fixture
def site() -> Iterator[str]:
    """A small site: /ok, /broken, /slow (for 2 s), anything else is not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/slow":
                time.sleep(2)
            status = {"/ok": 200, "/slow": 200, "/broken": 500}.get(self.path, 404)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"all is well")

        def log_message(self, *arguments: object) -> None:
            pass

    with LocalServer(Handler) as server:
        yield server.url


async def test_each_address_is_asked_and_reported(play, site):
    urls = [f"{site}/ok", f"{site}/broken", f"{site}/nowhere"]
    played = await play(site_check, input_data={"urls": urls})
    assert played.result.status == "success", played.result.error
    report = played.result.result
    assert (report["checked"], report["ok"]) == (3, 1)
    assert [check["problem"] for check in report["checks"]] == [None, "Answered 500", "Answered 404"]
    assert report["checks"][0]["bytes"] == len("all is well")
    assert len(played.of_type("progress")) == 3


async def test_an_address_that_does_not_answer_in_time_is_a_finding_not_a_failure(play, site):
    began = time.monotonic()
    played = await play(site_check, input_data={"urls": [f"{site}/slow"], "timeout": 0.3})
    assert time.monotonic() - began < 1.5
    assert played.result.result["problems"][0]["problem"] == "No answer within 0.3 s"


async def test_addresses_are_asked_several_at_a_time(play, site):
    began = time.monotonic()
    urls = [f"{site}/slow", f"{site}/slow#1", f"{site}/slow#2", f"{site}/slow#3"]
    played = await play(site_check, input_data={"urls": urls})
    assert time.monotonic() - began < 5
    assert played.result.result["checked"] == 4


async def test_a_port_where_nobody_listens_is_a_finding(play):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    played = await play(site_check, input_data={"urls": [f"http://127.0.0.1:{port}/"]})
    assert played.result.status == "success"
    assert played.result.result["ok"] == 0


async def test_what_is_expected_can_be_said(play, site):
    wanted = {"urls": [f"{site}/broken"], "expected_status": 500, "expected_text": "all is well"}
    assert (await play(site_check, input_data=wanted)).result.result["ok"] == 1
    other = wanted | {"expected_text": "nothing is well"}
    problem = (await play(site_check, input_data=other)).result.result["problems"][0]["problem"]
    assert problem == "The answer does not contain 'nothing is well'"


async def test_a_path_is_a_page_of_this_console(play, site, monkeypatch):
    monkeypatch.setenv("WFCONSOLE_URL", f"{site}/")
    played = await play(site_check, input_data={"urls": ["/ok", "/ok"]})
    assert [check["url"] for check in played.result.result["checks"]] == [f"{site}/ok"]


async def test_what_is_no_address_fails_with_a_sentence(play):
    played = await play(site_check, input_data={"urls": ["ftp://example.org/"]})
    assert played.result.status == "failed"
    assert played.result.error["message"].endswith("Begin it with http:// or https://.")
