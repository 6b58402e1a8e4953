"""The raw limits: what this machine, SQLite and a Python without any engine do here and now.

The least engine keeps what every durable one must: a row for each run and for each step, the step's committed before
the next step starts. It checks nothing, tells nobody, retries nothing. WAL, synchronous=NORMAL, no checkpoints.
"""

import asyncio
import sqlite3
import threading
import time
import uuid
from pathlib import Path
from queue import Empty, SimpleQueue

import orjson

from .measuring import at_once, megabyte, now, quantile, timed

TABLES = """
CREATE TABLE run(id TEXT PRIMARY KEY, workflow TEXT, status TEXT, created REAL, input BLOB, result BLOB) WITHOUT ROWID;
CREATE INDEX run_created ON run(created);
CREATE INDEX run_status ON run(status, created);
CREATE TABLE step(run TEXT, n INT, name TEXT, status TEXT, output BLOB, PRIMARY KEY(run, n)) WITHOUT ROWID;
"""
INSERT_RUN = "INSERT INTO run VALUES(?, 'chain', 'running', ?, ?, NULL)"
INSERT_STEP = "INSERT INTO step VALUES(?, ?, ?, 'success', ?)"
END_RUN = "UPDATE run SET status = 'success', result = ? WHERE id = ?"
MOST_TOGETHER = 512


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=wal", "synchronous=normal", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(TABLES)
    return connection


class Inline:
    """A commit for each statement, on the loop's own thread: the least for one run at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path)

    async def keep(self, sql: str, values: tuple) -> None:
        self._connection.execute(sql, values)
        await asyncio.sleep(0)


class Grouped:
    """A thread that commits together whatever has come meanwhile: the least for many runs at once."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path)
        self._queue: SimpleQueue = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    async def keep(self, sql: str, values: tuple) -> None:
        done = asyncio.get_running_loop().create_future()
        self._queue.put((sql, values, done))
        await done

    def _work(self) -> None:
        while True:
            batch = [self._queue.get()]
            try:
                while len(batch) < MOST_TOGETHER:
                    batch.append(self._queue.get_nowait())
            except Empty:
                pass
            self._connection.execute("BEGIN IMMEDIATE")
            for sql, values, _ in batch:
                self._connection.execute(sql, values)
            self._connection.execute("COMMIT")
            batch[0][2].get_loop().call_soon_threadsafe(_tell, [done for _, _, done in batch])


def _tell(waiting: list[asyncio.Future[None]]) -> None:
    for done in waiting:
        done.set_result(None)


async def _count_up(value: dict) -> dict:
    return {"value": value["value"] + 1}


async def least_run(store: Inline | Grouped, steps: int) -> None:
    run_id, value = uuid.uuid4().hex, {"value": 0}
    await store.keep(INSERT_RUN, (run_id, time.time(), orjson.dumps(value)))
    for n in range(steps):
        began = time.time()
        value = await asyncio.create_task(_count_up(value))
        told = orjson.dumps({"output": value, "startedAt": began, "endedAt": time.time()})
        await store.keep(INSERT_STEP, (run_id, n, f"s{n}", told))
    await store.keep(END_RUN, (orjson.dumps(value), run_id))


async def least_engine(folder: Path) -> dict[str, float]:
    inline, grouped = Inline(folder / "inline.db"), Grouped(folder / "grouped.db")
    for _ in range(30):
        await least_run(inline, 3)
    times = [await timed(lambda: least_run(inline, 3)) for _ in range(300)]
    await at_once(lambda: least_run(grouped, 5), 64, 64)
    ms = await timed(lambda: at_once(lambda: least_run(grouped, 5), 1000, 64))
    return {
        "W1_p50_ms": quantile(times, 0.5),
        "W2_runs_s": 1_000_000 / ms,
        "W3_n1000_ms": await timed(lambda: least_run(inline, 1000)),
    }


def commits(folder: Path) -> dict[str, float]:
    connection = opened(folder / "commits.db")
    data = b"x" * 120
    began = now()
    for n in range(5000):
        connection.execute(INSERT_STEP, ("a", n, "s", data))
    alone = 5000 / (now() - began)
    began = now()
    for batch in range(200):
        connection.execute("BEGIN")
        connection.executemany(INSERT_STEP, [("b", batch * 100 + n, "s", data) for n in range(100)])
        connection.execute("COMMIT")
    return {"commits_s": alone, "grouped_rows_s": 20_000 / (now() - began)}


async def switches() -> float:
    """How often a second asyncio goes from one of 64 tasks to the next."""
    began = now()
    await at_once(lambda: asyncio.sleep(0), 100_000, 64)
    return 100_000 / (now() - began)


def json_mb() -> dict[str, float]:
    value = megabyte()
    text = orjson.dumps(value)
    began = now()
    for _ in range(100):
        orjson.dumps(value)
    written = now()
    for _ in range(100):
        orjson.loads(text)
    size = 100 * len(text) / 1e6
    return {"json_write_mb_s": size / (written - began), "json_read_mb_s": size / (now() - written)}


def floor(folder: Path) -> dict[str, float]:
    figures = asyncio.run(least_engine(folder)) | commits(folder)
    return figures | {"switches_s": asyncio.run(switches())} | json_mb()
