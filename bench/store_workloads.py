"""The workloads themselves. Imported once Django is set up."""

import asyncio
from pathlib import Path
from time import process_time

from django.conf import settings
from pydantic import BaseModel

from bench.run_store import at_once, megabyte, now, quantile, timed
from runs.engine import StepContext, Workflow, step
from runs.execution.database_store import DatabaseRunStore

CHUNKS = 10_000
CHUNK = "x" * 100


class Value(BaseModel):
    value: int


class Large(BaseModel):
    value: int
    blob: list[dict[str, str]]


def chain(steps: int, store: DatabaseRunStore, kind: type[BaseModel] = Value) -> Workflow:
    """Steps that count up one field and hand on the rest."""
    workflow = Workflow(id=f"chain-{steps}", input=kind, store=store)
    for n in range(steps):

        @step(id=f"s{n}", input=kind, output=kind)
        async def count(ctx: StepContext) -> dict[str, object]:
            return {**ctx.input.__dict__, "value": ctx.input.value + 1}

        workflow = workflow.then(count)
    return workflow.commit()


async def start(workflow: Workflow, value: dict[str, object]) -> None:
    result = await workflow.create_run().start(input_data=value)
    assert result.status == "success", result.error


def stored_bytes() -> int:
    folder = Path(settings.DATABASES["default"]["NAME"])
    import sqlite3

    connection = sqlite3.connect(folder)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder.stat().st_size


async def w1() -> dict[str, float]:
    store = DatabaseRunStore()
    workflow = chain(3, store)
    for _ in range(30):
        await start(workflow, {"value": 0})
    cpu = process_time()
    times = [await timed(lambda: start(workflow, {"value": 0})) for _ in range(300)]
    cpu = process_time() - cpu
    store.close()
    return {"cpu_ms": cpu / 0.3, "p50_ms": quantile(times, 0.5), "p99_ms": quantile(times, 0.99)}


async def w2() -> dict[str, float]:
    store = DatabaseRunStore()
    workflow = chain(5, store)
    await at_once(lambda: start(workflow, {"value": 0}), 64, 64)
    commits = store.writer.commits
    cpu = process_time()
    ms = await timed(lambda: at_once(lambda: start(workflow, {"value": 0}), 1000, 64))
    cpu = process_time() - cpu
    commits = store.writer.commits - commits
    store.close()
    # On a machine that others use, too, the processor's time tells more than the clock's.
    return {"runs_s": 1_000_000 / ms, "runs_cpu_s": 1000 / cpu, "commits": commits}


async def w3() -> dict[str, float]:
    store = DatabaseRunStore()
    await start(chain(10, store), {"value": 0})
    figures: dict[str, float] = {}
    for steps in (10, 100, 1000, 10_000):
        workflow = chain(steps, store)
        before = stored_bytes()
        cpu = process_time()
        ms = await timed(lambda workflow=workflow: start(workflow, {"value": 0}))
        figures[f"n{steps}_ms"] = ms
        figures[f"n{steps}_cpu_us_a_step"] = (process_time() - cpu) * 1e6 / steps
        figures[f"n{steps}_us_a_step"] = ms * 1000 / steps
        figures[f"n{steps}_bytes_a_step"] = (stored_bytes() - before) / steps
    store.close()
    return figures


async def w4() -> dict[str, float]:
    from runs.execution import announce

    @step(id="write")
    async def write(ctx: StepContext) -> None:
        for _ in range(CHUNKS):
            await ctx.writer.write(CHUNK)

    store = DatabaseRunStore()
    workflow = Workflow(id="chunks", store=store).then(write).commit()
    seen: list[float] = []

    def hear(run_id: str, events: list) -> None:
        seen.extend([now()] * len(events))

    announce.on_commit(hear)
    began, cpu = now(), process_time()
    await start(workflow, {})
    ended, cpu = now(), process_time() - cpu
    store.close()
    assert len(seen) > CHUNKS
    return {
        "stored_chunks_s": CHUNKS / (ended - began),
        "chunks_cpu_s": CHUNKS / cpu,
        "first_ms": (seen[0] - began) * 1000,
    }


async def w5() -> dict[str, float]:
    store = DatabaseRunStore()
    workflow = chain(3, store, Large)
    value = megabyte()
    await start(workflow, value)
    # A new blob for each run: one that stands in the database already would cost nothing.
    values = []
    for n in range(10):
        fresh = megabyte()
        fresh["blob"][0]["k"] = f"run {n}"
        values.append(fresh)
    before = stored_bytes()
    times = []
    for fresh in values:
        times.append(await timed(lambda fresh=fresh: start(workflow, fresh)))
        await asyncio.sleep(0)
    bytes_a_run = (stored_bytes() - before) / len(values)
    store.close()
    return {"p50_ms": quantile(times, 0.5), "stored_bytes": bytes_a_run}


MEASURES = {"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5}
