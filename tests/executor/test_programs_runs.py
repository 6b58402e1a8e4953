"""A run that a program starts by the engine on the database store is stored as one that a page starts."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from runs.actions.start import StartRequest, start_run
from runs.catalog.registry import registry
from runs.engine import UNSET
from runs.executor.deadlines import expire, overdue
from runs.models import Actor, RunTag, WorkflowRun
from runs.store.database_store import DatabaseRunStore
from runs.store.history import read_events
from tests.executor.states import executed, perform

REQUESTS = {
    "nothing but its input": {"input": {"n": 1}},
    "an input of which all is filled in": {"input": {}},
    "a state of which all is filled in": {"input": {"n": 1}, "initial_state": {}},
    "tags": {"input": {"n": 1}, "tracing_options": {"tags": ["b", "a", "b"]}},
    "a request context": {"input": {"n": 1}, "request_context": {"user": "vera"}},
    "a time limit": {"input": {"n": 1}, "time_limit": 3600},
    "an owner": {"input": {"n": 1}, "resource_id": "shop-7"},
    "options": {"input": {"n": 1}, "output_options": {"includeState": True}, "per_step": True},
}


def started_by_a_program(monkeypatch, **options) -> WorkflowRun:
    workflow = registry()["filling"]

    async def work() -> str:
        store = DatabaseRunStore()
        monkeypatch.setattr(workflow, "store", store)
        run = workflow.create_run(resource_id=options.get("resource_id"))
        await run.start(
            input_data=options.get("input", UNSET),
            initial_state=options.get("initial_state"),
            request_context=options.get("request_context"),
            tracing_options=options.get("tracing_options"),
            output_options=options.get("output_options"),
            per_step=options.get("per_step", False),
            timeout=options.get("time_limit"),
        )
        store.close()
        return run.run_id

    return WorkflowRun.objects.get(pk=asyncio.run(work()))


def started_by_a_page(**options) -> WorkflowRun:
    run = executed(start_run(StartRequest(workflow_id="filling", **options), actor=Actor("tests")))
    run.refresh_from_db()
    return run


def stored(run: WorkflowRun) -> dict:
    """What does not depend on the moment and the worker."""
    data = read_events(run.pk)[0].decoded()
    if "deadline" in data:
        assert abs((run.deadline_at - run.created_at).total_seconds() - data["deadline"]["seconds"]) < 1
        del data["deadline"]["at"]
    row = {"status": run.status, "tags": run.tags, "detail": run.detail, "resource": run.resource_id}
    tags = set(RunTag.objects.filter(run=run, created_at=run.created_at).values_list("tag", flat=True))
    return {"first event": data, "row": row, "found by": tags, "has deadline": run.deadline_at is not None}


@pytest.mark.parametrize("options", REQUESTS.values(), ids=REQUESTS)
def test_a_program_and_a_page_store_the_same_start(workflows, monkeypatch, options):
    assert stored(started_by_a_program(monkeypatch, **options)) == stored(started_by_a_page(**options))


def test_a_suspended_run_of_a_program_fails_at_its_deadline(workflows, monkeypatch):
    run = started_by_a_program(monkeypatch, input={}, time_limit=3600)
    past = datetime.now(UTC) - timedelta(seconds=1)
    WorkflowRun.objects.filter(pk=run.pk).update(deadline_at=past)
    late = perform(lambda connection: overdue(connection, in_hand=[]))
    assert late == [run.pk]
    perform(lambda connection: expire(connection, late))
    run.refresh_from_db()
    assert (run.status, run.detail[:15]) == ("failed", "The run took lo")


def test_tags_that_no_row_can_have_stay_in_the_log_of_a_programs_run(workflows, monkeypatch):
    tags = ["fits", "x" * 101, "a\x00b", " "]
    run = started_by_a_program(monkeypatch, input={}, tracing_options={"tags": tags})
    assert (run.status, run.tags) == ("suspended", ["fits"])
    assert read_events(run.pk)[0].decoded()["tracingOptions"]["tags"] == tags
