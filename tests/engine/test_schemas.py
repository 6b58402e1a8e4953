from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from runs.engine.data.schemas import Schema, has_secrets, issues_cause
from runs.engine.data.undefined import UNSET
from runs.engine.errors import InvalidInput, InvalidWorkflow

NUMBER = {"type": "number"}


def issues(schema, value, *, parses=True):
    return [(issue.dotted, issue.message) for issue in Schema.of(schema, parses=parses).parse(value).issues]


def test_reading_fills_in_defaults_at_every_level_and_drops_unknown_keys():
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "anon"},
            "opts": {"type": "object", "properties": {"deep": {"type": "number", "default": 3}}},
            "rest": {"type": "object", "additionalProperties": True, "properties": {}},
        },
    }
    parsed = Schema.of(schema).parse({"opts": {"x": 1}, "rest": {"kept": 1}, "unknown": 2})
    assert parsed.value == {"name": "anon", "opts": {"deep": 3}, "rest": {"kept": 1}}


def test_a_default_is_a_value_of_its_own_for_each_run():
    schema = Schema.of({"type": "object", "properties": {"list": {"default": []}}})
    first, second = schema.parse({}).value, schema.parse({}).value
    assert first == second
    assert first["list"] is not second["list"]


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (NUMBER, "x", "Invalid input: expected number, received string"),
        (NUMBER, True, "Invalid input: expected number, received boolean"),
        (NUMBER, UNSET, "Invalid input: expected number, received undefined"),
        ({"type": "object"}, [1], "Invalid input: expected object, received array"),
        ({"type": "integer"}, 2.5, "Invalid input: expected int, received number"),
        ({"type": ["string", "null"]}, 3, "Invalid input: expected string, received number"),
        ({"anyOf": [NUMBER, {"type": "string"}]}, True, "Invalid input"),
        ({"type": "string", "minLength": 3}, "ab", "Too small: expected string to have >=3 characters"),
        ({"type": "array", "maxItems": 1}, [1, 2], "Too big: expected array to have <=1 items"),
        ({"type": "number", "minimum": 1}, 0, "Too small: expected number to be >=1"),
        ({"enum": ["a", "b"]}, "c", 'Invalid option: expected one of "a"|"b"'),
        ({"const": "a"}, "c", 'Invalid input: expected "a"'),
        ({"type": "string", "pattern": "^a$"}, "b", "Invalid string: must match pattern /^a$/"),
    ],
)
def test_reading_words_its_issues_as_zod_does(schema, value, message):
    assert issues(schema, value) == [("", message)]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (NUMBER, "x", [("", "must be number")]),
        (
            {"type": "object", "properties": {"n": NUMBER, "m": NUMBER}, "required": ["n", "m"]},
            {"n": "x"},
            [("", "must have required property 'm'"), ("n", "must be number")],
        ),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
            {"b": 1, "c": 2},
            [("", "must NOT have additional properties")] * 2,
        ),
        (
            {"type": "array", "items": NUMBER, "minItems": 3},
            ["x"],
            [("", "must NOT have fewer than 3 items"), ("0", "must be number")],
        ),
        ({"type": "number", "minimum": 3, "multipleOf": 2}, 1, [("", "must be >= 3"), ("", "must be multiple of 2")]),
        (
            {"anyOf": [NUMBER, {"type": "string"}]},
            True,
            [("", "must be number"), ("", "must be string"), ("", "must match a schema in anyOf")],
        ),
        ({"type": "string", "enum": ["a"]}, "b", [("", "must be equal to one of the allowed values")]),
    ],
)
def test_checking_words_its_issues_as_ajv_does_and_reports_all(schema, value, expected):
    assert issues(schema, value, parses=False) == expected


def test_checking_neither_fills_in_nor_drops():
    schema = Schema.of({"type": "object", "properties": {"n": {"type": "number", "default": 5}}}, parses=False)
    assert schema.parse({"extra": True}).value == {"extra": True}


def test_unknown_keys_are_named_together_where_none_are_allowed():
    schema = {"type": "object", "properties": {"a": NUMBER}, "required": ["a"], "additionalProperties": False}
    assert issues(schema, {"a": 1, "b": 2, "c": 3}) == [("", 'Unrecognized keys: "b", "c"')]


