"""The history."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.forms.run_filter import RunFilter
from runs.models import WorkflowRun
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
    with django_assert_max_num_queries(10):
        assert len(names(client.get("/runs/"))) == 50


@pytest.mark.parametrize("query", ["", "status:success", "status:success,failed", "tag:nightly", "workflow:a,b"])
def test_the_pages_follow_on_each_other_without_gap_or_duplicate(client, db, query):
    """Forth to the oldest run and back to the newest, along each index that a walk may take."""
    for name in ("a", "b"):
        make_cards(make_workflow(name), 60, prefix=name, tag="nightly")
    expected = [run.pk for run in WorkflowRun.objects.newest_first()]
    pages = [client.get("/runs/", {"q": query})]
    while older := pages[-1].context["page"].older:
        pages.append(client.get("/runs/", {"q": query, "before": older}))
    assert [name for page in pages for name in names(page)] == expected
    assert [len(names(page)) for page in pages] == [50, 50, 20]
    back = [pages[-1]]
    while newer := back[-1].context["page"].newer:
        back.append(client.get("/runs/", {"q": query, "after": newer}))
    assert [names(page) for page in back] == [names(page) for page in pages[::-1]]


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
        ("not_tag=nightly", ["bad-000000", "bad-000001"]),
        ("workflow=other", []),
        ("workflow=other&workflow=order-fulfilment&status=failed", ["bad-000000", "bad-000001"]),
        ("q=workflow:order-fulfilment+status:success", ["good-000000"]),
        ("q=workflow:order-fulfilment+status:success,failed", ["bad-000000", "bad-000001", "good-000000"]),
        ("q=-workflow:order-fulfilment", []),
        ("q=tag:nightly+tag:hourly", []),
        ("q=tag:nightly+workflow:order-fulfilment+status:success,failed+declined", []),
        ("q=-who:mara+status:failed", ["bad-000000", "bad-000001"]),
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
    assert sorted(names(client.get(f"/runs/?{query}", follow=True))) == expected


@pytest.mark.parametrize("query", ["q=status:nope", "q=started>yesterday", "q=" + "x" * 600])
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


def news(client, **asked) -> str:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    return client.get("/runs/", asked, headers=headers).content.decode()


def test_new_runs_are_counted_and_the_rows_stay(client, workflow):
    make_cards(workflow, 3)
    newest = client.get("/runs/").context["page"].newest
    assert "new</a>" not in news(client, newest=newest)
    for run in make_cards(workflow, 2, prefix="later"):
        run.created_at = timezone.now() + timedelta(minutes=1)
        run.save(update_fields=["created_at"])
    assert "2 new</a>" in news(client, newest=newest)
    assert "new</a>" not in news(client, q="status:failed", newest=newest)


def test_a_run_that_goes_on_is_shown_anew_in_its_own_place(client, workflow):
    make_cards(workflow, 1, prefix="done")
    run = make_cards(workflow, 1, prefix="now", status="running", ended_at=None)[0]
    text = client.get("/runs/").content.decode()
    assert text.count('type="hidden" name="row-') == 1
    WorkflowRun.objects.filter(pk=run.pk).update(status="failed", ended_at=timezone.now(), detail="It broke.")
    text = news(client, **{"row-2": run.pk})
    assert '<hx-partial hx-target="#row-2"' in text
    assert "It broke." in text
    assert 'type="hidden"' not in text  # it has ended: nothing more is asked for


@pytest.mark.parametrize("asked", [{"newest": "nonsense"}, {"newest": "99999999999999999999_x"}])
def test_news_since_a_place_that_is_none_are_refused(client, workflow, asked):
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    assert client.get("/runs/", asked, headers=headers).status_code == 400


def test_plain_parameters_become_the_text_of_the_filter(client, workflow):
    """So that links and forms without scripts lead to the address that the text equals."""
    response = client.get("/runs/?q=declined&status=failed&status=tripwire&not_tag=nightly&since=24h")
    assert response.status_code == 302
    query = QueryDict(response.headers["Location"].partition("?")[2])
    assert query.dict() == {"q": "declined status:failed,tripwire -tag:nightly started>-24h"}


def test_each_menu_keeps_the_conditions_of_the_others(client, workflow):
    make_cards(workflow, 1)
    menus = {menu.key: menu for menu in client.get("/runs/", {"q": "status:failed -tag:x who:mara"}).context["menus"]}
    assert menus["status"].rest == "-tag:x who:mara"
    assert [choice.value for choice in menus["status"].choices if choice.chosen] == ["failed"]
    assert menus["who"].rest == "status:failed -tag:x"
    assert menus["who"].value == "mara"
    assert menus["tag"].rest == "status:failed -tag:x who:mara"


def test_when_no_run_matches_the_page_names_the_condition_that_removes_the_most(client, workflow):
    make_cards(workflow, 5, prefix="bad", status="failed")
    make_cards(workflow, 3, prefix="good", tag="nightly")
    response = client.get("/runs/", {"q": "status:failed tag:nightly"})
    assert [(hint.term.text, hint.runs) for hint in response.context["hints"]] == [
        ("tag:nightly", 5), ("status:failed", 3),
    ]  # fmt: skip
    assert "Remove tag:nightly" in response.content.decode()


def test_looking_that_takes_too_long_is_stopped_and_says_what_helps(client, workflow, monkeypatch):
    make_cards(workflow, 3000)
    monkeypatch.setattr("runs.views.run_list.LOOKING_SECONDS", 0.0)
    response = client.get("/runs/", {"q": "nothing-like-this"})
    assert response.status_code == 200
    text = response.content.decode()
    assert "was stopped" in text
    assert 'value="nothing-like-this"' in text
    assert WorkflowRun.objects.count() == 3000  # the limit holds for that look alone


def test_a_page_of_the_history_reads_neither_events_nor_definitions(client, workflow, django_assert_num_queries):
    make_cards(workflow, 60)
    client.get("/runs/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/runs/", {"q": "status:success"})
    read = " ".join(query["sql"] for query in queries)
    assert "runs_runevent" not in read
    assert "runs_payload" not in read
    assert "input_schema" not in read


PLANS = ["", "status:failed", "status:failed,tripwire", "workflow:order-fulfilment", "workflow:a,b", "tag:nightly"]
PLANS += ["tag:nightly status:failed -tag:hourly", "workflow:order-fulfilment status:failed", "trace:4bf9"]
PLANS += ["workflow:order-fulfilment status:success", "who:vera", "started>-24h status:failed"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plans of SQLite")
@pytest.mark.parametrize("query", PLANS)
def test_no_filter_sorts_runs_or_reads_all_of_them(client, workflow, query):
    walk = RunFilter.read(QueryDict(urlencode({"q": query}))).walk()
    with CaptureQueriesContext(connection) as queries:
        walk.page(51, before=f"{1_700_000_000_000_000}_some-run")
    (sql,) = [one["sql"] for one in queries if "LIMIT 51" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"))
        plan = [row[3] for row in cursor.fetchall()]
    assert not [step for step in plan if step.startswith("SCAN")], plan
    if not query.startswith("trace"):  # few runs share a trace; those are sorted
        assert not [step for step in plan if "TEMP B-TREE" in step], plan


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
