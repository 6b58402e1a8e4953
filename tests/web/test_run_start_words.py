"""A refused value is told as what, where, and what to do."""

import pytest

from runs.engine.data.schemas import INVALID_INPUT, Schema
from runs.engine.log.snapshot import UNSET
from runs.forms.schema.exact_json import Number, exact
from runs.forms.schema.json_schema import shape_of
from runs.forms.schema.sentences import listed, predicate
from runs.forms.trace_ids import id_fault, read_traceparent
from runs.forms.value_editor import ValueEditor
from tests.web.test_run_start_schema import ORDER, Order


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 999}, Number("0"), " is 0. Enter 1 to 999."),
        ({"type": "integer", "minimum": 1}, Number("-5"), " is -5. Enter 1 or more."),
        ({"type": "integer", "maximum": 9}, Number("10"), " is 10. Enter at most 9."),
        ({"type": "number", "exclusiveMinimum": 0}, Number("0"), " is 0. Enter more than 0."),
        ({"type": "integer"}, "abc", ' is "abc". Enter a whole number.'),
        ({"type": "integer"}, Number("1.5"), " is 1.5. Enter a whole number."),
        ({"type": "integer"}, UNSET, " is missing. Enter a whole number."),
        ({"type": "integer"}, None, " is null. Enter a whole number."),
        ({"type": "number"}, "18,90", ' is "18,90". Enter a number such as 18.9.'),
        ({"type": "integer", "multipleOf": 5}, Number("7"), " is 7. Enter a multiple of 5."),
        ({"type": "string", "minLength": 1, "maxLength": 5}, "", " is empty. Enter 1 to 5 characters."),
        ({"type": "string", "maxLength": 5}, "abcdef", " has 6 characters. Enter at most 5 characters."),
        ({"type": "string", "pattern": "^ORD-"}, "x", ' is "x". Enter a text that matches ^ORD-.'),
        ({"type": "string", "format": "date"}, "soon", ' is "soon". Enter a date such as 2026-11-22.'),
        ({"type": "string"}, Number("5"), " is 5. Enter a text, in double quotes."),
        ({"type": "boolean"}, "yes", ' is "yes". Enter true or false.'),
        ({"enum": ["web", "store", "partner"]}, "fax", ' is "fax". Choose Web, Store or Partner.'),
        ({"enum": ["web", "store"]}, UNSET, " is missing. Choose Web or Store."),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, [], " has no items. Add 1 or more."),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a", "b"], " has 2 items. Enter at most 1."),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "x", ' is "x". Enter a JSON object.'),
        ({"type": "string"}, "fits", ": the validator's own words."),
    ],
)
def test_common_issues_are_worded_from_schema_and_value(schema, value, said):
    assert predicate(shape_of(schema), value, "the validator's own words").lower() == said.lower()


def test_wording_an_issue_runs_no_pattern_that_takes_exponential_time():
    schema = {"type": "string", "pattern": r"^([a-zA-Z0-9]+\s?)*$"}  # in Python's `re`: 38 seconds, then doubling
    assert "Enter a text that matches" in predicate(shape_of(schema), "AnnaMariaElisabethVonHohenstei" * 20 + ".", "")


def test_a_secret_is_not_repeated_in_its_sentence():
    shape = shape_of({"type": "object", "properties": {"password": {"type": "string", "pattern": "^[a-z]+$"}}})
    assert "hunter2" not in predicate(shape.properties["password"], "hunter2", "no match")


def test_a_row_may_be_removed_instead():
    shape = shape_of({"type": "integer", "minimum": 1})
    assert predicate(shape, Number("0"), "", row="Line") == " is 0. Enter 1 or more, or remove the line."


def refused(tree: object, **changes: object) -> ValueEditor:
    """An editor of an order after its validator has refused the value."""
    schema = Schema.of(Order)
    editor = ValueEditor("input", schema.json_schema, "Input")
    editor.fill(exact(tree))
    issues = schema.parse(editor.value()).issues
    editor.refuse([(issue.dotted, issue.message) for issue in issues])
    return editor


def test_the_engines_issue_stands_at_its_field_with_a_link_and_a_pointer():
    tree = {**ORDER, "order": {**ORDER["order"], "lines": [{**ORDER["order"]["lines"][0], "qty": 0}]}}
    editor = refused(tree)
    (problem,) = editor.problems
    assert (problem.anchor, problem.pointer) == ("input-order-lines-0-qty", "/order/lines/0/qty")
    assert problem.subject + problem.predicate == "Line 1, quantity is 0. Enter 1 to 999, or remove the line."
    assert editor.form.find(("order", "lines", 0, "qty")).error == "Quantity is 0. Enter 1 to 999, or remove the line."


