"""The page that starts a run, as a browser without scripts uses it."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse

from runs.models import AuditEntry, WorkflowDefinition, WorkflowRun
from runs.store.history import read_events
from tests.registered import register_workflows
from tests.web.form_page import FormPage

ORDER, CSV, TEXT = (f"/workflows/{name}/start/" for name in ("order-fulfilment", "csv-profile", "text-stream"))


@pytest.fixture
def client(db, operator, client_for):
    register_workflows()
    return client_for(operator)


def page_of(response) -> FormPage:
    return FormPage(response.content.decode())


def summary(response) -> list[str]:
    """The lines of the error summary, as text."""
    found = re.search(r'<div class="wf-errsum.*?</div>', response.content.decode(), re.DOTALL)
    lines = re.findall(r"<li>(.*?)</li>", found[0], re.DOTALL) if found else []
    return [unescape(" ".join(re.sub(r"<[^>]*>", "", line).split())) for line in lines]


def started_with(run: WorkflowRun) -> dict:
    return json.loads(read_events(run.id, limit=1)[0].data)


def only_run() -> WorkflowRun:
    return WorkflowRun.objects.get()


# --- Starting ---


def test_the_form_starts_a_run_and_goes_to_its_page(client, operator):
    page = page_of(client.get(ORDER))
    response = client.post(ORDER, page.with_({"v:input/card_token": "tok_live_1", "act": "start", "tags": "a, b"}))
    run = only_run()
    assert (response.status_code, response.url) == (303, reverse("run_detail", args=[run.id]))
    assert (run.actor, run.actor_label, run.tags) == (operator, "Olaf", ["a", "b"])
    started = started_with(run)
    assert started["input"]["customer_id"] == 9007199254740993
    assert [line["qty"] for line in started["input"]["order"]["lines"]] == [4, 2, 12]
    assert "discount_code" not in started["input"]["order"]
    assert AuditEntry.objects.filter(verb="start", object_id=run.id, address="127.0.0.1").count() == 1


def test_everything_that_the_form_offers_reaches_the_run(client):
    page = page_of(client.get(TEXT))
    fields = {
        "n:context": ["0", "1"],
        "context/0/key": "user.id",
        "context/0/type": "integer",
        "context/0/value": "9007199254740993",
        "context/1/key": "beta",
        "context/1/type": "boolean",
        "context/1/value": "true",
        "tag": ["with, comma"],
        "context_keys": "user.id, beta",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "parent_span_id": "00f067aa0ba902b7",
        "metadata": '{"ticket": 9007199254740993}',
        "include_state": "on",
        "include_resume_labels": "on",
        "hide_input": "on",
        "sends_state": "on",
        "state_text": '{"n": 1}',
        "run_id": "my-run",
        "resource_id": "acme",
        "priority": "7",
        "root_span_name": "mine",
    }
    response = client.post(TEXT, page.with_(fields))
    assert response.status_code == 303, summary(response)
    run = WorkflowRun.objects.get(pk="my-run")
    started = started_with(run)
    assert (run.priority, run.resource_id, run.trace_id) == (7, "acme", "4bf92f3577b34da6a3ce929d0e0e4736")
    assert started["requestContext"] == {"user.id": 9007199254740993, "beta": True}
    assert started["initialState"] == {"n": 1}
    assert started["outputOptions"] == {"includeState": True, "includeResumeLabels": True}
    assert started["tracingOptions"] == {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "parentSpanId": "00f067aa0ba902b7",
        "tags": ["with, comma"],
        "metadata": {"ticket": 9007199254740993},
        "requestContextKeys": ["user.id", "beta"],
        "rootSpanName": "mine",
        "hideInput": True,
    }


def test_check_only_starts_nothing_and_says_that_it_could(client):
    page = page_of(client.get(TEXT))
    response = client.post(TEXT, page.with_(act="check"))
    assert response.status_code == 200
    assert "this run can be started" in response.content.decode()
    assert not WorkflowRun.objects.exists()
    bad = client.post(TEXT, page.with_({"v:input/tokens": "0", "act": "check"}))
    assert bad.status_code == 422
    assert summary(bad) == ["Tokens is 0. Enter 1 to 100000. /tokens"]


def test_a_form_sent_twice_makes_one_run_and_a_changed_one_makes_another(client):
    page = page_of(client.get(TEXT))
    first, second = (client.post(TEXT, page.with_()).url for _ in range(2))
    assert first == second
    assert client.post(TEXT, page.with_({"v:input/tokens": "5"})).url != first
    assert WorkflowRun.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_the_same_moment_makes_one_run(operator, client_for):
    register_workflows()
    fields = page_of(client_for(operator).get(TEXT)).with_()

    def send(_: int) -> str:
        try:
            return client_for(operator).post(TEXT, fields).url
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        addresses = set(pool.map(send, range(4)))
    assert len(addresses) == 1
    assert WorkflowRun.objects.count() == 1


def test_enter_in_a_field_presses_the_button_that_starts_nothing(client):
    buttons = re.findall(r'<button[^>]*type="submit"[^>]*value="([^"]*)"', client.get(ORDER).content.decode())
    form_buttons = [value for value in buttons if value in ("check", "start")]
    assert form_buttons[0] == "check"


def test_a_file_given_without_scripts_is_the_text(client):
    page = page_of(client.get(CSV))
    file = SimpleUploadedFile("cities.csv", b"city;n\r\nParis;1\r\n", content_type="text/csv")
    client.post(CSV, page.with_({"f:input/csv": file}))
    assert started_with(only_run())["input"]["csv"] == "city;n\nParis;1\n"


def test_a_large_text_is_started_and_given_back(client):
    text = "a;b\n" + "1;2\n" * 500_000  # 2 MB
    page = page_of(client.get(CSV))
    again = client.post(CSV, page.with_({"v:input/csv": text, "v:input/top": "-1"}))
    assert again.status_code == 422
    back = page_of(again)
    assert back.fields["v:input/csv"] == [text.replace("\n", "\r\n")]
    response = client.post(CSV, back.with_({"v:input/top": "5"}))
    assert response.status_code == 303
    assert started_with(only_run())["input"]["csv"] == text


# --- Form and JSON ---


def test_the_tabs_turn_one_value_into_the_other(client):
    page = page_of(client.get(ORDER))
    fields = page.with_({"v:input/order/total": "2988.80", "v:input/customer_id": "9007199254740993"})
    as_json = page_of(client.post(ORDER, {**fields, "act": "show:input:json"}))
    (text,) = as_json.fields["input_text"]
    assert '"total": 2988.80' in text
    assert '"customer_id": 9007199254740993' in text
    wider = text.replace('"channel": "web"', '"channel": "web", "shop": {"n": 1.10}')
    as_form = client.post(ORDER, as_json.with_(input_text=wider, act="show:input:form"))
    assert as_form.status_code == 200
    assert "Not in the schema" in as_form.content.decode()
    (text,) = page_of(client.post(ORDER, page_of(as_form).with_(act="show:input:json"))).fields["input_text"]
    assert '"n": 1.10' in text


def test_malformed_json_stays_in_its_tab(client):
    page = page_of(client.post(ORDER, page_of(client.get(ORDER)).with_(act="show:input:json")))
    response = client.post(ORDER, page.with_(input_text='{\n  "a": 1,,\n}', act="show:input:form"))
    assert response.status_code == 422
    assert summary(response)[0].startswith("Input is not JSON: line 2, column 10.")
    assert page_of(response).fields["input_text"] == ['{\r\n  "a": 1,,\r\n}']


def test_htmx_gets_the_form_alone(client):
    page = page_of(client.get(ORDER))
    response = client.post(ORDER, page.with_(act="show:input:json"), headers={"HX-Request": "true"})
    assert response.content.decode().lstrip().startswith('<form class="wf-form" id="start-form"')


def test_rows_are_added_and_removed_by_buttons(client):
    page = page_of(client.get(ORDER))
    more = page_of(client.post(ORDER, page.with_(act="add:input/order/lines")))
    assert more.fields["n:input/order/lines"] == ["0", "1", "2", "3"]
    fewer = page_of(client.post(ORDER, more.with_(act="remove:input/order/lines/1")))
    skus = [fewer.fields[f"v:input/order/lines/{key}/sku"] for key in fewer.fields["n:input/order/lines"]]
    assert skus == [["SKU-2201"], ["SKU-7740"], [""]]
    context = page_of(client.post(ORDER, page.with_(act="add:context")))
    assert context.fields["n:context"] == ["0"]
    assert "n:context" not in page_of(client.post(ORDER, context.with_(act="remove:context/0"))).fields


def test_chips_are_added_by_the_line_and_removed_by_buttons(client):
    page = page_of(client.post(TEXT, page_of(client.get(TEXT)).with_(tags="a, b,a", act="show:traceparent:")))
    assert page.fields["tag"] == ["a", "b"]
    assert page_of(client.post(TEXT, page.with_(act="untag:a"))).fields["tag"] == ["b"]


def test_a_traceparent_fills_both_ids(client):
    page = page_of(client.get(TEXT))
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    filled = page_of(client.post(TEXT, page.with_(traceparent=parent, act="show:traceparent:")))
    assert filled.fields["trace_id"] == ["4bf92f3577b34da6a3ce929d0e0e4736"]
    assert filled.fields["parent_span_id"] == ["00f067aa0ba902b7"]
    assert filled.fields["traceparent"] == [""]


# --- A copy of another run ---


def test_a_copy_has_everything_of_the_other_run_but_its_secrets_and_ids(client):
    page = page_of(client.get(ORDER))
    fields = {
        "v:input/card_token": "tok_live_1",
        "s:input/order/discount_code": "null",
        "s:context/tenant": "value",
        "v:context/tenant": "acme-eu",
        "tags": "x",
        "metadata": '{"n": 9007199254740993}',
        "context_keys": "tenant",
        "include_state": "on",
        "trace_id": "abc",
        "run_id": "first",
        "priority": "3",
    }
    assert client.post(ORDER, page.with_(fields)).status_code == 303
    response = client.get(f"{ORDER}?from_run=first")
    copy = page_of(response)
    assert "tok_live_1" not in response.content.decode()
    assert copy.fields["s:input/order/discount_code"] == ["null"]
    assert copy.fields["v:context/tenant"] == ["acme-eu"]
    assert copy.fields["metadata"] == ['{"n": 9007199254740993}']
    assert (copy.fields["tag"], copy.fields["context_key"], copy.fields["priority"]) == (["x"], ["tenant"], ["3"])
    assert "include_state" in copy.fields
    assert (copy.fields["trace_id"], copy.fields["run_id"]) == ([""], [""])
    assert summary(response) == ["Card token is missing. Enter 4 or more characters. /card_token"]
    assert client.post(ORDER, copy.with_({"v:input/card_token": "tok_live_2"})).status_code == 303


def test_a_copy_marks_what_the_schema_no_longer_accepts(client):
    client.post(TEXT, page_of(client.get(TEXT)).with_(run_id="old"))
    version = WorkflowDefinition.objects.get(pk="text-stream").current
    event = only_run().events.get()
    event.data = event.data.replace(b'"tokens":400', b'"tokens":400,"gone":[1]')
    event.save()
    response = client.get(f"{TEXT}?from_run=old")
    assert "Not in the schema" in response.content.decode()
    assert version.input_schema["additionalProperties"] is False
    assert "gone" in summary(response)[0]
    assert page_of(response).fields["j:input/~others"] == ['{\r\n  "gone": [\r\n    1\r\n  ]\r\n}']


def test_a_run_of_another_workflow_is_not_copied(client):
    client.post(TEXT, page_of(client.get(TEXT)).with_(run_id="other"))
    for run_id in ("other", "never"):
        response = client.get(f"{ORDER}?from_run={run_id}")
        assert response.status_code == 404
        assert "There is no such run of order-fulfilment" in response.content.decode()


# --- Beside the form ---


def test_recent_inputs_and_usual_tags_come_from_the_last_runs(client, django_assert_max_num_queries):
    page = page_of(client.get(ORDER))
    for number in range(3):
        fields = {"v:input/card_token": "secret_1", "tags": "eu-west", "v:input/order/number": f"ORD-{number}"}
        client.post(ORDER, page.with_(fields))
    with django_assert_max_num_queries(15):
        text = client.get(ORDER).content.decode()
    assert '<option value="eu-west">' in text
    assert "ORD-2, 3 lines" in text
    assert "You · web, EUR, standard" in text
    assert "secret_1" not in text


def test_the_commands_follow_the_form_without_its_secrets(client):
    page = page_of(client.get(ORDER))
    fields = page.with_({"v:input/card_token": "tok_live_1", "tags": "it's", "metadata": "{oops"}, act="command")
    text = client.post(ORDER, fields, headers={"HX-Request": "true"}).content.decode()
    assert "start_run order-fulfilment" in text
    assert "&quot;card_token&quot;: &quot;&lt;card_token&gt;&quot;" in text
    assert "tok_live_1" not in text
    assert "it&#x27;&quot;&#x27;&quot;&#x27;s" in text, "a word with an apostrophe is quoted for the shell"
    assert 'id="input-size" hx-swap-oob="true"' in text


def test_a_draft_whose_run_was_started_is_told_so(client):
    page = page_of(client.get(TEXT))
    draft = page.with_({"v:input/tokens": "7"}, act="draft")
    assert page_of(client.post(TEXT, draft, headers={"HX-Request": "true"})).fields["v:input/tokens"] == ["7"]
    client.post(TEXT, page.with_())
    assert client.post(TEXT, draft, headers={"HX-Request": "true"}).status_code == 204


def test_the_page_is_never_kept_by_a_cache(client):
    assert "no-store" in client.get(ORDER)["Cache-Control"]


# --- Rights ---


def test_a_viewer_is_told_who_can_give_the_right(db, viewer, client_for):
    register_workflows()
    for answer in (client_for(viewer).get(ORDER), client_for(viewer).post(ORDER, {})):
        assert answer.status_code == 403
        assert "An administrator can add you to the group operator" in answer.content.decode()
    viewer.user_permissions.add(Permission.objects.get(codename="add_workflowrun"))
    assert client_for(viewer).get(ORDER).status_code == 200


def test_who_is_not_signed_in_is_asked_to(db, client_for):
    from django.test import Client

    assert Client().get(ORDER).url.startswith(reverse("sign_in"))
