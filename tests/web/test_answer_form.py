"""Which decisions become buttons, and what stays a field."""

import pytest

from runs.engine import UNSET
from runs.engine.commands.questions import Question
from runs.engine.log.records import StepRecord
from runs.engine.log.results import StepStatus
from runs.forms.answer import AnswerForm


def form_of(schema):
    record = StepRecord("ask", StepStatus.SUSPENDED, 0, suspend_payload={"form": schema}, seq=3)
    return AnswerForm(Question(("ask",), None, record), {})


def one(key, schema, required=True):
    return {"type": "object", "properties": {key: schema}, "required": [key] if required else []}


@pytest.mark.parametrize(
    ("schema", "buttons"),
    [
        ({"type": "boolean"}, [("Approve", "primary"), ("Reject", "refusal")]),
        (one("approved", {"type": "boolean"}), [("Approve", "primary"), ("Reject", "refusal")]),
        (one("isUrgent", {"type": "boolean"}), [("Is urgent: yes", "primary"), ("Is urgent: no", "plain")]),
        (
            one("what", {"enum": ["reject", "ship", "normal"]}),
            [("Reject", "refusal"), ("Ship", "primary"), ("Normal", "plain")],
        ),
        (one("what", {"enum": list("abcde")}), []),
        (one("approved", {"type": "boolean"}, required=False), []),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}},
                "required": ["a", "b"],
            },
            [],
        ),
        ({"type": "string"}, []),
        ({}, []),
    ],
)
def test_a_single_needed_decision_is_made_by_buttons(schema, buttons):
    assert [(choice.words, choice.look) for choice in form_of(schema).choices] == buttons


def test_a_button_gives_the_value_and_the_fields_the_rest():
    form = form_of(one("what", {"enum": ["ship", "hold"]}) | {"additionalProperties": False})
    assert form.fields == []
    assert form.value("hold") == {"what": "hold"}
    assert not form.problems


def test_without_a_button_nothing_is_decided():
    form = form_of(one("approved", {"type": "boolean"}))
    form.value(None)
    assert [problem.subject for problem in form.problems] == ["Your decision"]


def test_a_step_that_takes_anything_may_be_answered_by_nothing():
    form = form_of({})
    assert form.editor.mode == "json"
    assert form.value(None) is UNSET
    assert not form.problems