def test_paths_lead_through_lists_and_references():
    schema = {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}}},
        "$defs": {"tag": {"type": "object", "properties": {"id": NUMBER}, "required": ["id"]}},
    }
    assert issues(schema, {"tags": [{"id": 1}, {"id": "x"}, {}]}) == [
        ("tags.1.id", "Invalid input: expected number, received string"),
        ("tags.2.id", "Invalid input: expected number, received undefined"),
    ]


def test_keywords_beyond_the_usual_ones_are_checked_too():
    schema = {"type": "object", "properties": {"mail": {"type": "string", "format": "email"}}, "minProperties": 1}
    assert issues(schema, {"mail": "x"})[0][0] == "mail"
    assert len(issues(schema, {})) == 1


def test_a_broken_schema_is_refused_when_the_workflow_is_built():
    with pytest.raises(InvalidWorkflow, match="JSON Schema is broken"):
        Schema.of({"type": "objekt"})


class Order(BaseModel):
    order_id: int
    code: SecretStr = SecretStr("")


def test_a_model_is_stored_as_json_and_handed_over_as_an_instance():
    parsed = Schema.of(Order).parse({"order_id": 9007199254740993, "code": "hidden"})
    assert parsed.value == {"order_id": 9007199254740993, "code": "hidden"}
    assert isinstance(parsed.instance, Order)
    assert Schema.of(Order).instance(parsed.value) == parsed.instance


def test_a_check_raises_all_issues_below_its_head_line():
    with pytest.raises(InvalidInput) as caught:
        Schema.of(Order).check({"order_id": "seven"}, "Invalid input data")
    assert str(caught.value).startswith("Invalid input data: \n- order_id: ")
    assert caught.value.issues[0][0] == "order_id"


def test_the_cause_of_a_refused_step_lists_path_and_message():
    found = Schema.of({"type": "object", "properties": {"n": NUMBER}}).parse({"n": "x"}).issues
    assert issues_cause(found)["issues"] == [
        {"path": ["n"], "message": "Invalid input: expected number, received string"}
    ]


def test_secrets_are_found_in_lists_references_and_models():
    schema = {
        "properties": {
            "card": {"$ref": "#/$defs/card"},
            "lines": {"items": {"properties": {"pin": {"x-secret": True}}}},
        },
        "$defs": {"card": {"properties": {"number": {"x-secret": True}}}},
    }
    assert has_secrets(schema)
    assert has_secrets(Schema.of(Order).json_schema)
    assert not has_secrets({"properties": {"name": {"x-secret": False}}})


class Tree(BaseModel):
    value: Decimal | None = None
    kind: Literal["a", "b"] = "a"
    day: date | int = 1
    below: list["Tree"] = Field(default_factory=list)
    pair: tuple[int, list[str]] = (1, [])
    named: dict[str, list[int]] = {}


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Own(BaseModel):
    x: list[int]

    @field_validator("x")
    @classmethod
    def look(cls, x):
        return x


class Plain(BaseModel):
    x: dict


@pytest.mark.parametrize("kind", [Tree, list[int], dict[str, Tree], str])
def test_a_schema_that_builds_everything_anew_is_known_to_copy(kind):
    assert Schema.of(kind).copies


@pytest.mark.parametrize("kind", [Open, Own, Plain, Any, list[Any], list, dict[str, Any], {"type": "object"}])
def test_a_schema_that_may_hand_on_what_it_got_is_not_known_to_copy(kind):
    assert not Schema.of(kind).copies


def test_what_a_copying_schema_reads_shares_no_list_with_what_it_was_given():
    given = {"below": [{"named": {"n": [1]}}], "pair": [1, ["x"]], "named": {"m": [2]}}
    tree = Schema.of(Tree).parse(given).instance
    tree.below[0].named["n"].append(9)
    tree.below.append(Tree())
    tree.pair[1].append("y")
    tree.named["m"].append(3)
    assert given == {"below": [{"named": {"n": [1]}}], "pair": [1, ["x"]], "named": {"m": [2]}}
