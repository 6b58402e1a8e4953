"""kill -9 at any moment, under load: every run ends as if it had never happened."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.chaos.beside import Inside
from tests.chaos.conftest import LONG, SEED, WORKFLOWS
from tests.console_server import ConsoleServer
from tests.postgresql import PostgresCluster, missing

KILLS = 100 if LONG else 6
AT_ONCE = 64
END_SECONDS = 120.0


@pytest.fixture(params=["SQLite", "PostgreSQL"] if LONG else ["SQLite"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment of a console on this database."""
    if request.param == "SQLite":
        yield {}
        return
    if why := missing():
        pytest.skip(why)
    cluster = PostgresCluster()
    yield {"DATABASE_URL": cluster.url}
    cluster.remove()


class Follower:
    """Reads a run's log from its cursor for ever, over any death of the server, and keeps what it was shown."""

    def __init__(self, console: ConsoleServer, run_id: str) -> None:
        self.lines: list[bytes] = []
        self.misfits: list[int] = []
        self._console = console
        self._run_id = run_id
        with closing(console.client()) as client:
            self._cookies = dict(client.cookies)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        last, ended = 0, False
        while not ended:
            try:
                address = f"{self._console.url}/runs/{self._run_id}/events?after={last}&format=json&values=stored"
                answer = httpx.get(address, cookies=self._cookies, timeout=5)
                told = answer.raise_for_status().json()
            except httpx.HTTPError:
                time.sleep(0.05)  # the server is dead just now
                continue
            lines = filter(None, answer.content.split(b"\n")[1:-1])  # an empty one: nothing new
            for event, line in zip(told["events"], lines, strict=True):
                if event["seq"] != last + 1:
                    self.misfits.append(event["seq"])
                last = event["seq"]
                self.lines.append(line.removesuffix(b","))
            ended = told["ended"]
            if not told["events"]:
                time.sleep(0.05)

    def digest(self) -> str:
        """What it was shown, once the run has ended."""
        self._thread.join(END_SECONDS)
        assert not self._thread.is_alive(), "the follower did not come to the end"
        return hashlib.sha256(b"".join(line + b"\n" for line in self.lines)).hexdigest()


def test_runs_end_as_if_nothing_had_been_killed(database, new_console, tmp_path, chance, tell):
    console = new_console(WORKFLOWS | database | {"WFCONSOLE_CONCURRENCY": str(AT_ONCE)})
    with closing(Inside(console, tmp_path / "ledger", SEED)) as inside:
        run_id = next(iter(inside.ask("start", AT_ONCE)))
        follower = Follower(console, run_id)
        for _ in range(KILLS):
            inside.begin("top_up", AT_ONCE)
            time.sleep(chance.uniform(0.0, 1.5))  # the moment of the kill is what this test is about
            console.kill()
            inside.answer()
            console.start()
        deadline = time.monotonic() + END_SECONDS
        while inside.ask("active"):
            assert time.monotonic() < deadline, f"{inside.ask('active')} runs did not end"
            time.sleep(0.1)
        judged: dict[str, Any] = inside.ask("verdict", KILLS)
    assert judged["wrong"] == []
    assert follower.misfits == []
    with closing(console.client()) as client:
        stored = client.get(f"/runs/{run_id}/digest?format=json").json()
    assert follower.digest() == stored["sha256"]
    where = "PostgreSQL" if database else "SQLite"
    share = 100 * judged["repeated"] / judged["steps"]
    tell(
        f"{KILLS} kills -9 over {where}: {judged['runs']} runs and {judged['events']} events as if never killed;"
        f" steps repeated / steps total: {judged['repeated']} / {judged['steps']} ({share:.1f} %)"
    )
