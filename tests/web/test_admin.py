"""The admin site."""

import pytest

from runs.models import AuditEntry, WorkflowRun
from tests.web.cards import make_cards
from tests.web.run_logs import make_workflow


@pytest.fixture
def client(admin, client_for):
    return client_for(admin)


@pytest.mark.parametrize("name", ["workflowdefinition", "workflowversion", "workflowrun", "runtag", "auditentry"])
def test_each_list_opens_with_few_queries(client, db, name, django_assert_max_num_queries):
    make_cards(make_workflow(), 60, tag="nightly")
    make_cards(make_workflow("other"), 60, prefix="other")
    with django_assert_max_num_queries(12):
        assert client.get(f"/admin/runs/{name}/").status_code == 200


def test_a_definition_is_switched_off_and_it_is_written_down(client, db):
    workflow = make_workflow()
    client.post(
        "/admin/runs/workflowdefinition/", {"action": "disable", "_selected_action": ["order-fulfilment"]}, follow=True
    )
    workflow.refresh_from_db()
    assert not workflow.enabled
    assert AuditEntry.objects.get().verb == "disable"


def test_the_page_of_a_definition_shows_its_versions(client, db):
    make_workflow()
    text = client.get("/admin/runs/workflowdefinition/order-fulfilment/change/").content.decode()
    assert "3f9c2e1d" in text


def test_the_graph_and_schemas_of_a_version_are_shown(client, db):
    workflow = make_workflow()
    text = client.get(f"/admin/runs/workflowversion/{workflow.current_id}/change/").content.decode()
    assert "charge_card" in text
    assert "x-secret" in text


def test_a_run_can_be_found_by_the_beginning_of_its_trace_id_and_not_be_changed(client, db):
    make_cards(make_workflow(), 2, trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
    text = client.get("/admin/runs/workflowrun/?q=4bf92f").content.decode()
    assert "run-000001" in text
    page = client.get("/admin/runs/workflowrun/run-000001/change/").content.decode()
    assert 'name="_save"' not in page
    assert client.get("/admin/runs/workflowrun/add/").status_code == 403


def test_waiting_runs_are_canceled_from_the_list(client, db):
    make_cards(make_workflow(), 2, status="suspended", ended_at=None)
    client.post(
        "/admin/runs/workflowrun/",
        {"action": "cancel_runs", "_selected_action": ["run-000000", "run-000001"]},
        follow=True,
    )
    assert set(WorkflowRun.objects.values_list("status", flat=True)) == {"canceled"}
    assert AuditEntry.objects.filter(verb="cancel", actor_label="Ada").count() == 2
