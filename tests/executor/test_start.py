"""start_run(): what it stores, what it refuses."""

from importlib import import_module

import pytest
from django.apps import apps

from runs.actions.start import (
    InputTooLarge,
    InvalidRunId,
    InvalidTracing,
    KeyUsed,
    QueueFull,
    StartRequest,
    UnknownWorkflow,
    WorkflowDisabled,
    start_run,
)
from runs.engine.errors import InvalidInput, NotJson, RunAlreadyExists
from runs.models import Actor, AuditEntry, RunEvent, RunTag, WorkflowDefinition, WorkflowRun
from runs.store.history import read_events, snapshot


def nothing_stored() -> bool:
    return not (
        WorkflowRun.objects.exists()
        or RunEvent.objects.exists()
        or RunTag.objects.exists()
        or AuditEntry.objects.exists()
    )


def test_a_start_stores_the_card_the_tags_the_first_event_and_an_audit_entry(start, operator):
    run = start_run(
        StartRequest(
            workflow_id="quick",
            input={"value": 9223372036854775807},
            request_context={"user.id": 5},
            tracing_options={"traceId": "ABC", "tags": ["b", "a", "b"], "metadata": {"order": 7}},
            output_options={"includeState": True},
            resource_id="shop-7",
        ),
        actor=Actor.person(operator, "10.1.2.3"),
    )
    run.refresh_from_db()
    assert (run.status, run.queued, run.last_seq, run.epoch) == ("pending", True, 1, 0)
    assert (run.actor, run.actor_label, run.resource_id, run.trace_id) == (operator, "Olaf", "shop-7", "ABC")
    assert run.tags == ["b", "a", "b"]
    assert set(run.run_tags.values_list("tag", flat=True)) == {"a", "b"}
    (event,) = read_events(run.id)
    assert event.decoded() == {
        "workflowId": "quick",
        "input": {"value": 9223372036854775807},
        "requestContext": {"user.id": 5},
        "tracingOptions": {"traceId": "ABC", "tags": ["b", "a", "b"], "metadata": {"order": 7}},
        "outputOptions": {"includeState": True},
        "resourceId": "shop-7",
    }
    assert snapshot(run.id).input == {"value": 9223372036854775807}
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.verb, entry.object_id, entry.address) == (operator, "start", run.id, "10.1.2.3")


def test_json_null_and_no_input_are_two_things(start):
    assert snapshot(start("echoing", None).id).input is None
    run = start_run(StartRequest(workflow_id="echoing"), actor=Actor("tests"))
    assert "input" not in read_events(run.id)[0].decoded()


def test_an_unknown_workflow_is_refused(start):
    with pytest.raises(UnknownWorkflow, match="no workflow nothing"):
        start("nothing")
    assert nothing_stored()


def test_a_workflow_that_is_switched_off_is_refused(start):
    WorkflowDefinition.objects.filter(pk="quick").update(enabled=False)
    with pytest.raises(WorkflowDisabled, match="switched off"):
        start("quick", {"value": 1})
    assert nothing_stored()


def test_bad_input_is_refused_with_dotted_paths(start):
    with pytest.raises(InvalidInput) as refused:
        start("quick", {"value": "seven"})
    assert [path for path, _ in refused.value.issues] == ["value"]
    assert nothing_stored()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"traceId": "a" * 33}, "traceId"),
        ({"traceId": "xyz"}, "traceId"),
        ({"parentSpanId": "0123456789abcdef0"}, "parentSpanId"),
        ({"tags": ["fine", "x" * 101]}, "tags.1"),
        ({"tags": [" "]}, "tags.0"),
        ({"tags": ["a\nb"]}, "tags.0"),
        ({"tags": [str(number) for number in range(51)]}, "tags"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_bad_tracing_options_are_refused_by_name(start, options, field):
    with pytest.raises(InvalidTracing) as refused:
        start("quick", {"value": 1}, tracing_options=options)
    assert refused.value.field == field
    assert nothing_stored()


def test_an_input_beyond_the_limit_is_refused(start, settings):
    settings.MAX_BODY_BYTES = 10_000
    with pytest.raises(InputTooLarge) as refused:
        start("echoing", "x" * 10_001)
    assert refused.value.limit == 10_000
    assert nothing_stored()


def test_a_value_that_json_cannot_hold_is_refused(start):
    with pytest.raises((NotJson, InvalidInput)):
        start("echoing", {"rows": [float("nan")]})
    assert nothing_stored()


@pytest.mark.parametrize("run_id", ["", "a/b", "a\nb", "x" * 201])
def test_a_run_id_that_no_address_can_hold_is_refused(start, run_id):
    with pytest.raises(InvalidRunId):
        start("quick", {"value": 1}, run_id=run_id)
    assert nothing_stored()


def test_a_run_id_is_used_once(start):
    start("quick", {"value": 1}, run_id="order-7")
    with pytest.raises(RunAlreadyExists):
        start("quick", {"value": 2}, run_id="order-7")
    assert WorkflowRun.objects.count() == 1
    assert len(read_events("order-7")) == 1


def test_a_start_key_makes_one_run_however_often_it_is_sent(start):
    first = start("quick", {"value": 1}, start_key="form-1")
    second = start("quick", {"value": 1}, start_key="form-1")
    assert first.id == second.id
    assert WorkflowRun.objects.count() == AuditEntry.objects.count() == 1


def test_two_starts_with_one_key_at_the_same_moment_make_one_run(start):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def send(number: int) -> str:
        try:
            return start("quick", {"value": 1}, start_key="form-2").id
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(send, range(8)))
    assert len(made) == WorkflowRun.objects.count() == 1


def test_a_key_that_asks_for_something_else_is_refused(start):
    first = start("quick", {"value": 1}, start_key="k", start_digest="one")
    assert start("quick", {"value": 1}, start_key="k", start_digest="one").id == first.id
    with pytest.raises(KeyUsed, match=first.id):
        start("quick", {"value": 2}, start_key="k", start_digest="two")
    assert WorkflowRun.objects.count() == 1


def test_keys_that_were_stored_in_one_piece_still_count(start):
    key, digests = "a" * 32, ("1" * 32, "2" * 32)
    first, second = (start("quick", {"value": 1}, start_key=key + digest) for digest in digests)
    import_module("runs.migrations.0013_start_digest").split(apps, None)
    assert start("quick", {"value": 1}, start_key=key, start_digest=digests[0]).id == first.id
    with pytest.raises(KeyUsed, match=first.id):
        start("quick", {"value": 1}, start_key=key, start_digest=digests[1])
    second.refresh_from_db()
    assert second.start_key == key + digests[1]


def test_one_person_cannot_fill_the_queue(start, settings, operator):
    settings.MAX_QUEUED_PER_USER = 2
    for _ in range(2):
        start_run(StartRequest(workflow_id="quick", input={"value": 1}), actor=Actor.person(operator))
    with pytest.raises(QueueFull):
        start_run(StartRequest(workflow_id="quick", input={"value": 1}), actor=Actor.person(operator))
    start("quick", {"value": 1})  # others still can


def test_a_large_input_is_kept_once_however_many_runs_have_it(start):
    from runs.models import Payload

    blob = {"blob": ["é" * 1000] * 200}
    runs = [start("echoing", {"n": n, **blob}) for n in range(3)]
    assert sum(len(payload.data) for payload in Payload.objects.all()) < 500_000
    for n, run in enumerate(runs):
        assert snapshot(run.id).input == {"n": n, **blob}
