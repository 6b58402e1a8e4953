"""The admin site."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from runs.models import AuditEntry, WorkflowRun, WorkflowVersion
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


def test_a_list_costs_the_same_with_more_rows(client, db):
    workflow = make_workflow()
    make_cards(workflow, 5, tag="nightly")
    costs = []
    for more in (0, 45):
        make_cards(workflow, more, prefix="more", tag="nightly")
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/runs/workflowrun/")
        costs.append(len(queries))
        assert not [query for query in queries if "runs_runevent" in query["sql"] or "input_schema" in query["sql"]]
    assert costs[0] == costs[1]


def test_runs_are_found_by_tag_status_and_time(client, db):
    workflow = make_workflow()
    make_cards(workflow, 2, prefix="night", tag="nightly")
    make_cards(workflow, 1, prefix="bad", status="failed")
    for query in ("tag=nightly", "q=nightly", "tag=nightly&status__exact=success", "q=night-"):
        text = client.get(f"/admin/runs/workflowrun/?{query}").content.decode()
        assert "night-000001" in text, query
        assert "bad-000000" not in text, query


def test_nobody_reads_the_admin_site_by_another_door_than_the_console(db, viewer, client_for):
    response = Client().get("/admin/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/sign-in/?next=/admin/")
    assert b"not authorized" in client_for(viewer).get("/admin/", follow=True).content


def test_the_admin_site_leads_back_to_the_console(client, db):
    assert 'href="/" title="Back to the console"' in client.get("/admin/").content.decode()


def test_no_name_is_taken_for_markup(client, db):
    workflow = make_workflow("evil<script>", description="<b>bold</b>")
    make_cards(workflow, 1, status="failed", detail="<img src=x>", tag="<i>tag</i>", actor_label="<u>who</u>")
    for path in ("workflowdefinition/", "workflowrun/", "workflowrun/run-000000/change/", "runtag/"):
        text = client.get(f"/admin/runs/{path}").content.decode()
        for hostile in ("evil<script>", "<b>bold", "<img src=x>", "<i>tag", "<u>who"):
            assert hostile not in text, path


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
    WorkflowVersion.objects.update(content_hash="3f9c2e1d" * 8)
    text = client.get("/admin/runs/workflowdefinition/order-fulfilment/change/").content.decode()
    assert "3f9c2e1d" in text


def test_the_graph_and_schemas_of_a_version_are_shown(client, db):
    workflow = make_workflow()
    text = client.get(f"/admin/runs/workflowversion/{workflow.current_id}/change/").content.decode()
    assert "charge_card" in text
    assert '<svg class="wf-graph"' in text
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
