"""Readers that do not read cost the server next to nothing, over sockets and over HTTP."""

import json
import socket
import time
from contextlib import ExitStack, closing

import httpx
import pytest
from websockets.sync.client import connect

from tests.server_memory import open_files, own_bytes, settled_bytes

GROWTH_BYTES = 30_000_000  # of the whole server, by 60 MB of events and eight readers
EVENTS, EVENT_BYTES = 3_000, 20_000
READERS = 4


@pytest.fixture
def console(new_console):
    """Memory is measured: nothing else may have happened in it."""
    return new_console({"WFCONSOLE_WORKFLOWS": "tests.chaos.workflows"})


def large_run(console, client: httpx.Client) -> str:
    """A run that has ended and left about 60 MB of chunks."""
    given = json.dumps({"events": EVENTS, "bytes": EVENT_BYTES})
    run_id = console.manage("start_run", "flood", "--input", "-", input=given).stdout.strip()
    deadline = time.monotonic() + 120
    while not client.get(f"/runs/{run_id}/events?after=1000000&format=json").json()["ended"]:
        assert time.monotonic() < deadline, console.log
        time.sleep(0.1)
    return run_id


def warm_up(client: httpx.Client) -> None:
    """Let the server import what its first pages need."""
    for path in ("/", "/runs/", "/workflows/"):
        assert client.get(path).status_code == 200


def test_sockets_that_read_nothing_hold_one_window_each(console):
    with closing(console.client()) as client, ExitStack() as sockets:
        warm_up(client)
        before = own_bytes(console)
        run_id = large_run(console, client)
        headers = {"Cookie": f"sessionid={client.cookies['sessionid']}", "Origin": console.url}
        url = f"ws://127.0.0.1:{console.port}/ws/runs/{run_id}/"
        for _ in range(READERS):
            reader = sockets.enter_context(
                connect(
                    url, additional_headers=headers, max_size=None, max_queue=1, compression=None, close_timeout=0.2
                )
            )
            reader.send('{"resume":0}')
        assert settled_bytes(console, before + GROWTH_BYTES) - before < GROWTH_BYTES
        # The last of them begins to read, and gets everything.
        last = 0
        while True:
            frame = json.loads(reader.recv(timeout=20))
            if "end" in frame:
                break
            if "events" in frame:
                assert frame["first"] == last + 1
                last = frame["last"]
                reader.send(json.dumps({"ack": last}))
        assert last == frame["end"] >= EVENTS


def test_a_download_that_nobody_reads_does_not_pile_up_in_the_server(console):
    with closing(console.client()) as client:
        warm_up(client)
        before = own_bytes(console)
        run_id = large_run(console, client)
        request = (
            f"GET /runs/{run_id}/events.ndjson HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Cookie: sessionid={client.cookies['sessionid']}\r\n\r\n"
        )
        with ExitStack() as readers:
            for _ in range(READERS):
                reader = readers.enter_context(socket.create_connection(("127.0.0.1", console.port)))
                reader.sendall(request.encode())
            assert settled_bytes(console, before + GROWTH_BYTES) - before < GROWTH_BYTES
            size = 0
            while part := reader.recv(1 << 20):
                size += len(part)
            assert size > EVENTS * EVENT_BYTES
        # Those who go without having read leave nothing behind that answers no more.
        assert client.get(f"/runs/{run_id}/digest?format=json").json()["gaps"] == []


def test_requests_use_the_same_threads_and_the_same_connections(console):
    with closing(console.client()) as client:
        client.get("/runs/")
        before = open_files(console, "wfconsole.sqlite3")
        for _ in range(30):
            assert client.get("/runs/").status_code == 200
        assert open_files(console, "wfconsole.sqlite3") <= before + 3  # a person's page asks for parts of it, too
