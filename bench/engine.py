"""W1 to W5: runs in this process, on the database store, set up as the console sets it up."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import process_time
from typing import Any

from django.conf import settings

from runs.engine import Workflow
from runs.engine.log.events import Event
from runs.store import announcements
from runs.store.connection import Connection
from runs.store.database_store import DatabaseRunStore
from runs.tracing.figures import keeper

from .measuring import at_once, megabyte, now, quantile, timed
from .workflows import CHUNKS, Large, chain, stream

LARGE_RUNS = 10


async def start(workflow: Workflow, value: dict[str, object]) -> None:
    result = await workflow.create_run().start(input_data=value)
    assert result.status == "success", result.error


async def stored_bytes() -> int:
    """The database file, once everything stands in it, spans included."""
    await asyncio.to_thread(keeper.force_flush)
    return await asyncio.to_thread(file_bytes)


def file_bytes() -> int:
    path = Path(settings.DATABASES["default"]["NAME"])
    connection = sqlite3.connect(path, timeout=10)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.stat().st_size


async def w1(store: DatabaseRunStore) -> dict[str, float]:
    workflow = chain(3, store=store)
    for _ in range(30):
        await start(workflow, {"value": 0})
    cpu = process_time()
    times = [await timed(lambda: start(workflow, {"value": 0})) for _ in range(300)]
    cpu = process_time() - cpu
    return {"p50_ms": quantile(times, 0.5), "p99_ms": quantile(times, 0.99), "cpu_ms": cpu / 0.3}


async def w2(store: DatabaseRunStore) -> dict[str, float]:
    workflow = chain(5, store=store)
    await at_once(lambda: start(workflow, {"value": 0}), 64, 64)
    commits, cpu = store.writer.commits, process_time()
    ms = await timed(lambda: at_once(lambda: start(workflow, {"value": 0}), 1000, 64))
    cpu = process_time() - cpu
    # On a machine that others use, too, the processor's time tells more than the clock's.
    return {"runs_s": 1_000_000 / ms, "cpu_ms": cpu, "commits": store.writer.commits - commits}


async def w3(store: DatabaseRunStore) -> dict[str, float]:
    await start(chain(10, store=store), {"value": 0})
    figures: dict[str, float] = {}
    for steps in (10, 100, 1000, 10_000):
        workflow = chain(steps, store=store)
        repeats = 5 if steps < 1000 else 1
        before = await stored_bytes()
        cpu = process_time()
        times = [await timed(lambda workflow=workflow: start(workflow, {"value": 0})) for _ in range(repeats)]
        figures[f"n{steps}_ms"] = quantile(times, 0.5)
        figures[f"n{steps}_cpu_us_a_step"] = (process_time() - cpu) * 1e6 / steps / repeats
        figures[f"n{steps}_stored_bytes"] = (await stored_bytes() - before) / repeats
    return figures


async def w4(store: DatabaseRunStore) -> dict[str, float]:
    workflow = stream(store=store)
    seen: list[float] = []

    def hear(run_id: str, events: list[Event]) -> None:
        seen.extend([now()] * len(events))

    announcements.on_commit(hear)
    began, cpu = now(), process_time()
    await start(workflow, {})
    ended, cpu = now(), process_time() - cpu
    assert len(seen) > CHUNKS
    return {"stored_chunks_s": CHUNKS / (ended - began), "first_ms": (seen[0] - began) * 1000, "cpu_ms": cpu * 1000}


async def w5(store: DatabaseRunStore) -> dict[str, float]:
    workflow = chain(3, Large, store=store)
    await start(workflow, megabyte())
    # A new blob for each run: one that stands in the database already would cost nothing.
    values = []
    for n in range(LARGE_RUNS):
        fresh = megabyte()
        fresh["blob"][0]["k"] = f"run {n}"
        values.append(fresh)
    before = await stored_bytes()
    times = []
    for fresh in values:
        times.append(await timed(lambda fresh=fresh: start(workflow, fresh)))
        await asyncio.sleep(0)
    return {"p50_ms": quantile(times, 0.5), "stored_bytes": (await stored_bytes() - before) / LARGE_RUNS}


class StoreCommitter:
    """As the executor does: spans are stored with the next commit of runs."""

    leads = True

    def __init__(self, store: DatabaseRunStore) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()

    def perform(self, act: Callable[[Connection], Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(self._store.writer.perform(act), self._loop)


async def measure(workload: str) -> dict[str, float]:
    store = DatabaseRunStore()
    keeper.write_with(StoreCommitter(store))
    try:
        return await {"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5}[workload](store)
    finally:
        await asyncio.to_thread(keeper.force_flush)
        store.close()
