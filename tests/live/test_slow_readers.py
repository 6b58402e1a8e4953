"""Readers that do not read cost the server next to nothing, over sockets and over HTTP."""

import json
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
from websockets.sync.client import connect

GROWTH_BYTES = (
    80_000_000  # of 240 MB that nobody reads; 50 were seen, most of it what threads keep after their first use
)
READERS = 4


def own_bytes(console) -> int:
    """The server's own memory. Pages of the database file that it has mapped are the kernel's to take back."""
    lines = Path(f"/proc/{console.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def large_run(console, client: httpx.Client) -> str:
    """A run that has ended and left about 60 MB of chunks."""
    given = json.dumps({"text": "x" * 20_000, "tokens": 3_000, "tokens_per_second": 0})
    run_id = console.manage("start_run", "text-stream", "--input", "-", input=given).stdout.strip()
    deadline = time.monotonic() + 120
    while not client.get(f"/runs/{run_id}/events?after=1000000&format=json").json()["ended"]:
        assert time.monotonic() < deadline, console.log
        time.sleep(0.2)
    return run_id


def wait_until_quiet(console) -> int:
    """The server's memory once it does not grow any more."""
    before, now = 0, own_bytes(console)
    while now > before:
        time.sleep(1)
        before, now = now, own_bytes(console)
    return now


def test_sockets_that_read_nothing_hold_one_window_each(new_console):
    console = new_console()  # memory is measured: nothing else may have happened in it
    with closing(console.client()) as client, ExitStack() as sockets:
        run_id = large_run(console, client)
        client.get(f"/runs/{run_id}/events?limit=500")
        before = wait_until_quiet(console)
        headers = {"Cookie": f"sessionid={client.cookies['sessionid']}", "Origin": console.url}
        url = f"ws://127.0.0.1:{console.port}/ws/runs/{run_id}/"
        for _ in range(READERS):
            reader = sockets.enter_context(
                connect(url, additional_headers=headers, max_size=None, max_queue=1, compression=None)
            )
            reader.send('{"resume":0}')
        assert wait_until_quiet(console) - before < GROWTH_BYTES
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
        assert last == frame["end"] >= 3_000


def test_a_download_that_nobody_reads_does_not_pile_up_in_the_server(new_console):
    console = new_console()
    with closing(console.client()) as client:
        run_id = large_run(console, client)
        before = wait_until_quiet(console)
        request = (
            f"GET /runs/{run_id}/events.ndjson HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Cookie: sessionid={client.cookies['sessionid']}\r\n\r\n"
        )
        with ExitStack() as readers:
            for _ in range(READERS):
                reader = readers.enter_context(socket.create_connection(("127.0.0.1", console.port)))
                reader.sendall(request.encode())
            assert wait_until_quiet(console) - before < GROWTH_BYTES
            size = 0
            while part := reader.recv(1 << 20):
                size += len(part)
            assert size > 60_000_000
        # Those who go without having read leave nothing behind that answers no more.
        assert client.get(f"/runs/{run_id}/digest?format=json").json()["gaps"] == []
