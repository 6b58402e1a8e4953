"""Each kind of write of an execution is refused once somebody else owns the run."""

import asyncio

import pytest
from django.db import IntegrityError

from runs.engine import CancelToken, Workflow, step
from runs.engine.errors import Fenced
from runs.engine.log.events import Event, EventType
from runs.engine.log.results import RunStatus
from runs.executor.deadlines import expire
from runs.executor.execute import Claim, execute_run, fail
from runs.models import RunEvent, WorkflowRun
from runs.store.claims import release
from runs.store.database_store import DatabaseRunStore
from tests.executor.test_writer import ask, open_log


@pytest.fixture
async def store(transactional_db):
    store = DatabaseRunStore()
    yield store
    store.close()


async def lose(store) -> tuple:
    """An open log, and the one of the second owner."""
    log = await open_log(store)
    return log, await store.claim("r1", expected=[RunStatus.RUNNING])


async def standing(store) -> tuple:
    row = await ask(lambda: WorkflowRun.objects.values_list("status", "queued", "last_seq", "epoch").get(pk="r1"))
    return (*row, await ask(RunEvent.objects.count))


def of_step(log):
    log.append("workflow-step-result", {"id": "a"})


def of_chunk(log):
    log.append("workflow-step-output", {"id": "a", "output": 1})


def of_card(log):
    log.append("workflow-step-waiting", {"id": "a"}, card={"status": RunStatus.WAITING, "wake_at": 1})


def of_end(log):
    log.append("workflow-finish", {"status": "success"}, card={"status": RunStatus.SUCCESS, "ended_at": 1})


def of_large_value(log):
    log.append("workflow-step-result", {"id": "a", "output": "x" * 100_000})


@pytest.mark.parametrize("write", [of_step, of_chunk, of_card, of_end, of_large_value])
async def test_what_a_log_writes_is_refused(store, write):
    log, _ = await lose(store)
    before = await standing(store)
    write(log)
    with pytest.raises(Fenced):
        await log.commit()
    assert await standing(store) == before


async def test_a_run_is_not_given_back_by_who_has_lost_it(store):
    log, _ = await lose(store)
    before = await standing(store)
    await store.writer.perform(lambda connection: release(connection, [("r1", log.epoch)]))
    assert await standing(store) == before


async def test_a_run_is_not_failed_by_who_has_lost_it(store):
    log, _ = await lose(store)
    before = await standing(store)
    await fail(store, claim_of(log), {"message": "broken"})
    assert await standing(store) == before


async def test_an_execution_ends_silently_at_its_first_write(store):
    ran: list[str] = []

    @step
    async def first(ctx) -> None:
        ran.append("first")

    @step
    async def second(ctx) -> None:
        ran.append("second")

    log, _ = await lose(store)
    before = await standing(store)
    workflow = Workflow(id="w").then(first).then(second).commit()
    await execute_run(store, claim_of(log), workflow, CancelToken())
    assert await standing(store) == before
    assert "second" not in ran


async def test_a_deadline_ends_no_run_that_is_at_work(store):
    await lose(store)
    before = await standing(store)
    assert await store.writer.perform(lambda connection: expire(connection, ["r1"])) == []
    assert await standing(store) == before


async def test_who_ends_an_overdue_run_becomes_its_owner(store):
    log = await open_log(store)
    await ask(lambda: WorkflowRun.objects.filter(pk="r1").update(status="suspended", deadline_at="2026-01-01T00:00Z"))
    ((_, event),) = await store.writer.perform(lambda connection: expire(connection, ["r1"]))
    assert event.type == EventType.RUN_FINISH
    of_step(log)
    with pytest.raises(Fenced):
        await log.commit()


async def test_the_number_of_an_event_is_the_second_wall(store):
    await open_log(store)
    await ask(lambda: RunEvent.objects.create(run_id="r1", seq=1, type="x", at=0, data=b"{}"))
    with pytest.raises(IntegrityError):
        await ask(lambda: RunEvent.objects.create(run_id="r1", seq=1, type="x", at=0, data=b"{}"))


def claim_of(log) -> Claim:
    start = Event(1, EventType.RUN_START, 0, b'{"workflowId":"w"}')
    return Claim("r1", "w", 0, log.epoch, log.last_seq, False, [start])


async def test_of_many_that_claim_at_once_one_gets_the_run(store):
    await open_log(store)
    await ask(lambda: WorkflowRun.objects.filter(pk="r1").update(status="pending"))
    claims = [store.claim("r1", expected=[RunStatus.PENDING], status=RunStatus.RUNNING) for _ in range(8)]
    assert sum(log is not None for log in await asyncio.gather(*claims)) == 1
