"""A run is deleted with everything that names it, by each way there is; what belongs to others stays."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.db import models

from runs.actions.start import StartRequest, start_run
from runs.models import (
    Actor,
    Payload,
    RunEvent,
    RunLog,
    RunWatch,
    Span,
    SpanState,
    Webhook,
    WebhookDelivery,
    WorkflowRun,
)
from runs.models.event import PayloadUse
from runs.retention.purge import Old, Purge
from runs.store import deletion
from runs.store.connection import connect
from runs.store.database_store import DatabaseRunStore
from runs.store.history import read_events
from tests.executor.states import executed, perform

BLOB = "é" * 50_000  # more than 64 KiB
TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")


def columns_that_name_runs() -> Iterator[tuple[type[models.Model], str]]:
    """Every column of the console's tables that holds the id of a run, but for the run's own."""
    for model in apps.get_app_config("runs").get_models():
        for column in model._meta.concrete_fields:
            is_reference = column.related_model is WorkflowRun and not column.primary_key
            if (is_reference or column.attname == "run_id") and (model, column.attname) != (WorkflowRun, "id"):
                yield model, column.attname


COLUMNS = sorted(columns_that_name_runs(), key=lambda each: (each[0].__name__, each[1]))


def run_with_everything(person) -> WorkflowRun:
    """A run that has ended, with a row in every table that names runs."""
    asked = StartRequest(
        workflow_id="echoing",
        input={"blob": BLOB},
        tracing_options={"tags": ["nightly"], "metadata": {"order": 7}},
    )
    run = executed(start_run(asked, actor=Actor("tests")))
    hook = Webhook.objects.create(name="all", url="https://example.org/", events="success")
    WebhookDelivery.objects.create(webhook=hook, run=run, seq=1, event="success", created_at=0, next_at=0)
    RunWatch.objects.create(run=run, user=person)
    RunLog.objects.create(run=run, at=0, level=20, logger="x", step="echo", message="hello")
    shared = {"trace_id": TRACE, "kind": 1, "state": SpanState.OPEN, "name": "span", "start_ns": time.time_ns()}
    Span.objects.create(span_id=1, is_root=True, run_id=run.pk, **shared)
    Span.objects.create(span_id=2, is_root=False, parent_id=1, **shared)
    child = executed(start_run(StartRequest(workflow_id="echoing", input=1, origin_id=run.pk), actor=Actor("tests")))
    assert child.origin_id == run.pk
    return run


def by_the_store(run: WorkflowRun) -> None:
    import asyncio

    async def work() -> None:
        store = DatabaseRunStore()
        try:
            await store.delete(run.pk)
        finally:
            store.close()

    asyncio.run(work())


def by_a_purge(run: WorkflowRun) -> None:
    connection = connect()
    Purge(connection).delete_runs([Old(run.pk, run.last_seq)])
    connection.close()


WAYS: dict[str, Callable[[WorkflowRun], object]] = {
    "person": lambda run: deletion.delete(run.pk, actor=Actor("vera")),
    "store": by_the_store,
    "purge": by_a_purge,
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_names_a_deleted_run(workflows, operator, way):
    run = run_with_everything(operator)
    run.refresh_from_db()
    for model, column in COLUMNS:
        assert model.objects.filter(**{column: run.pk}).exists(), f"the test has no {model.__name__} with {column}"
    assert Payload.objects.exists()
    WAYS[way](run)
    for model, column in COLUMNS:
        assert not model.objects.filter(**{column: run.pk}).exists(), f"{model.__name__}.{column}"
    assert not WorkflowRun.objects.filter(pk=run.pk).exists()
    assert not Payload.objects.exists()
    assert not Span.objects.filter(trace_id=TRACE).exists()
    assert WorkflowRun.objects.count() == 1  # the one that was made from it


@pytest.mark.parametrize("way", WAYS)
def test_a_value_that_another_run_uses_stays(workflows, way):
    asked = StartRequest(workflow_id="echoing", input={"blob": BLOB})
    gone, other = (executed(start_run(asked, actor=Actor("tests"))) for _ in range(2))
    gone.refresh_from_db()
    WAYS[way](gone)
    assert PayloadUse.objects.exclude(run_id=other.pk).count() == 0
    assert read_events(other.pk)[0].decoded()["input"] == {"blob": BLOB}
    assert RunEvent.objects.filter(run_id=gone.pk).count() == 0


def test_a_run_that_is_not_there_is_not_deleted(workflows):
    assert deletion.delete("nobody", actor=Actor("vera")) is False
    assert perform(lambda connection: deletion.delete_run(connection, "nobody")) is False
