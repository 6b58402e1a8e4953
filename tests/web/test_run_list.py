"""The history."""

from datetime import timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from runs.forms.run_filter import RunFilter
from tests.web.cards import make_cards
from tests.web.run_logs import make_workflow

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def workflow(db):
    return make_workflow()


@pytest.fixture
def client(viewer, client_for):
    return client_for(viewer)


def names(response) -> list[str]:
    return [row.run.pk for row in response.context["page"].rows]


def test_without_a_sign_in_the_history_leads_to_the_sign_in_page(db, client_for):
    from django.test import Client

    response = Client().get("/runs/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/sign-in/?next=/runs/"


def test_somebody_without_a_role_is_refused(db, client_for, django_user_model):
    nobody = django_user_model.objects.create_user("nobody")
    assert client_for(nobody).get("/runs/").status_code == 403


def test_an_empty_console_says_where_runs_come_from(client):
    assert b"No runs yet" in client.get("/runs/").content


def test_the_number_of_queries_does_not_grow_with_the_runs(client, workflow, django_assert_max_num_queries):
    make_cards(workflow, 200, tag="nightly")
    make_cards(make_workflow("other"), 60, prefix="other")
    with django_assert_max_num_queries(14):
        assert len(names(client.get("/runs/"))) == 50


def test_the_pages_follow_on_each_other_without_gap_or_duplicate(client, workflow):
    expected = [run.pk for run in make_cards(workflow, 120)]
    found, address = [], "/runs/"
    while address:
        response = client.get(address)
        found += names(response)
        older = response.context["page"].older
        address = f"/runs/?before={older}" if older else ""
    assert found == expected


def test_a_cursor_that_is_none_gives_the_newest_runs(client, workflow):
    make_cards(workflow, 3)
    assert len(names(client.get("/runs/?before=nonsense"))) == 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=status:failed", ["bad-000000", "bad-000001"]),
        ("status=failed&status=canceled", ["bad-000000", "bad-000001"]),
        ("q=-status:failed+tag:nightly", ["good-000000"]),
        ("tag=nightly", ["good-000000"]),
        ("q=-tag:nightly", ["bad-000000", "bad-000001"]),
        ("workflow=other", []),
        ("q=who:%22Mara+Lind%22+tag:nightly", ["good-000000"]),
        ("q=bad-", ["bad-000000", "bad-000001"]),
        ("q=declined", ["bad-000000", "bad-000001"]),
        ("q=trace:4bf9", ["good-000000"]),
        ("q=started>-30m+status:failed", ["bad-000000", "bad-000001"]),
        ("since=24h&status=success", ["good-000000"]),
        ("q=started<2020-01-01", []),
    ],
)
def test_a_filter_finds_what_it_says(client, workflow, query, expected):
    make_cards(workflow, 2, prefix="bad", status="failed", detail="charge_card: card declined")
    make_cards(workflow, 1, prefix="good", tag="nightly", trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
    assert sorted(names(client.get(f"/runs/?{query}"))) == expected


@pytest.mark.parametrize("query", ["q=status:nope", "q=started>yesterday", "q=%00", "q=" + "x" * 600])
def test_a_filter_that_cannot_be_read_is_named_and_nothing_breaks(client, workflow, query):
    make_cards(workflow, 1)
    response = client.get(f"/runs/?{query}")
    assert response.status_code == 200
    assert b"Part of the filter was left out" in response.content


def test_the_text_of_a_filter_reads_back_as_the_same_filter():
    query = QueryDict(mutable=True)
    query["q"] = 'status:failed,tripwire -tag:"two words" who:"a \\"b\\"" started>-24h "card declined" -dash'
    first = RunFilter.read(query)
    again = QueryDict(first.query)
    assert RunFilter.read(again) == first
    assert [term.value for term in first.terms] == [
        "failed,tripwire", "two words", 'a "b"', "-24h", "card declined", "-dash",
    ]  # fmt: skip


def test_no_name_or_text_is_taken_for_markup(client, db):
    workflow = make_workflow("evil<script>")
    make_cards(workflow, 1, status="failed", detail=HOSTILE, actor_label=HOSTILE, tag="<b>tag</b>", trace_id="ab")
    text = client.get("/runs/").content.decode()
    assert HOSTILE not in text
    assert "evil<script>" not in text
    assert "<b>tag</b>" not in text


def test_new_runs_are_counted_and_the_rows_stay(client, workflow):
    make_cards(workflow, 3)
    newest = client.get("/runs/").context["page"].newest
    assert b"new" not in client.get(f"/runs/?newer_than={newest}").content.split(b"#}")[-1]
    later = make_cards(workflow, 2, prefix="later")
    for run in later:
        run.created_at = timezone.now() + timedelta(minutes=1)
        run.save(update_fields=["created_at"])
    assert b"2 new" in client.get(f"/runs/?newer_than={newest}").content


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        ("good-000000", "/runs/good-000000/"),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "/runs/good-000000/"),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "/runs/good-000000/"),
        ("order-fulfilment", "/workflows/order-fulfilment/"),
        ("card declined", "/runs/?q=card+declined"),
        ("", "/runs/"),
    ],
)
def test_the_search_box_leads_to_the_run_or_to_the_history(client, workflow, typed, leads_to):
    make_cards(workflow, 1, prefix="good", trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
    response = client.get("/find/", {"q": typed})
    assert response.status_code == 302
    assert response.headers["Location"] == leads_to
