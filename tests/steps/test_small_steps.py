import logging
import time
from datetime import UTC, datetime, timedelta

import pytest

from runs.engine.data.schemas import Schema
from runs.steps import TOOLS, approval, json_transform, log_line, text_template, wait
from tests.refused_schemas import NAMES, no_request, refused_schema

from .conftest import run_of


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
def test_each_step_is_documented_and_its_examples_fit_its_schema(tool):
    assert tool.description
    schema = tool.input_schema.json_schema
    assert schema["examples"]
    assert not [issue for example in schema["examples"] for issue in Schema.of(schema).parse(example).issues]
    fields = schema["properties"].values()
    assert all(field.get("title") for field in fields)


async def test_an_approval_asks_and_gives_the_answer():
    run = run_of(approval)
    asked = await run.start(input_data={"message": "Ship it?", "details": {"order": 7}, "label": "ship"})
    assert asked.status == "suspended"
    question = asked.suspend_payload["approval"]
    assert (question["message"], question["details"]) == ("Ship it?", {"order": 7})
    assert question["form"]["required"] == ["approved"]
    ended = await run.resume(label="ship", resume_data={"approved": True})
    assert (ended.status, ended.result) == ("success", {"approved": True})


async def test_an_answer_that_does_not_fit_the_form_is_asked_for_again():
    run = run_of(approval)
    form = {"type": "object", "properties": {"days": {"type": "integer", "minimum": 1}}, "required": ["days"]}
    await run.start(input_data={"message": "For how long?", "form": form})
    again = await run.resume(step="approval", resume_data={"days": 0})
    assert again.status == "suspended"
    assert again.suspend_payload["approval"]["problem"].startswith("days: ")
    assert (await run.resume(step="approval", resume_data={"days": 3})).result == {"days": 3}


async def test_a_form_that_is_no_schema_fails_with_a_sentence(failure):
    message = await failure(approval, message="?", form={"type": "objekt"})
    assert message.startswith("The form is no JSON Schema that can be checked: ")


@pytest.mark.parametrize("name", NAMES)
async def test_a_form_that_cannot_be_used_fails_with_its_pointer_and_is_not_fetched(failure, name):
    with no_request() as address:
        form, pointer = refused_schema(name, address)
        assert f"broken at {pointer}" in await failure(approval, message="?", form=form)


async def test_json_is_picked_by_an_expression(output, failure):
    data = {"lines": [{"sku": "A1", "qty": 2}, {"sku": "B2", "qty": 0}], "big": 9007199254740993}
    expression = "{skus: lines[?qty > `0`].sku, big: big}"
    assert await output(json_transform, data=data, expression=expression) == {
        "result": {"skus": ["A1"], "big": 9007199254740993}
    }
    assert await output(json_transform, data={}, expression="a.b") == {"result": None}
    assert (await failure(json_transform, data={}, expression="a[")).startswith("The expression cannot be used: ")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Dear ${name}, ${order.total} EUR", "Dear Ada, 9.5 EUR"),
        ("${#lines}${name}: ${qty} x ${sku}; ${/lines}", "Ada: 2 x A1; Ada: 1 x B2; "),
        ("${#words}<${.}>${/words}", "<a><b>"),
        ("${^none}nothing${/none}${#none}something${/none}${^empty}, empty${/empty}", "nothing, empty"),
        ("${#order}${total}${/order}", "9.5"),
        ("$${name} costs $5 and ${missing}.", "${name} costs $5 and ."),
    ],
)
async def test_a_text_is_filled(output, template, text):
    values = {
        "name": "Ada",
        "order": {"total": 9.5},
        "lines": [{"sku": "A1", "qty": 2}, {"sku": "B2", "qty": 1}],
        "words": ["a", "b"],
        "empty": [],
    }
    assert await output(text_template, template=template, values=values) == {"text": text}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a\n${#lines}", "Line 2 of the template: lines is opened, and ${/lines} is missing."),
        ("${/lines}", "Line 1 of the template: ${/lines} ends nothing that is open."),
        ("${}", "Line 1 of the template: ${} names no path."),
    ],
)
async def test_a_template_that_cannot_be_read_is_named_by_its_line(failure, template, message):
    assert await failure(text_template, template=template) == message


async def test_a_text_does_not_outgrow_its_limit(failure):
    template = "${#a}${#a}${#a}${#a}" + "x" * 1000 + "${/a}${/a}${/a}${/a}"
    assert "becomes longer than" in await failure(text_template, template=template, values={"a": list(range(1, 30))})


async def test_a_line_is_logged_as_one_line_and_its_data_handed_on(output, caplog):
    with caplog.at_level(logging.INFO, "runs.workflow"):
        assert await output(log_line, message="Paid\nFAKE", level="warning", data={"order": 7}) == {"order": 7}
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == "Paid FAKE"


async def test_a_wait_lasts_as_long_as_it_is_told(output, failure):
    began = time.monotonic()
    assert await output(wait, seconds=0.05) == {"seconds": 0.05}
    assert time.monotonic() - began >= 0.05
    past = datetime.now(UTC) - timedelta(days=1)
    assert await output(wait, until=past.isoformat()) == {"seconds": 0}
    far = datetime.now(UTC) + timedelta(days=1)
    assert "sleepUntil" in await failure(wait, until=far.isoformat())
    assert await failure(wait) == "Give either seconds or until."
