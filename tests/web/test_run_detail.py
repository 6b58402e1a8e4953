"""The page of a run: its answer, its tabs, its acts, and its edges."""

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs.models import AuditEntry, WorkflowRun
from tests.drawing.runs import step
from tests.web.run_logs import (
    RunLog,
    canceled_run,
    failed_run,
    finished_run,
    make_workflow,
    pending_run,
    running_run,
    suspended_run,
)

TABS = ["overview", "timeline", "stream", "steps", "state", "input", "activity", "raw"]
STATES = [running_run, finished_run, failed_run, suspended_run, canceled_run, pending_run]
MOST_QUERIES = 20  # whatever the size of the run: session, user, run, log, mask, counts, stream, frame


@pytest.fixture
def workflow(db):
    return make_workflow()


@pytest.fixture
def client(client_for, admin):
    return client_for(admin)


def get(client, run, query="", **more):
    return client.get(reverse("run_detail", args=[run.pk]) + query, **more)


def text_of(client, run, query="", **more):
    response = get(client, run, query, **more)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(
    "make",
    [running_run, finished_run, failed_run, suspended_run, canceled_run, pending_run],
    ids=lambda make: make.__name__,
)
def test_each_tab_of_a_run_in_any_state_is_a_page(client, workflow, make, tab):
    html = text_of(client, make(workflow), f"?tab={tab}")
    assert 'aria-current="page"' in html
    assert "style=" not in html  # the policy blocks it
    assert "tok_visa_4242" not in html


# --- The answer first -----------------------------------------------------------------------------


def test_a_running_run_says_what_it_is_doing_and_how_far_it_is(client, workflow):
    html = text_of(client, running_run(workflow))
    assert "Running pack_lines." in html
    assert "3 of 5 items done." in html
    assert "Pending. It appears here when" in html


def test_a_finished_run_shows_its_result_before_its_graph(client, workflow):
    html = text_of(client, finished_run(workflow))
    assert "Finished in 9.88 s." in html
    assert html.index('id="run-result"') < html.index('id="run-graph"')
    assert "C-10442" in html


def test_a_failed_run_opens_on_its_error_with_the_users_own_frames(client, workflow):
    html = text_of(client, failed_run(workflow))
    assert html.index("insufficient funds") < html.index('id="run-graph"')
    assert "attempt 3 of 3" in html
    assert "srv/shop/payments.py:88" in html
    assert html.index("payments.py:88") < html.index("order.py:142")  # where it was raised comes first
    assert "2 frames of httpx and asyncio" in html
    assert "Caused by ReadTimeout: no answer from psp.example in 1 s" in html


def test_a_suspended_run_repeats_the_question(client, workflow):
    html = text_of(client, suspended_run(workflow))
    assert "manual_review asks: Ship the order of Mara Lind for EUR 2988.80?" in html


def test_a_canceled_run_says_by_whom(client, workflow):
    assert "Canceled by Mara Lind after" in text_of(client, canceled_run(workflow))


def test_a_queued_run_says_what_it_waits_for(client, workflow):
    assert "No executor is running." in text_of(client, pending_run(workflow))


def test_a_run_without_chunks_says_so(client, workflow):
    assert "Stream" in text_of(client, finished_run(workflow), "?tab=stream")


# --- Head -----------------------------------------------------------------------------------------


def test_ids_are_cut_for_the_eye_and_copied_whole(client, workflow):
    run = running_run(workflow)
    html = text_of(client, run)
    assert f'data-copy="{run.pk}"' in html
    assert f'data-copy="{run.trace_id}"' in html
    assert "019ab1f4…8f21a6b7" in html


def test_the_clock_counts_from_the_servers_time_only_while_the_run_goes_on(client, workflow):
    assert "data-tick-from" in text_of(client, running_run(workflow))
    assert "data-tick-from" not in text_of(client, finished_run(workflow, "another"))


def test_a_run_id_of_200_characters_has_a_page(client, workflow):
    run = finished_run(workflow, "r" * 200)
    assert f'data-copy="{"r" * 200}"' in text_of(client, run)


def test_a_run_of_a_workflow_that_takes_no_more_runs_is_shown_and_cannot_be_run_again(client, workflow):
    workflow.enabled = False
    workflow.save()
    html = text_of(client, finished_run(workflow))
    assert "takes no new runs" in html
    assert "from_run=" not in html


# --- What htmx gets -------------------------------------------------------------------------------


def test_htmx_gets_the_parts_and_not_the_page(client, workflow):
    html = text_of(client, running_run(workflow), headers={"HX-Request": "true"})
    assert "<html" not in html
    for part in ("run-head", "run-line", "run-questions", "run-graph", "run-timeline", "run-result", "run-refresh"):
        assert f'id="{part}"' in html
    assert "data-live-run" not in html  # the stream lives on by itself
    assert html.count("hx-swap-oob") == 8


