"""The request context: typed rows, or one JSON object, and never a value that nobody meant."""

import pytest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor
from runs.forms.context_rows import ContextRows
from runs.forms.schema.exact_json import Number, exact

NAMED = {
    "type": "object",
    "properties": {"tenant": {"type": "string"}, "user.id": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
}


def rows(*given: tuple[str, str, str], schema: object = None) -> ContextRows:
    data = QueryDict(mutable=True)
    for number, (key, kind, value) in enumerate(given):
        data.appendlist("n:context", str(number))
        data.update({f"context/{number}/key": key, f"context/{number}/type": kind, f"context/{number}/value": value})
    context = ContextRows(Redactor(), schema)
    context.read_post(data, MultiValueDict())
    return context


def test_each_type_gives_its_value():
    context = rows(
        ("tenant", "string", "acme-eu"),
        ("user.id", "integer", "9007199254740993"),
        ("rate", "number", "0.10"),
        ("beta", "boolean", "true"),
        ("none", "null", "ignored"),
        ("features", "json", '{"split": [1]}'),
        ("", "string", ""),
    )
    assert context.tree() == {
        "tenant": "acme-eu",
        "user.id": Number("9007199254740993"),
        "rate": Number("0.10"),
        "beta": True,
        "none": None,
        "features": {"split": [Number("1")]},
    }
    assert context.value()["user.id"] == 9007199254740993
    assert context.problems == []


def test_no_row_is_no_context():
    assert rows().value() is UNSET


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("n", "integer", "1.5"), 'n is "1.5". Enter a whole number, or choose another type.'),
        (("n", "integer", ""), "n is empty. Enter a whole number, or choose another type."),
        (("n", "boolean", "yes"), 'n is "yes". Enter true or false, or choose another type.'),
        (("n", "json", "{"), "n is not JSON: line 1, column 2."),
        (("", "string", "x"), "Key is missing. Name it, or remove the row."),
    ],
)
def test_a_row_that_is_wrong_says_so_and_stays(row, said):
    context = rows(row)
    assert context.value() is UNSET
    assert context.rows[0].error.startswith(said)
    assert (context.rows[0].key, context.rows[0].value) == (row[0], row[2])
    assert len(context.problems) == 1


def test_a_key_that_stands_twice_is_refused():
    context = rows(("tenant", "string", "a"), ("tenant", "string", "b"))
    context.value()
    assert [problem.predicate for problem in context.problems] == [" tenant stands twice. Keep one of the two."]
    assert context.rows[1].error_at == "key"


def test_a_key_that_stands_twice_in_the_json_is_refused():
    context = rows()
    context.mode, context.text = "json", '{"a": 1, "a": 2}'
    assert context.value() is UNSET
    assert '"a" occurs twice' in context.error


@pytest.mark.parametrize("text", ["[]", '"x"', "1"])
def test_the_json_must_be_an_object(text):
    context = rows()
    context.mode, context.text = "json", text
    assert context.value() is UNSET
    assert "not a JSON object" in context.error
    context.switch("rows")
    assert (context.mode, context.text) == ("json", text)


def test_rows_and_json_turn_into_each_other():
    tree = exact({"a": "x", "b": 1, "c": 1.50, "d": False, "e": None, "f": [1], "g": "two\nlines"})
    context = rows()
    context.fill(tree)
    assert [row.type for row in context.rows] == ["string", "integer", "number", "boolean", "null", "json", "json"]
    context.switch("json")
    assert context.tree() == tree
    context.switch("rows")
    assert context.tree() == tree


def test_keys_that_the_workflow_names_are_fields_and_others_are_rows():
    context = ContextRows(Redactor(), NAMED)
    context.fill(exact({"tenant": "acme", "user.id": 7, "extra": True}))
    assert [row.key for row in context.rows] == ["extra"]
    assert context.tree() == exact({"tenant": "acme", "user.id": 7, "extra": True})
    context.refuse([("user.id", "Input should be a valid integer"), ("extra", "not allowed")])
    assert [problem.anchor for problem in context.problems] == ["context-user.2e.id", "context-0-value"]


def test_the_value_of_a_key_called_like_a_secret_is_typed_masked():
    context = rows(("api_token", "string", "x"), ("tenant", "string", "y"))
    assert [row.secret for row in context.rows] == [True, False]
