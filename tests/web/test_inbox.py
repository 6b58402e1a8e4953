"""The inbox and the forms of answers: what is asked, who may answer, what comes of it."""

import pytest
from django.urls import reverse

from runs.models import AuditEntry, WorkflowRun
from runs.store.history import snapshot
from tests.executor.conftest import executor, start, until, workflows  # noqa: F401  fixtures
from tests.web.form_page import FormPage
from tests.web.run_logs import make_workflow, suspended_run

INBOX = "/inbox/"
LATE_SECONDS = 120


def text_of(response, status=200):
    assert response.status_code == status, response.content.decode()[:2000]
    text = response.content.decode()
    assert "style=" not in text  # the policy blocks it
    return text


@pytest.fixture
def waiting(db):
    """A run that asks, as its log tells it; no executor knows its workflow."""
    return suspended_run(make_workflow())


# --- Reading --------------------------------------------------------------------------------------


def test_an_empty_inbox_says_so(client_for, operator):
    text = text_of(client_for(operator).get(INBOX))
    assert "Nothing waits for an answer" in text
    assert "is-yours" not in text


def test_the_first_question_is_open_with_its_facts_and_the_way_there(client_for, operator, waiting):
    text = text_of(client_for(operator).get(INBOX))
    assert "Ship the order of Mara Lind for EUR 2988.80?" in text
    assert '<dt class="wf-break">score</dt><dd><code>0.93</code></dd>' in text
    assert '<li class="is-here">' in text
    assert "1 run waits for a person" in text
    assert 'is-yours">1<' in text
    assert f'action="{reverse("run_answer", args=[waiting.pk])}"' in text


def test_a_viewer_reads_questions_and_gets_no_form(client_for, viewer, waiting):
    client = client_for(viewer)
    text = text_of(client.get(INBOX))
    assert "Your account may see questions, but not answer them." in text
    assert "data-answer>" not in text
    assert client.post(reverse("run_answer", args=[waiting.pk]), {"asked": "14"}).status_code == 403


def test_the_questions_of_others_are_left_out_of_ones_own(client_for, operator, waiting):
    text = text_of(client_for(operator).get(INBOX + "?view=mine"))
    assert "None of your runs waits for an answer" in text


def test_older_questions_stand_on_the_next_page(client_for, operator, db):
    workflow = make_workflow()
    for number in range(22):
        suspended_run(workflow, f"run-{number:02}")
    client = client_for(operator)
    text = text_of(client.get(INBOX))
    assert text.count('class="wf-item"') == 20
    older = text.split('href="/inbox/?before=')[1].split('"')[0]
    assert text_of(client.get(f"{INBOX}?before={older}")).count('class="wf-item"') == 2
    assert client.get(INBOX + "?before=nonsense").status_code == 302


def test_a_question_that_is_no_longer_open_is_told_apart(client_for, operator, waiting):
    text = text_of(client_for(operator).get(f"{INBOX}?run={waiting.pk}&asked=999"))
    assert "This question is no longer open" in text
    assert client_for(operator).get(INBOX + "?run=nobody").status_code == 404


def test_the_run_page_shows_the_question_above_the_graph(client_for, operator, waiting):
    text = text_of(client_for(operator).get(reverse("run_detail", args=[waiting.pk])))
    assert text.index("Your answer") < text.index('id="run-graph"')


def test_secrets_of_a_question_are_masked(client_for, operator, db):
    log = suspended_run(make_workflow())
    event = log.events.get(type="workflow-step-suspended")
    event.data = bytes(event.data).replace(b'"score":0.93', b'"card_token":"tok_visa_4242"')
    event.save()
    text = text_of(client_for(operator).get(INBOX))
    assert "masked by x-secret" in text
    assert "tok_visa_4242" not in text


# --- Answering ------------------------------------------------------------------------------------


@pytest.fixture
def asked(executor, start, until):  # noqa: F811
    """Runs that ask, really: `asked("deciding", {"value": 1})`."""

    def make(workflow_id, input=None):
        return until(start(workflow_id, input), "suspended")

    return make


def fields_of(client, run, path=INBOX):
    """What a browser without scripts would send for the form of an answer."""
    return FormPage(text_of(client.get(path))).fields


def answer(client, run, fields, act):
    return client.post(reverse("run_answer", args=[run.pk]), {**fields, "act": act})


