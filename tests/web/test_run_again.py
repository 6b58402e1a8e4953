"""Running again: the same, edited, or from a step; the new run and the old one know each other."""

import pytest
from django.urls import reverse

from runs.models import WorkflowDefinition, WorkflowRun
from runs.store.history import snapshot
from tests.executor.conftest import executor, start, until, workflows  # noqa: F401  fixtures
from tests.web.form_page import FormPage
from tests.web.test_inbox import text_of


@pytest.fixture
def ended(executor, start, until):  # noqa: F811
    """Runs that have ended well: `ended("quick", {"value": 1})`."""

    def make(workflow_id, input=None, **options):
        return until(start(workflow_id, input, **options), "success")

    return make


@pytest.fixture
def client(client_for, operator):
    return client_for(operator)


def again(run):
    return reverse("run_again", args=[run.pk])


def from_step(run, step):
    return f"{reverse('run_from_step', args=[run.pk])}?step={step}"


def child_of(response):
    assert response.status_code == 303, response.content.decode()[:2000]
    return WorkflowRun.objects.get(pk=response.url.strip("/").rsplit("/", 1)[1])


def test_the_same_is_one_press_and_copies_everything(client, ended):
    run = ended("quick", {"value": 2**62}, tracing_options={"tags": ["a"], "metadata": {"ticket": "OPS-1"}})
    text = text_of(client.get(reverse("run_detail", args=[run.pk])))
    key = text.split('name="start_key" value="')[1].split('"')[0]
    child = child_of(client.post(again(run), {"start_key": key}))
    assert child_of(client.post(again(run), {"start_key": key})) == child  # pressed twice
    assert (child.origin_id, child.tags, child.actor_label) == (run.pk, ["a"], "Olaf")
    told = snapshot(child.pk)
    assert told.input == {"value": 2**62}
    assert told.tracing_options["metadata"] == {"ticket": "OPS-1"}


def test_origin_and_children_are_linked_both_ways(client, ended):
    run = ended("quick", {"value": 1})
    child = child_of(client.post(from_step(run, "third"), {**fields(client, run, "third"), "act": "start"}))
    text = text_of(client.get(reverse("run_detail", args=[child.pk])))
    assert f'Re-run of <a href="{reverse("run_detail", args=[run.pk])}"' in text
    assert "from third" in text
    assert reverse("run_detail", args=[child.pk]) in text_of(
        client.get(reverse("run_detail", args=[run.pk]) + "?tab=activity")
    )


def fields(client, run, step):
    return FormPage(text_of(client.get(from_step(run, step)))).fields


def test_each_step_that_has_begun_is_offered(client, ended):
    run = ended("quick", {"value": 1})
    text = text_of(client.get(again(run)))
    for step in ("first", "second", "third"):
        assert from_step(run, step) in text
    assert from_step(run, "second") in text_of(
        client.get(reverse("run_detail", args=[run.pk]) + "?tab=steps&step=second")
    )


def test_the_steps_input_is_there_to_be_changed(client, ended, until):  # noqa: F811
    run = ended("quick", {"value": 1})
    given = fields(client, run, "second")
    assert given["v:input/value"] == ["2"]
    child = child_of(client.post(from_step(run, "second"), {**given, "v:input/value": "40", "act": "start"}))
    until(child, "success")
    assert snapshot(child.pk).result == {"value": 42}


def test_a_wrong_input_comes_back_with_what_was_typed(client, ended):
    run = ended("quick", {"value": 1})
    sent = {**fields(client, run, "second"), "v:input/value": "many", "act": "start"}
    text = text_of(client.post(from_step(run, "second"), sent), 422)
    assert "Nothing was started" in text
    assert 'value="many"' in text
    assert WorkflowRun.objects.count() == 1


def test_form_and_json_are_two_views_of_the_input(client, ended):
    run = ended("quick", {"value": 1})
    text = text_of(client.post(from_step(run, "second"), {**fields(client, run, "second"), "act": "show:json"}))
    assert "&quot;value&quot;: 2" in text


def test_secrets_are_not_shown_and_are_used_all_the_same(client, ended, until):  # noqa: F811
    run = ended("echoing", {"api_key": "sk-secret-1", "city": "Rome"})
    text = text_of(client.get(from_step(run, "echo")))
    assert "sk-secret-1" not in text
    assert "Secrets are not shown" in text
    sent = {**fields(client, run, "echo"), "input_text": '{"city": "Oslo"}', "act": "start"}
    child = until(child_of(client.post(from_step(run, "echo"), sent)), "success")
    assert snapshot(child.pk).result == {"api_key": "sk-secret-1", "city": "Oslo"}


def test_a_step_that_never_began_and_a_run_that_never_was_are_refused(client, ended):
    run = ended("quick", {"value": 1})
    assert "The run never came to a step nowhere." in text_of(client.get(from_step(run, "nowhere")), 404)
    assert client.get(reverse("run_again", args=["nobody"])).status_code == 404


def test_a_workflow_that_takes_no_new_runs_is_told_in_a_sentence(client, ended):
    run = ended("quick", {"value": 1})
    WorkflowDefinition.objects.filter(pk="quick").update(enabled=False)
    assert "It has been switched off." in text_of(client.post(again(run)), 409)
    sent = {**fields(client, run, "second"), "act": "start"}
    assert "It has been switched off." in text_of(client.post(from_step(run, "second"), sent), 422)


def test_a_viewer_is_offered_nothing_and_may_start_nothing(client_for, viewer, ended):
    run, client = ended("quick", {"value": 1}), client_for(viewer)
    assert "Re-run" not in text_of(client.get(reverse("run_detail", args=[run.pk])))
    assert "Run from here" not in text_of(client.get(reverse("run_detail", args=[run.pk]) + "?tab=steps&step=second"))
    assert client.post(again(run)).status_code == 403
    assert client.get(from_step(run, "second")).status_code == 403
