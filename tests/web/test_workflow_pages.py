"""The list of workflows, and the page of one."""

import pytest

from runs.forms.schema.schema_tree import schema_twigs
from runs.models import AuditEntry
from tests.web.cards import make_cards
from tests.web.run_logs import make_workflow

TABS = ["overview", "runs", "schemas", "versions"]


@pytest.fixture
def client(viewer, client_for):
    return client_for(viewer)


def test_the_list_shows_each_workflow_with_few_queries(client, db, django_assert_max_num_queries):
    for number in range(12):
        make_cards(make_workflow(f"workflow-{number:02}"), 25, prefix=f"w{number}")
    with django_assert_max_num_queries(14):
        response = client.get("/workflows/")
    assert [row.workflow.pk for row in response.context["rows"]] == [f"workflow-{number:02}" for number in range(12)]
    assert response.context["rows"][0].outcome_words == "20 success"


def test_a_workflow_that_cannot_run_says_why_and_has_no_start_button(operator, client_for, db):
    make_workflow("gone", problem="Its code is gone.")
    make_workflow("off", enabled=False)
    text = client_for(operator).get("/workflows/").content.decode()
    assert "Its code is gone." in text
    assert "takes no new runs" in text
    assert "/start/" not in text


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_of_a_workflow_opens(client, db, tab, django_assert_max_num_queries):
    workflow = make_workflow()
    make_cards(workflow, 70)
    with django_assert_max_num_queries(18):
        assert client.get(f"/workflows/order-fulfilment/?tab={tab}").status_code == 200


def test_a_workflow_without_runs_has_a_page(client, db):
    make_workflow()
    assert b"No run yet" in client.get("/workflows/order-fulfilment/").content


def test_an_unknown_workflow_is_not_found(client, db):
    assert client.get("/workflows/nope/").status_code == 404


def test_an_administrator_stops_new_runs_and_it_is_written_down(admin, client_for, db):
    workflow = make_workflow()
    client_for(admin).post("/workflows/order-fulfilment/switch/", {"enabled": "no"})
    workflow.refresh_from_db()
    assert not workflow.enabled
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.object_id, entry.actor_label, entry.after) == (
        "disable", "order-fulfilment", "Ada", {"enabled": False},
    )  # fmt: skip


def test_an_operator_may_not_stop_new_runs(operator, client_for, db):
    make_workflow()
    assert client_for(operator).post("/workflows/order-fulfilment/switch/", {"enabled": "no"}).status_code == 403


def test_a_schema_is_told_in_words():
    schema = {
        "type": "object",
        "required": ["qty", "order"],
        "properties": {
            "qty": {"type": "integer", "minimum": 1, "maximum": 999},
            "service": {"enum": ["standard", "express"]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "order": {"type": "object", "properties": {"number": {"type": "string", "maxLength": 20}}},
            "card_token": {"type": "string", "x-secret": True},
        },
    }
    told = {twig.key: twig.words for twig in schema_twigs(schema)}
    assert told == {
        "qty": "integer, 1 to 999, required",
        "service": "one of standard, express, optional",
        "note": "string or null, optional",
        "order": "object, 1 key, required",
        "card_token": "string, secret, optional",
    }


def test_the_steps_that_definitions_can_use_are_told(client, db):
    text = client.get("/steps/").content.decode()
    assert "http_request" in text
    assert "&quot;toolId&quot;: &quot;approval&quot;" in text
    assert "Add a definition" not in text
    assert 'href="/steps/"' in client.get("/workflows/").content.decode()


def test_who_may_edit_a_definition_finds_its_editor(admin, client_for, client, db):
    definition = make_workflow("ask_first")
    definition.current.definition_json = {"id": "ask_first"}
    definition.current.save()
    edit = 'href="/admin/runs/workflowdefinition/ask_5Ffirst/change/"'
    assert edit in client_for(admin).get("/workflows/ask_first/").content.decode()
    assert edit not in client.get("/workflows/ask_first/").content.decode()
