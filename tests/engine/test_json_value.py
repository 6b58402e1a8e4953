import enum
import json
from datetime import datetime

import pytest
from pydantic import BaseModel

from runs.engine.data.json_value import InvalidJson, encode, parse_json, same_json, settle
from runs.engine.errors import NotJson


@pytest.mark.parametrize(
    ("text", "line", "column", "words", "path"),
    [
        ('{"a": 1,}', 1, 8, "comma", ""),
        ('{"a":\n  tru}', 2, 3, "tru is not JSON", "a"),
        ("", 1, 1, "empty", ""),
        ("{'a': 1}", 1, 2, "key", ""),
        ('{"x": [1, NaN]}', 1, 11, "NaN is not a JSON number", "x.1"),
        ('{"x": -Infinity}', 1, 7, "-Infinity is not a JSON number", "x"),
        ("[1e400]", 1, 2, "too large", "0"),
        ('{"a": {"b": 1, "b": 2}}', 1, 16, 'The key "b" occurs twice', "a.b"),
        ('{"a":1,"a"\n:2}', 1, 8, 'The key "a" occurs twice', "a"),
        ('[{"":1}, {"a":":","\\"":2, "a" :3}]', 1, 27, 'The key "a" occurs twice', "1.a"),
        ('{"n": 18446744073709551616}', 1, 7, "more than 64 bits", "n"),
        ("[-9223372036854775809]", 1, 2, "more than 64 bits", "0"),
        ('{"a": "\\ud800"}', 1, 7, "surrogate", "a"),
        ('["\ud800"]', 1, 3, "surrogate", ""),
        (b'{"a": "\xff"}', 1, 8, "UTF-8", ""),
        ("[" * 101 + "]" * 101, 1, 101, "deeper than 100 levels", "0." * 99 + "0"),
        ("[" * 5000, 1, 101, "deeper than 100 levels", "0." * 99 + "0"),
    ],
)
def test_what_a_run_cannot_carry_is_refused_with_its_place(text, line, column, words, path):
    with pytest.raises(InvalidJson) as caught:
        parse_json(text)
    assert (caught.value.line, caught.value.column, caught.value.path) == (line, column, path)
    assert words in caught.value.message


def test_integers_of_64_bits_and_fractions_survive_unchanged():
    text = "[9223372036854775807,-9223372036854775808,18446744073709551615,0.1,1e+300,5e-324,1.0]"
    assert encode(parse_json(text)).decode() == text


def test_a_hundred_levels_are_allowed_and_a_byte_order_mark_is_no_fault():
    assert parse_json("\ufeff" + "[" * 100 + "]" * 100) is not None


def test_text_that_looks_like_keys_inside_texts_is_no_duplicate():
    assert parse_json('{"k": "\\"a\\": 1, \\"a\\": 2", "a": "k\\":"}') == {"k": '"a": 1, "a": 2', "a": 'k":'}


def test_a_text_over_the_limit_is_refused():
    with pytest.raises(InvalidJson, match="at most 4 are allowed"):
        parse_json('"äöü"', max_bytes=4)


class Answer(BaseModel):
    ok: bool


class Colour(enum.StrEnum):
    RED = "red"


def test_models_tuples_and_text_enums_are_written_as_what_they_hold():
    assert json.loads(encode({"a": Answer(ok=True), "t": (1, 2), "c": Colour.RED})) == {
        "a": {"ok": True},
        "t": [1, 2],
        "c": "red",
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, {"b": float("nan")}]}, "nan is not a JSON number at a.1.b"),
        ({"a": None, "b": float("inf")}, "inf is not a JSON number at b"),
        ({"n": 2**64}, "more than 64 bits at n"),
        ({"t": "\ud800"}, "surrogate pair is not a character at t"),
        ({1: 2}, "The key 1 is not a text but int"),
        ({"a": {"b": {1}}}, "type set at a.b"),
        (datetime(2026, 1, 1), "type datetime"),
        (object(), "type object"),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_path_and_type(value, words):
    with pytest.raises(NotJson, match=words):
        encode(value)


def test_a_value_that_is_nested_too_deeply_to_be_written_is_refused():
    value: list[object] = []
    for _ in range(300):
        value = [value]
    with pytest.raises(NotJson, match="nested deeper"):
        encode(value)


def test_a_settled_value_is_not_changed_by_later_changes_of_the_original():
    original = {"items": [1]}
    data, value = settle(original)
    original["items"].append(2)
    assert value == {"items": [1]}
    assert data == b'{"items":[1]}'


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"a": 1, "b": [True]}, {"b": [True], "a": 1}, True),
        (1, 1.0, False),
        (True, 1, False),
        ([1, 2], [1], False),
        ({"a": None}, {}, False),
        ("1", 1, False),
    ],
)
def test_values_are_the_same_when_they_are_written_as_the_same_json(a, b, same):
    assert same_json(a, b) is same
