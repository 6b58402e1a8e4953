"""The group-commit writer: many runs in one transaction, and nothing lost when the database refuses."""

import asyncio
import sqlite3
import time

import pytest
from django.conf import settings
from django.db import connection

from runs.engine.log.results import RunStatus
from runs.engine.log.store import RunCard
from runs.models import Payload, RunEvent, WorkflowRun
from runs.store import announcements
from runs.store.database_store import DatabaseRunStore
from runs.store.writer import Writer

sqlite_only = pytest.mark.skipif(settings.ON_POSTGRESQL, reason="of SQLite's file")


@pytest.fixture(params=["in the loop", "by a thread"])
async def store(request, transactional_db):
    store = DatabaseRunStore(Writer(in_loop=request.param == "in the loop" and not settings.ON_POSTGRESQL))
    yield store
    store.close()


@pytest.fixture
def heard(monkeypatch) -> list:
    heard: list = []
    monkeypatch.setattr(announcements, "_listeners", [lambda run_id, events: heard.append((run_id, events))])
    return heard


async def open_log(store, run_id="r1"):
    now = time.time_ns() // 1_000_000
    await store.create(RunCard(run_id, "w", RunStatus.PENDING, now, now))
    return await store.claim(run_id, expected=[RunStatus.PENDING], status=RunStatus.RUNNING)


async def locked_out(store):
    """A log whose commit waits, told as trouble, for another connection to end its transaction."""
    log = await open_log(store)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.append("workflow-step-output", {"id": "a", "output": 1})
    waiting = asyncio.create_task(log.commit())
    async with asyncio.timeout(5):
        while not store.writer.trouble:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # the loop goes on all the while
    return log, other, waiting


async def ask(question):
    """The answer of the models, from a thread: Django refuses them in one that has a loop."""

    def call():
        try:
            return question()
        finally:
            connection.close()

    return await asyncio.to_thread(call)


async def test_one_tick_of_many_runs_is_one_commit(store):
    logs = [await open_log(store, f"r{n}") for n in range(50)]
    before = store.writer.commits
    for _ in range(3):
        for log in logs:
            log.append("workflow-step-result", {"id": "a"})
        await asyncio.gather(*(log.commit() for log in logs))
    assert store.writer.commits == before + 3


async def test_a_burst_of_chunks_is_few_commits(store):
    log = await open_log(store)
    before = store.writer.commits
    for n in range(5000):
        log.append("workflow-step-output", {"id": "a", "output": n})
    await log.commit()
    assert store.writer.commits - before <= 6
    assert [event.seq for event in await store.load("r1")] == list(range(1, 5001))


async def test_listeners_hear_of_committed_events_in_order_and_once(store, heard):
    log = await open_log(store)
    for n in range(2500):
        log.append("workflow-step-output", {"id": "a", "output": n})
        if n % 100 == 0:
            await asyncio.sleep(0)
    await log.commit()
    assert [event.seq for _, events in heard for event in events] == list(range(1, 2501))


async def test_a_fenced_run_is_not_announced(store, heard):
    log = await open_log(store)
    await store.claim("r1", expected=[RunStatus.RUNNING])
    log.append("workflow-step-output", {"id": "a", "output": 1})
    with pytest.raises(Exception, match="owner"):
        await log.commit()
    assert heard == []


async def test_a_listener_that_fails_disturbs_nobody(store, heard, monkeypatch):
    def broken(run_id, events):
        raise RuntimeError("broken")

    monkeypatch.setattr(announcements, "_listeners", [broken, *announcements._listeners])
    log = await open_log(store)
    log.append("workflow-step-output", {"id": "a", "output": 1})
    await log.commit()
    assert len(heard) == 1


async def test_a_write_that_the_database_refuses_takes_no_other_run_with_it(store):
    logs = [await open_log(store, f"r{n}") for n in range(3)]
    for log in logs:
        log.append("workflow-step-output", {"id": "a", "output": 1})
    logs[1].events.append(logs[1].events[0])  # the same seq twice: UNIQUE (run, seq) is the second wall
    outcomes = await asyncio.gather(*(log.commit() for log in logs), return_exceptions=True)
    assert [outcome is None for outcome in outcomes] == [True, False, True]
    assert [len(await store.load(f"r{n}")) for n in range(3)] == [1, 0, 1]


async def test_what_was_appended_is_committed_at_the_close(store):
    log = await open_log(store)
    log.append("workflow-step-output", {"id": "a", "output": 1})
    store.close()
    assert await ask(RunEvent.objects.count) == 1


async def test_a_value_that_a_step_hands_on_is_stored_once(store):
    blob = ["é" * 500] * 300
    log = await open_log(store)
    log.append("workflow-start", {"input": {"value": 0, "blob": blob}})
    for n in range(5):
        log.append("workflow-step-result", {"id": f"s{n}", "output": {"value": n + 1, "blob": blob}})
    await log.commit()
    sizes = await ask(lambda: [len(payload.data) for payload in Payload.objects.all()])
    assert sum(sizes) < 320_000  # the blob once, and six small objects
    assert (await store.load("r1"))[3].decoded()["output"] == {"value": 3, "blob": blob}


@sqlite_only
async def test_a_locked_database_loses_nothing_and_is_told_of(store):
    log, other, waiting = await locked_out(store)
    assert store.writer.trouble == "The database is locked by another program."
    log.append("workflow-step-output", {"id": "a", "output": 2})
    assert not waiting.done()
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(5):
        await waiting
        await log.commit()
    assert store.writer.trouble == ""
    assert [event.decoded()["output"] for event in await store.load("r1")] == [1, 2]


@sqlite_only
async def test_nobody_hears_of_what_could_not_be_stored_at_the_close(store, heard):
    _, other, waiting = await locked_out(store)
    store.writer.close(0.1)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await waiting
    other.close()
    assert heard == []
    assert await ask(RunEvent.objects.count) == 0


@sqlite_only
async def test_a_lock_of_a_moment_is_no_trouble(store):
    log = await open_log(store)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.append("workflow-step-output", {"id": "a", "output": 1})
    waiting = asyncio.create_task(log.commit())
    await asyncio.sleep(0.05)
    other.execute("ROLLBACK")
    other.close()
    await waiting
    assert store.writer.trouble == ""


@sqlite_only
async def test_a_full_disk_loses_nothing(store):
    log = await open_log(store)
    full = store.writer._connected()
    pages = full.execute("PRAGMA page_count").fetchone()[0]
    full.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own "database or disk is full"
    free = full.execute("PRAGMA freelist_count").fetchone()[0]  # what deleted rows have left
    events = free * 4096 // 60_000 + 20
    for _ in range(events):
        log.append("workflow-step-output", {"id": "a", "output": "x" * 60_000})
    waiting = asyncio.create_task(log.commit())
    async with asyncio.timeout(5):
        while not store.writer.trouble:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert store.writer.trouble == "The disk of the database is full."
    full.execute("PRAGMA max_page_count = 1073741823")
    async with asyncio.timeout(5):
        await waiting
    assert len(await store.load("r1")) == events


async def test_a_card_tells_how_far_its_log_goes(store):
    log = await open_log(store)
    for n in range(3):
        log.append("workflow-step-output", {"id": "a", "output": n})
        await log.commit()
    assert await ask(lambda: WorkflowRun.objects.get(pk="r1").last_seq) == 3
