"""Everything wrong that can be sent: the right status, a sentence that helps, and what was typed given back."""

import pytest
from django.urls import reverse

from runs.models import WorkflowDefinition, WorkflowRun
from tests.registered import register_workflows
from tests.web.test_run_start import ORDER, TEXT, page_of, summary


@pytest.fixture
def client(db, operator, client_for):
    register_workflows()
    return client_for(operator)


def refused(client, address: str, fields: dict, status: int = 422) -> list[str]:
    """Post a form that must be refused: nothing is stored, all that was typed comes back, no traceback is shown."""
    page = page_of(client.get(address))
    sent = page.with_(fields)
    before = WorkflowRun.objects.count()
    response = client.post(address, sent)
    assert response.status_code == status
    assert WorkflowRun.objects.count() == before
    text = response.content.decode()
    assert "Traceback" not in text
    back = page_of(response)
    kept = {name: values for name, values in sent.items() if name in back.fields}
    for name in ("csrfmiddlewaretoken", "tags", "context_keys"):  # words of a line come back as chips
        kept.pop(name, None)
    assert {name: back.fields[name] for name in kept} == kept
    words = {word for name in ("tags", "context_keys") for line in sent[name] for word in line.split(",") if word}
    assert words <= {*back.fields.get("tag", []), *back.fields.get("context_key", [])}
    assert set(sent) <= set(back.fields)
    return summary(response)


def as_json(text: str, address: str = TEXT) -> dict[str, str]:
    """The input as the JSON tab sends it."""
    return {"input_mode": "json", "input_text": text.replace("\n", "\r\n")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "tokens": 1,,\n}', "Input is not JSON: line 2, column 15."),
        ('{"tokens": NaN}', "Input is not JSON: line 1, column 12. NaN is not a JSON number."),
        ('{"tokens": -Infinity}', "Input is not JSON: line 1, column 12. -Infinity is not a JSON number."),
        ('{"text": "\\ud800"}', "Half of a surrogate pair is not a character."),
        ('{"tokens": 18446744073709551616}', "The integer needs more than 64 bits"),
        ('{"a": ' * 200 + "1" + "}" * 200, "The value is nested deeper than 100 levels."),
        ('{"text": "a", "text": "b"}', 'The key "text" occurs twice in one object.'),
    ],
)
def test_json_that_cannot_be_read_is_told_with_line_and_column(client, text, said):
    page = page_of(client.post(TEXT, page_of(client.get(TEXT)).with_(act="show:input:json")))
    response = client.post(TEXT, page.with_(as_json(text)))
    assert response.status_code == 422
    (line,) = summary(response)
    assert line.startswith("Input is not JSON: line ")
    assert said in line
    assert page_of(response).fields["input_text"] == [text.replace("\n", "\r\n")]
    assert not WorkflowRun.objects.exists()


def test_values_of_wrong_types_are_told_with_their_paths(client):
    lines = refused(
        client,
        ORDER,
        {
            "v:input/customer_id": "seven",
            "v:input/order/total": "18,90",
            "v:input/order/lines/1/qty": "0",
            "v:input/order/lines/2/sku": "",
            "v:input/order/number": "10442",
            "v:input/card_token": "",
        },
    )
    assert lines == [
        'Customer is "seven". Enter 1 to 9223372036854775807. /customer_id',
        'Number is "10442". Enter a text that matches ^ORD-\\d{1,12}$. /order/number',
        'Total is "18,90". Enter 0 or more. /order/total',
        "Line 2, quantity is 0. Enter 1 to 999, or remove the line. /order/lines/1/qty",
        "Line 3, SKU is missing. Enter 1 to 40 characters. /order/lines/2/sku",
        "Card token is missing. Enter 4 or more characters. /card_token",
    ]


def test_each_line_of_the_summary_leads_to_its_field(client):
    page = page_of(client.get(ORDER))
    response = client.post(ORDER, page.with_({"v:input/order/lines/1/qty": "0", "trace_id": "x"}))
    text = response.content.decode()
    assert '<a href="#input-order-lines-1-qty">Line 2, quantity</a>' in text
    assert '<a href="#trace_id">Trace id</a>' in text
    assert {"input-order-lines-1-qty", "input-order-lines-1-qty-e", "trace_id", "trace_id-e"} <= page_of(response).ids
    assert "Nothing was started: 3 fields need a change" in text
    assert "<title>Error: Nothing was started: 3 fields need a change. Start order-fulfilment" in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"trace_id": "a" * 33}, "Trace id has 33 characters. Enter up to 32 hex digits."),
        ({"trace_id": "xyz"}, 'Trace id has "x", which is not a hex digit. Enter up to 32 of 0 to 9 and a to f.'),
        ({"trace_id": "0" * 32}, "Trace id is all zeros, which is no id. Enter another one, or leave it empty."),
        ({"parent_span_id": "a" * 17}, "Parent span id has 17 characters. Enter up to 16 hex digits."),
        ({"traceparent": "00-abc"}, "Traceparent is not a W3C traceparent."),
        ({"metadata": "{"}, "Metadata is not JSON: line 1, column 2."),
        ({"metadata": "[1]"}, "Metadata is not a JSON object."),
        ({"tags": "x" * 101}, 'Tags has "xxxxxxxxxxxxxxxxxxxx…" of 101 characters. Enter up to 100 for each.'),
        ({"tags": ",".join(map(str, range(51)))}, "Tags are 51. Enter up to 50."),
        ({"context_keys": "user..id"}, 'Context keys on spans has "user..id", which has an empty part.'),
        ({"priority": "high"}, 'Priority is "high". Enter a whole number from -1000 to 1000.'),
        ({"run_id": "a/b"}, "Run id: A run id has 1 to 200 characters, without a slash"),
        ({"run_id": "x" * 201}, "Run id has 201 characters. Enter up to 200."),
        ({"resource_id": "x" * 201}, "Resource id has 201 characters. Enter up to 200."),
        ({"sends_state": "on", "state_text": "[1]"}, "Initial state"),
    ],
)
def test_each_option_is_checked(client, fields, said):
    (line,) = refused(client, TEXT, fields)
    assert line.startswith(said)