def test_a_page_opened_while_the_run_went_on_keeps_its_order_when_the_run_ends(client, workflow):
    run = finished_run(workflow)
    html = text_of(client, run, "?opened=active", headers={"HX-Request": "true"})
    assert html.index('id="run-graph"') < html.index('id="run-result"')
    assert "C-10442" in html


def test_a_run_that_has_ended_asks_for_nothing_again(client, workflow):
    assert "hx-trigger" not in text_of(client, finished_run(workflow)).split("_json")[0].split('id="run-result"')[0]


# --- Steps ----------------------------------------------------------------------------------------


def test_a_step_shows_input_output_and_where_its_chunks_are(client, workflow):
    html = text_of(client, finished_run(workflow), "?tab=steps&step=reserve_stock")
    assert '<h3 id="h-tree-step-input' in html
    assert "tab=stream&amp;step=reserve_stock" in html


def test_a_failed_step_shows_its_attempts_its_error_and_its_stack(client, workflow):
    html = text_of(client, failed_run(workflow), "?tab=steps&step=charge_card")
    assert "No attempt left of 3." in html
    assert "ReadTimeout: no answer from psp.example in 1 s" in html
    assert "Error as data" in html
    assert "masked: x-secret" in html


def test_an_item_of_a_foreach_is_a_step_like_any_other(client, workflow):
    html = text_of(client, running_run(workflow), "?tab=steps&step=pack_lines[1]")
    assert "SKU-2202" in html


def test_a_step_that_was_not_taken_says_so(client, workflow):
    html = text_of(client, finished_run(workflow), "?tab=steps&step=manual_review")
    assert "The branch did not take this arm" in html


def test_a_step_that_the_run_does_not_have_is_not_found(client, workflow):
    assert get(client, finished_run(workflow), "?tab=steps&step=nope").status_code == 404


def test_steps_can_be_filtered_by_status_and_by_path(client, workflow):
    html = text_of(client, running_run(workflow), "?tab=steps&status=running&q=pack")
    assert "pack_lines[3]" in html
    assert "?tab=steps&amp;step=validate_order" not in html
    assert "No step matches" in text_of(client, WorkflowRun.objects.get(), "?tab=steps&q=zzz")


def test_thousands_of_steps_are_paged_and_cost_no_more_queries(client, db):
    graph = [{"type": "foreach", "step": step("profile"), "opts": {}}]
    log = RunLog(make_workflow("big", graph)).step("profile", 30, totalCount=3_000)
    for index in range(3_000):
        log.step(f"profile[{index}]", 40 + index, 41 + index)
    run = log.store("running")
    counts = {}
    for tab in TABS:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            html = text_of(client, run, f"?tab={tab}")
        counts[tab] = len(queries)
        assert len(html) < 400_000
    assert max(counts.values()) <= MOST_QUERIES, counts
    html = text_of(client, run, "?tab=steps&step=profile[2500]")
    assert 'aria-selected="true"' in html  # the page of the list that holds it
    assert "2 501–2 600 of 3 001 steps" in html


def test_the_number_of_queries_does_not_grow_with_the_run(client, workflow):
    small, large = finished_run(workflow, "small"), running_run(workflow, "large")
    for tab in TABS[1:]:
        asked = []
        for run in (small, large):
            text_of(client, run, f"?tab={tab}")  # the mask of a version is read once
            with CaptureQueriesContext(connection) as queries:
                text_of(client, run, f"?tab={tab}")
            asked.append(len(queries))
        assert asked[0] == asked[1], tab
        assert asked[0] <= MOST_QUERIES


# --- Values ---------------------------------------------------------------------------------------


def value(client, run, query, **more):
    return client.get(reverse("run_value", args=[run.pk]) + query, **more)


def test_a_part_of_a_value_is_given_to_htmx_as_list_items(client, workflow):
    run = finished_run(workflow, result={"rows": list(range(250))})
    html = value(client, run, "?of=result&at=/rows&from=100", headers={"HX-Request": "true"}).content.decode()
    assert html.lstrip().startswith("{# Members") is False
    assert ">100<" in html
    assert "Show 50 more of 250" in html
    assert "<html" not in html


def test_without_a_script_the_same_address_is_a_page(client, workflow):
    html = value(client, finished_run(workflow), "?of=input&at=/order").content.decode()
    assert "<html" in html
    assert "ORD-10437" in html


def test_a_download_is_json_with_exact_numbers_and_without_secrets(client, workflow):
    response = value(client, finished_run(workflow), "?of=input&download=1")
    assert response["Content-Disposition"].startswith("attachment; filename=")
    data = orjson.loads(response.content)
    assert data["customer_id"] == 9007199254740993
    assert data["card_token"] == "[masked: x-secret]"


def test_a_secret_cannot_be_asked_for_by_its_place(client, workflow):
    run = finished_run(workflow)
    for query in ("?of=input&at=/card_token", "?of=input&at=/card_token&download=1"):
        response = value(client, run, query)
        assert response.status_code == 404
        assert b"tok_visa" not in response.content


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?of=nope",
        "?of=step-output&step=nope",
        "?of=result&at=/nope",
        "?of=event&seq=999",
        "?of=event&seq=-1",
        "?of=state&at=x",
    ],
)
def test_what_is_not_there_is_not_found(client, workflow, query):
    assert value(client, finished_run(workflow), query).status_code == 404


