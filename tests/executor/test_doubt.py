"""A COMMIT whose answer is lost: what was carried out is not done twice, what was not is done again."""

import sqlite3

import pytest
from django.conf import settings

from runs.engine.errors import RunAlreadyExists
from runs.engine.log.results import RunStatus
from runs.executor.admission import Candidate
from runs.executor.execute import claim, is_claimed
from runs.models import RunEvent, WorkflowRun
from runs.store.database_store import DatabaseRunStore
from runs.store.writer import Writer
from tests.executor.test_writer import ask, open_log


@pytest.fixture
async def store(transactional_db):
    store = DatabaseRunStore(Writer(in_loop=False))
    yield store
    store.close()


@pytest.fixture(params=["carried out", "not carried out"])
def lose_answer(request):
    """Lose the answer to the next COMMIT of a writer, as a connection does that breaks."""

    def lose(writer: Writer) -> None:
        connection = writer._connected()

        def commit() -> None:
            del connection.commit
            connection.execute("COMMIT" if request.param == "carried out" else "ROLLBACK")
            if settings.ON_POSTGRESQL:
                import psycopg

                connection._raw.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error

        connection.commit = commit

    return lose


async def test_events_are_stored_once(store, lose_answer):
    log = await open_log(store)
    lose_answer(store.writer)
    log.append("workflow-step-output", {"id": "a", "output": 1})
    await log.commit()
    log.append("workflow-step-output", {"id": "a", "output": 2})
    await log.commit()
    assert [event.decoded()["output"] for event in await store.load("r1")] == [1, 2]


async def test_a_run_is_claimed_once(store, lose_answer):
    log = await open_log(store)
    run = await ask(lambda: WorkflowRun.objects.get(pk=log.run_id))
    await ask(lambda: WorkflowRun.objects.filter(pk=run.pk).update(queued=True))
    lose_answer(store.writer)
    candidate = Candidate(run.pk, run.workflow_id, run.version_id)
    (claimed,) = await store.writer.perform(lambda connection: claim(connection, [candidate]), is_claimed)
    assert claimed.epoch == run.epoch + 1
    assert await ask(lambda: WorkflowRun.objects.get(pk=run.pk).epoch) == claimed.epoch


async def test_a_run_is_made_and_deleted_once(store, lose_answer):
    lose_answer(store.writer)
    log = await open_log(store)  # no RunAlreadyExists of its own making
    with pytest.raises(RunAlreadyExists):
        await open_log(store)
    lose_answer(store.writer)
    await store.delete(log.run_id)
    assert not await ask(WorkflowRun.objects.exists)


async def test_a_claim_by_status_gives_the_epoch_that_stands(store, lose_answer):
    log = await open_log(store)
    lose_answer(store.writer)
    taken = await store.claim("r1", expected=[RunStatus.RUNNING])
    assert taken.epoch == log.epoch + 1
    taken.append("workflow-step-output", {"id": "a", "output": 1})
    await taken.commit()
    assert await ask(RunEvent.objects.count) == 1
