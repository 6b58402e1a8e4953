"""A client that asks for everything and reads nothing costs the server little, however much there is."""

import json
import threading
import time
from contextlib import closing

from websockets.sync.client import connect

from tests.chaos.conftest import LONG, WORKFLOWS
from tests.live.test_slow_readers import warm_up
from tests.server_memory import own_bytes, settled_bytes

EVENTS, EVENT_BYTES = (10_000, 20_000) if LONG else (3_000, 20_000)
UNREAD_SECONDS = 60.0 if LONG else 3.0
GROWTH_BYTES = 30_000_000
END_SECONDS = 120.0


class Peak:
    """The most memory that was seen, looked at a hundred times a second."""

    def __init__(self, console) -> None:
        self.bytes = 0
        self._console = console
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.bytes = max(self.bytes, own_bytes(self._console))

    def close(self) -> None:
        self._done.set()
        self._thread.join()


def test_a_client_that_reads_nothing_costs_less_than_thirty_megabytes(new_console, tell):
    console = new_console(WORKFLOWS)
    with closing(console.client()) as client:
        warm_up(client)
        before = own_bytes(console)
        given = json.dumps({"events": EVENTS, "bytes": EVENT_BYTES, "seconds": UNREAD_SECONDS / 2})
        run_id = console.manage("start_run", "flood", "--input", "-", input=given).stdout.strip()
        headers = {"Cookie": f"sessionid={client.cookies['sessionid']}", "Origin": console.url}
        began = time.monotonic()
        with (
            closing(Peak(console)) as peak,
            connect(
                f"ws://127.0.0.1:{console.port}/ws/runs/{run_id}/",
                additional_headers=headers,
                max_size=None,
                max_queue=1,
                compression=None,
                close_timeout=0.2,
                ping_interval=None,
            ) as reader,
        ):
            reader.send('{"resume":0}')
            while not client.get(f"/runs/{run_id}/events?after=1000000&format=json").json()["ended"]:
                assert time.monotonic() - began < END_SECONDS, console.log
                time.sleep(0.1)
            # How long it reads nothing is what this test is about.
            time.sleep(max(0.0, began + UNREAD_SECONDS - time.monotonic()))
            grown = settled_bytes(console, before + GROWTH_BYTES) - before
    assert grown < GROWTH_BYTES
    unread = time.monotonic() - began
    tell(
        f"{EVENTS * EVENT_BYTES / 1e6:.0f} MB of events, none read for {unread:.0f} s: the server's memory"
        f" grew by {grown / 1e6:.0f} MB (at most {(peak.bytes - before) / 1e6:.0f} for a moment)"
    )