def test_all_issues_are_told_at_once():
    editor = refused({"order": {"currency": "DKK", "total": "x", "lines": []}, "channel": "fax", "ratio": "y"})
    said = [problem.subject + problem.predicate for problem in editor.problems]
    assert "Customer id is missing. Enter a whole number." in said
    assert 'Currency is "DKK". Choose EUR, USD, SEK or GBP.' in said
    assert "Lines has no items. Add 1 to 200." in said
    assert 'Channel is "fax". Choose Web, Store or Partner.' in said
    assert "Card token is missing. Enter a text." in said
    assert len(said) == len(set(said)) >= 6


def test_in_the_json_tab_the_issue_names_the_key_and_the_pointer():
    editor = ValueEditor("input", Schema.of(Order).json_schema, "Input")
    editor.mode, editor.text = "json", '{"customer_id": "x"}'
    editor.refuse([("customer_id", "Input should be a valid integer")])
    (problem,) = editor.problems
    assert (problem.anchor, problem.pointer) == ("input-text", "/customer_id")
    assert editor.error == 'customer_id is "x". Enter a whole number.'


@pytest.mark.parametrize(
    ("text", "line", "column"), [('{"a": 1,,}', 1, 9), ('{\n  "a": NaN\n}', 2, 8), ('{"a":\n1', 2, 2), ("[", 1, 2)]
)
def test_malformed_json_stays_in_the_json_tab_with_line_and_column(text, line, column):
    editor = ValueEditor("input", Schema.of(Order).json_schema, "Input")
    editor.mode, editor.text = "json", text
    editor.switch("form")
    assert (editor.mode, editor.text, editor.line) == ("json", text, line)
    assert abs(editor.column - column) <= 1
    assert f"line {editor.line}, column {editor.column}" in editor.error


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": ' * 200 + "1" + "}" * 200, "nested deeper than 100 levels"),
        ('{"a": Infinity}', "not a JSON number"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": 99999999999999999999}', "64 bits"),
        ('{"a": 1, "a": 2}', "occurs twice"),
    ],
)
def test_what_a_run_cannot_carry_is_refused_with_its_place(text, says):
    editor = ValueEditor("input", None, "Input")
    editor.text = text
    assert editor.value() is UNSET
    assert says in editor.error
    assert "line 1, column" in editor.error
    assert editor.text == text


def test_an_integer_beyond_64_bits_is_refused_at_its_field():
    editor = ValueEditor(
        "input", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, "Input"
    )
    editor.form.find(("n",)).text = "99999999999999999999"
    assert editor.value() is UNSET
    assert "64 bits" in editor.form.find(("n",)).error


def test_the_head_of_an_issue_is_not_repeated():
    assert INVALID_INPUT not in str(refused({}).problems)


def test_many_choices_are_cut():
    assert listed([str(number) for number in range(40)]).endswith("9 or 30 others")


# --- Trace ids ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a" * 33, " has 33 characters. Enter up to 32 hex digits."),
        ("xyz", ' has "x", which is not a hex digit. Enter up to 32 of 0 to 9 and a to f.'),
        ("0" * 32, " is all zeros, which is no id. Enter another one, or leave it empty."),
        ("4bf92f3577b34da6a3ce929d0e0e4736", ""),
        ("A", ""),
        ("", ""),
    ],
)
def test_a_trace_id_is_up_to_32_hex_digits(text, said):
    assert id_fault(text, 32) == said


TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("before", ["", "traceparent: ", "Traceparent=", " '"])
def test_a_traceparent_gives_both_ids(before):
    assert read_traceparent(f"{before}00-{TRACE_ID}-{SPAN_ID}-01") == (TRACE_ID, SPAN_ID)


@pytest.mark.parametrize(
    "text", ["", TRACE_ID, f"00-{TRACE_ID}-{SPAN_ID}", f"ff-{TRACE_ID}-{SPAN_ID}-01", f"00-{'0' * 32}-{SPAN_ID}-01"]
)
def test_what_is_no_traceparent_gives_none(text):
    assert read_traceparent(text) is None
