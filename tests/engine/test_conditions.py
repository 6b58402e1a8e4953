import pytest

from runs.engine.data.paths import get_path
from runs.engine.data.undefined import UNSET
from runs.engine.errors import InvalidWorkflow
from runs.engine.graph.conditions import Predicate, condition_text, truthy


class Scope:
    input_data = {"score": 0.5, "name": "ann", "none": None, "items": [1, 2], "zero": 0}
    init_data = {"n": 1}
    state = {"k": "v"}
    request_context = {}

    def step_output(self, step_id):
        return {"price": {"total": 12}} if step_id == "quote" else UNSET


def path(text):
    return {"path": text}


def literal(value):
    return {"literal": value}


@pytest.mark.parametrize(
    ("predicate", "holds"),
    [
        ({"op": "lt", "left": path("inputData.score"), "right": literal(0.8)}, True),
        ({"op": "gte", "left": path("inputData.name"), "right": literal("an")}, True),
        ({"op": "gt", "left": path("inputData.name"), "right": literal(1)}, False),
        ({"op": "eq", "left": path("initData.n"), "right": literal(1.0)}, True),
        ({"op": "eq", "left": literal(True), "right": literal(1)}, False),
        ({"op": "ne", "left": path("inputData.missing"), "right": literal(1)}, False),
        ({"op": "in", "value": path("state.k"), "set": ["v", 1]}, True),
        ({"op": "notIn", "value": path("state.missing"), "set": [1]}, True),
        ({"op": "exists", "path": "inputData.none"}, True),
        ({"op": "notExists", "path": "inputData.none.x"}, True),
        ({"op": "truthy", "value": path("inputData.zero")}, False),
        ({"op": "falsy", "value": path("inputData.missing")}, True),
        ({"op": "eq", "left": path("stepResults.quote.price.total"), "right": literal(12)}, True),
        ({"op": "exists", "path": "stepResults.other"}, False),
        ({"op": "eq", "left": path("${inputData.items.1}"), "right": literal(2)}, True),
        ({"op": "and", "args": [{"op": "exists", "path": "inputData"}, {"op": "exists", "path": "nope.a"}]}, False),
        ({"op": "or", "args": [{"op": "exists", "path": "nope"}, {"op": "exists", "path": "state.k"}]}, True),
        ({"op": "not", "arg": {"op": "exists", "path": "nope"}}, True),
    ],
)
def test_a_predicate_holds_as_the_reference_says(predicate, holds):
    assert Predicate.parse(predicate).evaluate(Scope()) is holds


@pytest.mark.parametrize(
    ("predicate", "words"),
    [
        ({"op": "like"}, "p.op: Unknown op 'like'"),
        ({"op": "eq", "left": path("a")}, "p.right: A predicate with op eq needs 'right'"),
        ({"op": "eq", "left": path("a"), "right": 5}, "p.right: An operand is"),
        ({"op": "and", "args": [{"op": "exists", "path": ""}]}, "p.args.0.path: A path"),
        ({"op": "in", "value": literal(1), "set": [[]]}, "p.set: A list"),
        ({"op": "not", "arg": {"op": "exists", "path": "a"}, "extra": 1}, "p.extra: "),
        ("text", "p: A predicate is an object"),
    ],
)
def test_a_broken_predicate_is_refused_at_its_path(predicate, words):
    with pytest.raises(InvalidWorkflow) as caught:
        Predicate.parse(predicate, "p")
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("value", [None, UNSET, False, 0, 0.0, float("nan"), ""])
def test_what_javascript_takes_for_false_is_false(value):
    assert not truthy(value)


@pytest.mark.parametrize("value", [True, 1, -0.5, "0", "false", [], {}])
def test_what_javascript_takes_for_true_is_true(value):
    assert truthy(value)


def test_a_condition_tells_people_in_one_line_what_it_asks():
    predicate = {"op": "lt", "left": path("stepResults.score.value"), "right": literal(0.8)}
    assert Predicate.parse(predicate).text == "stepResults.score.value < 0.8"
    both = {"op": "and", "args": [predicate, {"op": "not", "arg": {"op": "exists", "path": "state.x"}}]}
    assert condition_text(Predicate.parse(both)) == "stepResults.score.value < 0.8 and not (state.x is there)"

    def needs_review(ctx):
        """The score is too high.

        More words.
        """

    assert condition_text(needs_review) == "The score is too high"


def test_a_path_leads_through_lists_and_ends_at_what_is_missing():
    value = {"a": [{"b": None}]}
    assert get_path(value, "a.0.b") is None
    assert get_path(value, "a.length") == 1
    assert get_path(value, ".") is value
    assert get_path(value, "a.1.b") is UNSET
    assert get_path(value, "a.0.b.c") is UNSET
    assert get_path({"": 1}, "a") is UNSET
