"""Two servers on one data folder: one leads, the other takes over, and a leader that was frozen overwrites nothing."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.beside import Inside
from tests.chaos.conftest import LONG, SEED, WORKFLOWS
from tests.chaos.test_bad_disk import until
from tests.console_server import ConsoleServer

RUNS = 64 if LONG else 24
ROUNDS = 10 if LONG else 1
TAKE_OVER_SECONDS = 5.0
LEASE_SECONDS = 15.0
END_SECONDS = 120.0


@pytest.fixture
def pair(tmp_path: Path, migrated: Path) -> Iterator[list[ConsoleServer]]:
    """Two servers that run, the leader first."""
    folder = tmp_path / "data"
    folder.mkdir()
    servers = [ConsoleServer(folder, WORKFLOWS, database=migrated) for _ in range(2)]
    for number, server in enumerate(servers):
        server.log_path = tmp_path / f"server{number}.log"
        server.start()
    yield servers
    for server in servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.stop()


def await_work(inside: Inside, server: ConsoleServer, seconds: float) -> None:
    """Wait until runs are this server's work."""
    until(lambda: works(inside, server), seconds, f"the server on port {server.port} does not work")


def works(inside: Inside, server: ConsoleServer) -> bool:
    return any(worker.endswith(f":{server.process.pid}") for worker in inside.ask("workers"))


def judge(inside: Inside, interruptions: int) -> dict:
    until(lambda: inside.ask("active") == 0, END_SECONDS, "the runs did not end")
    judged = inside.ask("verdict", interruptions)
    assert judged["wrong"] == []
    return judged


def freeze(server: ConsoleServer) -> None:
    """Stop the process while it holds no lock of the database: else nobody could write until it went on."""
    path = server.data_dir / "wfconsole.sqlite3"
    while True:
        server.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, server.process.pid, os.WSTOPPED)
        with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                server.process.send_signal(signal.SIGCONT)


def test_one_leads_and_the_other_takes_over_within_five_seconds(pair, tmp_path, tell):
    leader, other = pair
    longest = 0.0
    with closing(Inside(leader, tmp_path / "ledger", SEED)) as inside:
        for _ in range(ROUNDS):
            inside.ask("top_up", RUNS)
            await_work(inside, leader, 30)
            assert not works(inside, other)
            leader.kill()
            killed_at = time.monotonic()
            await_work(inside, other, 10)
            longest = max(longest, time.monotonic() - killed_at)
            leader.start()
            leader, other = other, leader
        judged = judge(inside, ROUNDS)
    assert longest < TAKE_OVER_SECONDS
    tell(f"{ROUNDS} take-over(s) of two servers: {longest:.1f} s at most; {judged['runs']} runs as if never killed")


def test_a_frozen_leader_is_replaced_and_overwrites_nothing(pair, tmp_path, tell):
    leader, other = pair
    with closing(Inside(leader, tmp_path / "ledger", SEED)) as inside:
        inside.ask("start", RUNS)
        await_work(inside, leader, 30)
        freeze(leader)
        inside.ask("top_up", RUNS)
        frozen_at = time.monotonic()
        if not LONG:
            os.utime(leader.data_dir / "executor.lock", (0, 0))  # as if it had been long ago
        await_work(inside, other, LEASE_SECONDS + 5)
        took = time.monotonic() - frozen_at
        inside.ask("top_up", RUNS)
        leader.process.send_signal(signal.SIGCONT)
        until(lambda: "The lead is lost" in leader.log, 10, "the frozen leader believes that it leads")
        judged = judge(inside, 1)
    assert "Traceback" not in leader.log
    tell(f"a leader frozen by SIGSTOP: replaced after {took:.1f} s, overwrote nothing in {judged['runs']} runs")