def test_an_event_can_be_looked_at_whole_and_masked(client, workflow):
    html = value(client, finished_run(workflow), "?of=event&seq=1").content.decode()
    assert "9007199254740993" in html
    assert "masked: x-secret" in html


def test_a_long_text_is_cut_in_the_tree_and_whole_on_its_own_page(client, workflow):
    run = finished_run(workflow, result={"log": "a" * 5_000 + "END"})
    assert "first 4 096 characters of 5.0 kB" in text_of(client, run)
    assert "END" in value(client, run, "?of=result&at=/log").content.decode()


def test_a_value_over_a_mebibyte_is_told_and_not_shown(client, workflow):
    run = finished_run(workflow, result={"csv": "x" * 1_100_000, "rows": 3})
    html = text_of(client, run)
    assert "Object, 2 keys, 1.1 MB: too large to show here." in html
    assert len(html) < 200_000


def test_hostile_values_and_names_stay_text(client, db):
    hostile = "<script>alert(1)</script>"
    log = RunLog(make_workflow("hostile", [step(hostile)]), tags=[hostile], actor_label=hostile)
    log.step(hostile, 10, 20, output={hostile: hostile})
    log.add("workflow-finish", 30, status="success", result={hostile: [hostile]})
    run = log.store("success", ended=30)
    for tab in TABS:
        html = text_of(client, run, f"?tab={tab}&step={hostile if tab == 'steps' else ''}")
        assert hostile not in html


# --- Raw, activity --------------------------------------------------------------------------------


def test_the_log_is_shown_by_pages(client, db):
    log = RunLog(make_workflow("long", [step("a")])).step("a", 1)
    for number in range(150):
        log.chunk("a", 2 + number, {"n": number})
    run = log.store("running")
    first = text_of(client, run, "?tab=raw")
    assert "1–100 of 152" in first
    assert "?tab=raw&amp;after=100" in first
    assert "101–152 of 152" in text_of(client, run, "?tab=raw&after=100")
    assert get(client, run, "?tab=raw&after=zzz").status_code == 200
    assert "No events here" in text_of(client, run, "?tab=raw&after=999999999")


def test_activity_tells_who_did_what_and_which_runs_came_of_it(client, workflow):
    run = finished_run(workflow)
    finished_run(workflow, "child-run", origin=run, origin_step="charge_card")
    html = text_of(client, run, "?tab=activity")
    assert "started the run" in html
    assert "192.0.2.7" in html
    assert "child-run" in html


# --- Cancel ---------------------------------------------------------------------------------------


def test_cancel_works_without_a_script(client, workflow):
    run = pending_run(workflow)
    assert "Cancel run" in text_of(client, run)
    response = client.post(reverse("run_cancel", args=[run.pk]), follow=True)
    run.refresh_from_db()
    assert run.status == "canceled"
    assert "Canceled by Ada before it began." in response.content.decode()
    assert AuditEntry.objects.filter(verb="cancel", object_id=run.pk).exists()


def test_cancel_of_a_run_that_has_ended_changes_nothing_and_says_so(client, workflow):
    run = finished_run(workflow)
    response = client.post(reverse("run_cancel", args=[run.pk]), follow=True)
    run.refresh_from_db()
    assert run.status == "success"
    assert "The run had ended before it could be canceled." in response.content.decode()


def test_cancel_by_get_is_refused(client, workflow):
    run = pending_run(workflow)
    assert client.get(reverse("run_cancel", args=[run.pk])).status_code == 405


# --- Rights and errors ----------------------------------------------------------------------------


def test_a_viewer_sees_the_run_and_cannot_cancel_it(client_for, viewer, workflow):
    run, client = pending_run(workflow), client_for(viewer)
    html = text_of(client, run)
    assert "Cancel run" not in html
    assert "Re-run" not in html
    response = client.post(reverse("run_cancel", args=[run.pk]))
    assert response.status_code == 403
    assert "may see runs, but not cancel them" in response.content.decode()
    run.refresh_from_db()
    assert run.status == "pending"


def test_an_account_without_rights_is_told_whom_to_ask(client_for, django_user_model, workflow):
    run = pending_run(workflow)
    response = get(client_for(django_user_model.objects.create_user("nobody")), run)
    assert response.status_code == 403
    assert "An administrator can give an account more rights" in response.content.decode()


def test_an_unknown_run_is_a_page_that_helps(client, db):
    response = client.get("/runs/019ab1f4-ffff/")
    assert response.status_code == 404
    html = response.content.decode()
    assert "There is no run with the id 019ab1f4-ffff." in html
    assert "All runs" in html


def test_an_unknown_address_is_a_page_for_people_who_are_signed_out_too(db):
    from django.test import Client

    response = Client().get("/no/such/page")
    assert response.status_code == 404
    assert "There is no page at /no/such/page." in response.content.decode()