def test_a_decision_is_one_press_and_leads_back_to_the_inbox(client_for, operator, asked, until):  # noqa: F811
    run, client = asked("deciding", {"value": 1}), client_for(operator)
    text = text_of(client.get(INBOX))
    assert 'value="decide:true"' in text
    response = answer(client, run, fields_of(client, run), "decide:true")
    assert (response.status_code, response.url) == (303, INBOX)
    assert "Answered." in text_of(client.get(INBOX))
    until(run, "success")
    assert AuditEntry.objects.get(verb="resume").actor == operator


def test_enter_in_a_field_decides_nothing(client_for, operator, asked):
    run, client = asked("deciding", {"value": 1}), client_for(operator)
    text = text_of(answer(client, run, fields_of(client, run), "check"), 422)
    assert "Your decision</a> is missing." in text
    run.refresh_from_db()
    assert run.status == "suspended"


def test_form_and_json_are_two_views_of_one_answer(client_for, operator, asked, until):  # noqa: F811
    run, client = asked("deciding", {"value": 1}), client_for(operator)
    text = text_of(answer(client, run, fields_of(client, run), "show:json"))
    fields = FormPage(text).fields
    name = next(name for name in fields if name.endswith("_text"))
    text = text_of(answer(client, run, {**fields, name: '{"ok": tru}'}, "answer"), 422)
    assert "line 1, column 8" in text
    assert "{&quot;ok&quot;: tru}" in text  # nothing typed is lost
    text = text_of(answer(client, run, {**fields, name: '{"ok": "perhaps"}'}, "answer"), 422)
    assert "/ok" in text
    assert answer(client, run, {**fields, name: '{"ok": false}'}, "answer").status_code == 303
    until(run, "success")


def test_a_form_that_the_question_brings_is_drawn_instead_of_the_steps(client_for, operator, asked, until):  # noqa: F811
    run, client = asked("reviewing"), client_for(operator)
    text = text_of(client.get(INBOX))
    assert "Approve?" in text
    assert '"approved"' not in text
    assert answer(client, run, fields_of(client, run), "decide:false").status_code == 303
    until(run, "success")
    assert snapshot(run.pk).result == {"approved": False}


def test_each_item_of_a_foreach_is_a_question_of_its_own(client_for, operator, asked, until):  # noqa: F811
    run, client = asked("asking-items", [1, 2, 3]), client_for(operator)
    text = text_of(client.get(INBOX))
    assert "Take 1?" in text
    assert "Take 3?" in text
    last = next(line for line in text.split('href="/inbox/') if "Take 3?" in line).split("#")[0]
    last = INBOX + last.replace("&amp;", "&")
    assert answer(client, run, fields_of(client, run, last), "decide:false").status_code == 303
    until(run, "suspended")
    assert "Take 3?" not in text_of(client.get(INBOX))
    answer(client, run, fields_of(client, run), "decide:true")
    until(run, "success")
    assert snapshot(run.pk).result == [10, 20, 0]


def test_pressed_twice_it_is_one_answer_and_from_somebody_else_it_is_too_late(
    client_for,
    operator,
    admin,
    asked,
    until,  # noqa: F811
):
    run, client = asked("deciding", {"value": 1}), client_for(operator)
    fields = fields_of(client, run)
    late = {**fields, "v:x/comment": "I looked at it for an hour"}
    assert answer(client, run, fields, "decide:true").status_code == 303
    assert answer(client, run, fields, "decide:true").status_code == 303
    text = text_of(answer(client_for(admin), run, late, "decide:false"), 409)
    assert "Your answer was not taken" in text
    assert "Olaf" in text
    assert "I looked at it for an hour" in text
    until(run, "success")
    assert AuditEntry.objects.filter(verb="resume").count() == 1


def test_answered_on_the_runs_page_the_reader_stays_there(client_for, operator, asked, until):  # noqa: F811
    run, client = asked("nesting", {"value": 1}), client_for(operator)
    page = reverse("run_detail", args=[run.pk])
    response = answer(client, run, fields_of(client, run, page), "decide:true")
    assert (response.status_code, response.url) == (303, page)
    until(run, "success")
    assert client.get(reverse("run_answer", args=[run.pk])).url == page
    assert WorkflowRun.objects.count() == 1