def test_two_context_keys_of_one_name_are_refused(client):
    fields = {"n:context": ["0", "1"]}
    for number in ("0", "1"):
        fields |= {f"context/{number}/key": "tenant", f"context/{number}/type": "string"}
        fields |= {f"context/{number}/value": number}
    assert refused(client, TEXT, fields) == ["Request context, key tenant stands twice. Keep one of the two. /tenant"]


def test_a_context_that_does_not_fit_is_told_at_its_field(client):
    page = page_of(client.post(ORDER, page_of(client.get(ORDER)).with_(act="show:context:json")))
    fields = page.with_({"v:input/card_token": "tok_1", "context_text": '{"tenant": 5}'})
    as_json = client.post(ORDER, fields)
    assert summary(as_json) == ["tenant is 5. Enter a text, in double quotes. /tenant"]
    as_form = page_of(client.post(ORDER, page_of(as_json).with_(act="show:context:rows")))
    assert as_form.fields["j:context/tenant"] == ["5"], "a value that its field cannot show is shown as JSON"
    (line,) = summary(client.post(ORDER, as_form.with_({"v:input/card_token": "tok_1"})))
    assert line == "Tenant is 5. Enter a text, in double quotes. /tenant"


def test_the_id_of_another_run_is_refused(client):
    client.post(TEXT, page_of(client.get(TEXT)).with_(run_id="mine"))
    said = "Run id is that of another run. Enter a new one, or leave it empty."
    assert refused(client, TEXT, {"run_id": "mine", "v:input/tokens": "9"}) == [said]


def test_an_unknown_workflow_is_told_in_words(client):
    for response in (client.get("/workflows/no-such/start/"), client.post("/workflows/no-such/start/", {})):
        assert response.status_code == 404
        assert "There is no workflow no-such" in response.content.decode()


def test_a_workflow_that_is_switched_off_says_who_can_switch_it_on(client, admin, client_for):
    WorkflowDefinition.objects.filter(pk="text-stream").update(enabled=False)
    response = client.get(TEXT)
    assert response.status_code == 409
    assert "An administrator can switch it on in the admin site." in response.content.decode()
    mine = client_for(admin).get(TEXT)
    assert mine.status_code == 409
    assert reverse("admin:runs_workflowdefinition_change", args=["text-stream"]) in mine.content.decode()


def test_what_was_typed_is_kept_when_the_workflow_was_switched_off_meanwhile(client):
    page = page_of(client.get(TEXT))
    WorkflowDefinition.objects.filter(pk="text-stream").update(enabled=False)
    response = client.post(TEXT, page.with_({"v:input/tokens": "77"}))
    assert response.status_code == 409
    assert "Nothing was started: text-stream takes no new runs" in response.content.decode()
    assert page_of(response).fields["v:input/tokens"] == ["77"]
    assert not WorkflowRun.objects.exists()


def test_a_body_over_the_limit_is_told_and_not_read(client, settings):
    settings.MAX_BODY_BYTES = 10_000
    page = page_of(client.get(TEXT))
    response = client.post(TEXT, page.with_({"v:input/text": "x" * 20_000}))
    assert response.status_code == 413
    text = response.content.decode()
    assert "at most 10.0 kB are taken" in text
    assert "WFCONSOLE_MAX_BODY_BYTES" in text
    program = client.post(TEXT, {"a": "x" * 20_000}, headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["limit"]) == (413, 10_000)


def test_a_form_without_its_token_is_refused(operator):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    register_workflows()
    assert strict.post(TEXT, {"v:input/text": "x"}).status_code == 403


def test_untrusted_text_is_shown_as_text(client):
    evil = "<script>alert(1)</script>"
    page = page_of(client.get(ORDER))
    fields = {
        "v:input/order/number": evil,
        "tags": evil,
        "metadata": evil,
        "n:context": ["0"],
        "context/0/key": evil,
        "context/0/type": "string",
        "context/0/value": evil,
        "run_id": evil,
    }
    text = client.post(ORDER, page.with_(fields)).content.decode()
    assert evil not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize("act", ["show:input:xml", "add:", "remove:input", "untag:", "nonsense", "show", ""])
def test_an_act_that_nobody_offers_changes_nothing(client, act):
    page = page_of(client.get(TEXT))
    response = client.post(TEXT, page.with_(act=act))
    assert response.status_code == 200
    assert not WorkflowRun.objects.exists()
