"""The home page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import WorkflowRun
from tests.web.cards import make_cards
from tests.web.run_logs import make_workflow


@pytest.fixture
def client(viewer, client_for):
    return client_for(viewer)


def test_a_fresh_console_says_what_to_do_first(client, db):
    make_workflow(description="Checks an order.")
    text = client.get("/").content.decode()
    assert "Start your first run" in text
    assert "Checks an order." in text


def test_the_day_is_counted(client, db):
    workflow = make_workflow()
    make_cards(workflow, 6)
    make_cards(workflow, 2, prefix="bad", status="failed", detail="charge_card: card declined")
    make_cards(workflow, 1, prefix="now", status="running", ended_at=None)
    make_cards(workflow, 1, prefix="ask", status="suspended", ended_at=None, detail="Approve order ORD-1?")
    context = client.get("/").context
    assert (context["day"].total, context["day"].failed, context["running"], context["waiting"]) == (10, 2, 1, 1)
    assert context["day"].success_percent == 75
    assert [(row.cause.detail, row.cause.runs) for row in context["causes"]] == [("charge_card: card declined", 2)]
    assert [row.run.detail for row in context["asking"]] == ["Approve order ORD-1?"]


@pytest.mark.parametrize("ahead", [timedelta(seconds=4), timedelta(hours=1), timedelta(days=2)])
def test_a_run_whose_time_lies_ahead_counts_in_the_last_bar(client, db, ahead):
    make_cards(make_workflow("flow"), 1)
    moment = timezone.now().replace(minute=59, second=59) + ahead
    WorkflowRun.objects.update(created_at=moment, started_at=moment, ended_at=moment)
    for address in ("/", "/runs/", "/runs/?day", "/workflows/", "/workflows/flow/"):
        assert client.get(address).status_code == 200, address
    assert client.get("/").context["day"].hours[0][-1] == 1


def test_the_number_of_queries_does_not_grow(client, db, django_assert_max_num_queries):
    for number in range(8):
        make_cards(make_workflow(f"workflow-{number}"), 30, prefix=f"w{number}")
    with django_assert_max_num_queries(18):
        client.get("/")


def test_only_the_part_that_changes_is_sent_again(client, db):
    make_cards(make_workflow(), 1)
    text = client.get("/", headers={"HX-Request": "true", "HX-Request-Type": "partial"}).content.decode()
    assert "<html" not in text
    assert "runs in 24 h" in text
