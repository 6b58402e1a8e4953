"""JSON Schemas in use: parts that compose, hostile patterns, recursion, references, and schemas that are refused."""

import itertools
import socket
import subprocess
import sys
import time
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.engine import Workflow, step
from runs.engine.data.schemas import Schema
from runs.engine.errors import InvalidWorkflow
from tests.refused_schemas import NAMES, no_request, refused_schema

OBJECT = "object"
DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def described(properties: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"type": OBJECT, "properties": properties, **rest}


COMPOSED = {
    "allOf of two objects": (
        {"allOf": [described({"id": NUMBER}, required=["id"]), described({"name": TEXT}, required=["name"])]},
        {"id": 1, "name": "x"},
    ),
    "oneOf beside properties": (
        described({"no": NUMBER}, oneOf=[{"properties": {"by": {"const": "post"}}, "required": ["by"]}]),
        {"no": 1, "by": "post"},
    ),
    "if and then": (
        described({"by": TEXT}, **{"if": {"properties": {"by": {"const": "post"}}}, "then": described({"to": TEXT})}),
        {"by": "post", "to": "Bonn"},
    ),
    "if and else": (
        described({"by": TEXT}, **{"if": {"properties": {"by": {"const": "post"}}}, "else": described({"to": TEXT})}),
        {"by": "shop", "to": "Bonn"},
    ),
    "dependentSchemas": (
        described({"card": TEXT}, dependentSchemas={"card": described({"to": TEXT}, required=["to"])}),
        {"card": "1", "to": "x"},
    ),
    "dependencies of draft 7": (
        described({"card": TEXT}, **{"$schema": DRAFT_7, "dependencies": {"card": described({"to": TEXT})}}),
        {"card": "1", "to": "x"},
    ),
    "prefixItems and items": ({"prefixItems": [TEXT], "items": NUMBER}, ["a", 1, 2]),
    "$anchor": (
        described(
            {"home": {"$ref": "#place"}}, **{"$defs": {"p": {"$anchor": "place", **described({"street": TEXT})}}}
        ),
        {"home": {"street": "x"}},
    ),
    "$ref beside properties": (
        described({"a": TEXT}, **{"$ref": "#/$defs/b", "$defs": {"b": described({"b": TEXT})}}),
        {"a": "1", "b": "2"},
    ),
    "patternProperties": (
        described({}, patternProperties={"^[0-9]+$": NUMBER}, additionalProperties=False),
        {"12": 3},
    ),
    "anyOf, narrower first": (
        {"anyOf": [described({"id": {}}, required=["id"]), described({"id": {}, "name": {}}, required=["name"])]},
        {"id": 1, "name": "x"},
    ),
    "required but not described": (described({"a": {}}, required=["b"]), {"b": 1}),
    "unevaluatedProperties": (described({"a": {}}, unevaluatedProperties=NUMBER), {"a": 1, "b": 2}),
    "a dialect of the standard": (described({"a": {}}, **{"$schema": DRAFT_7}), {"a": 1, "b": 2}),
    "minProperties": (described({"a": {}}, minProperties=2), {"a": 1, "b": 2}),
    "boolean schemas": (described({"extra": True, "n": {"type": "integer"}}), {"n": 1, "extra": [2]}),
    "$ref with an escape": (
        described({"home": {"$ref": "#/$defs/My%20Place"}}, **{"$defs": {"My Place": described({"a": {}})}}),
        {"home": {"a": 1}},
    ),
    "a tiny multipleOf": ({"type": "number", "multipleOf": 1e-10}, 1e300),
}


@pytest.mark.parametrize("parses", [True, False], ids=["read", "checked"])
@pytest.mark.parametrize("name", COMPOSED)
def test_a_value_that_fits_all_parts_of_a_schema_is_taken_as_it_is(name, parses):
    schema, value = COMPOSED[name]
    parsed = Schema.of(schema, parses=parses).parse(value)
    assert (parsed.issues, parsed.value) == ((), value)


REFUSED = {
    "required beside anyOf": (
        described({"name": TEXT}, required=["name"], anyOf=[{"required": ["mail"]}, {"required": ["tel"]}]),
        {"mail": "x"},
        "name",
    ),
    "type beside anyOf": (described({"name": TEXT}, anyOf=[{"required": ["mail"]}]), {"mail": "x", "name": 5}, "name"),
    "required of any type": (described({"payload": {"description": "any"}}, required=["payload"]), {}, "payload"),
    "junk beside patternProperties": (
        described({"name": {}}, patternProperties={"^x-": {}}, additionalProperties=False),
        {"name": 1, "junk": 1},
        "",
    ),
    "items by place in draft 7": ({"$schema": DRAFT_7, "items": [TEXT]}, [1], "0"),
    "a refused property": (described({"no": False}), {"no": 1}, "no"),
    "an exclusive bound of draft 4": ({"$schema": DRAFT_4, "minimum": 1, "exclusiveMinimum": True}, 1, ""),
    "a part of allOf": ({"allOf": [described({"n": NUMBER}), {"required": ["m"]}]}, {"n": "x"}, "n"),
    "then": ({"if": {"type": OBJECT}, "then": {"required": ["a"]}}, {}, "a"),
    "digits of other scripts": ({"type": "string", "pattern": r"^\d{5}$"}, "١٢٣٤٥", ""),
    "a line break at the end": ({"type": "string", "pattern": "^[0-9]{5}$"}, "12345\n", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_that_breaks_one_part_of_a_schema_is_refused_with_the_place(name):
    schema, value, place = REFUSED[name]
    assert Schema.of(schema).parse(value).issues[0].dotted == place
    assert Schema.of(schema, parses=False).parse(value).issues


def test_defaults_of_all_parts_that_apply_are_filled_in_and_of_no_other_part():
    schema = {
        "allOf": [described({"a": {"default": 1}})],
        "anyOf": [described({"kind": {"const": "x"}, "b": {"default": 2}}), described({"c": {"default": 3}})],
        "if": {"required": ["kind"]},
        "then": {"properties": {"d": {"default": 4}, "kind": {}}},
        "else": {"properties": {"e": {"default": 5}}},
        "properties": {"f": {"$ref": "#/$defs/f"}},
        "$defs": {"f": {"default": 6}},
    }
    assert Schema.of(schema).parse({"kind": "y"}).value == {"kind": "y", "a": 1, "c": 3, "d": 4, "f": 6}


def test_a_default_that_would_make_the_value_invalid_is_not_filled_in():
    schema = described({"n": {"type": "number", "default": "none"}, "m": {"type": "number", "default": 2}})
    assert Schema.of(schema).parse({}).value == {"m": 2}
    one_of = described({"a": {"default": 1}, "b": {}}, oneOf=[{"required": ["a"]}, {"required": ["b"]}])
    assert Schema.of(one_of).parse({"b": 1}).value == {"b": 1}


BROKEN = {
    "/type": {"type": "objekt"},
    "/properties/a~1b/minimum": {"properties": {"a/b": {"minimum": "x"}}},
    "/properties/p/pattern": {"properties": {"p": {"pattern": "("}}},
    "/exclusiveMinimum": {"exclusiveMinimum": True},
    "/items/$ref": {"items": {"$ref": "#/$defs/nothing"}},
    "/allOf/0": {"allOf": [{"$ref": "#"}]},
    "its root: refers to itself": {"$ref": "#"},
    "/$defs/a/anyOf/0": {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}},
    "/$schema": {"$schema": "https://example.org/dialect"},
}


@pytest.mark.parametrize("pointer", BROKEN)
def test_a_schema_that_cannot_be_used_is_refused_at_commit_with_its_pointer(pointer):
    with pytest.raises(InvalidWorkflow) as caught:

        @step
        async def body(ctx):
            return ctx.input

        Workflow(id="broken", input=BROKEN[pointer]).then(body).commit()
    assert pointer in str(caught.value)


PORTS = ("input", "output", "state", "request_context", "resume", "suspend")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("of", ["workflow", "step"])
def test_no_schema_in_code_is_taken_that_cannot_be_used_and_none_is_fetched(of, name):
    with no_request() as address:
        schema, pointer = refused_schema(name, address)
        for port in PORTS[:4] if of == "workflow" else PORTS:
            with pytest.raises(InvalidWorkflow) as caught:
                if of == "workflow":
                    Workflow(id="places", **{port: schema})
                else:
                    step(id="places", **{port: schema})(lambda ctx: None)
            assert f"broken at {pointer}" in str(caught.value)


def test_a_schema_that_contains_itself_as_an_object_is_refused():
    schema: dict[str, Any] = {}
    schema["properties"] = {"a": schema}
    with pytest.raises(InvalidWorkflow, match="150 levels"):
        Schema.of(schema)


OUTSIDE = ("http://127.0.0.1:9/x", "https://127.0.0.1:9/x#/a", "file:///etc/hostname", "other.json", "//127.0.0.1:9/x")
OUTSIDE += ("urn:other", "https://json-schema.org/draft/2020-12/schema", "/etc/hostname", "?x")


@pytest.mark.parametrize("reference", OUTSIDE)
@pytest.mark.parametrize(
    "frame",
    [
        lambda ref: {"$ref": ref},
        lambda ref: {"$dynamicRef": ref},
        lambda ref: {"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": ref},
        lambda ref: {"$schema": DRAFT_7, "properties": {"a": {"items": {"$ref": ref}}}},
        lambda ref: {"$id": "http://127.0.0.1:9/base/", "anyOf": [{"$ref": ref}]},
        lambda ref: {"$defs": {"unused": {"if": {"$ref": ref}}}},
        lambda ref: {"properties": {"a": {"$ref": "#/x-own/a"}}, "x-own": {"a": {"not": {"$ref": ref}}}},
    ],
)
def test_a_reference_out_of_the_schema_is_refused_before_anything_is_fetched(frame, reference):
    with pytest.raises(InvalidWorkflow, match="leads out of the schema"):
        Schema.of(frame(reference))


def test_no_request_leaves_for_any_schema(tmp_path):
    secret = tmp_path / "schema.json"
    secret.write_text('{"type": "string"}')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        for outside in (address, secret.as_uri()):
            for keyword in ("$schema", "$id", "id", "$ref", "$dynamicRef", "$recursiveRef", "$vocabulary", "$anchor"):
                part = {keyword: outside, "default": 1}
                frames = [part, {"properties": {"a": part}}, {"anyOf": [part], "$defs": {"b": part}}]
                frames += [{"$schema": DRAFT_7, "if": part}, {"const": part}, {"x-own": part, "$ref": "#/x-own"}]
                for frame, parses in itertools.product(frames, (True, False)):
                    try:
                        Schema.of(frame, parses=parses).parse({"a": 1})
                    except InvalidWorkflow:
                        continue
        with pytest.raises(TimeoutError):
            server.accept()


def bomb(count: int, word: str) -> dict[str, Any]:
    """Definitions of which each names the next one twice."""
    kinds: dict[str, Any] = {f"d{i}": {word: [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(count)}
    return {"$defs": {**kinds, f"d{count}": TEXT}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_references_that_multiply_without_bound_are_refused_when_the_schema_is_stored(word):
    with pytest.raises(InvalidWorkflow, match="references multiply"):
        Schema.of(bomb(30, word))


def mutual(count: int) -> dict[str, Any]:
    """Kinds of which each names all others, as in the schema of an expression tree."""
    kinds = {f"k{i}": described({f"p{j}": {"$ref": f"#/$defs/k{j}"} for j in range(count)}) for i in range(count)}
    return {"$defs": kinds, "$ref": "#/$defs/k0"}


def test_a_schema_of_many_kinds_that_name_each_other_takes_time_in_proportion():
    begun = time.process_time()
    schema = Schema.of(mutual(60))
    value: object = 1
    for index in range(80):
        value = {f"p{index % 60}": value if index else {}}
    assert not schema.parse(value).issues
    assert time.process_time() - begun < 3  # the walk along each way would take years


def test_an_expression_tree_of_many_kinds_is_read():
    kinds = [described({"left": {"$ref": "#"}, "op": {"const": f"o{i}"}}, required=["op"]) for i in range(10)]
    schema = Schema.of({"oneOf": [NUMBER, *kinds]})
    value: object = 1
    for _ in range(30):
        value = {"left": value, "op": "o9"}
    assert schema.parse(value).value == value


# Runs in a process of its own: what fails here would hold the interpreter lock, which no timeout ends.
HOSTILE = r"""
import threading, time
from runs.engine.errors import InvalidWorkflow
from runs.engine.data.schemas import Schema

def nested(depth, leaf):
    for _ in range(depth):
        leaf = {"a": leaf}
    return leaf

def recursive(word):
    part = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    return {word: [part, {**part, "title": "b"}, {"type": "string"}]}

def chained(word):
    kinds = {f"d{i}": {word: [{"properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}}] * 2} for i in range(40)}
    return {"$defs": {**kinds, "d40": {"type": "string"}}, "$ref": "#/$defs/d0"}

PATTERNS = [r"^([a-zA-Z0-9]+\s?)*$", r"(x+x+)+y", r"([01]{1,200}0){1,20}2|33", r"(?:(?=[^x]*y).)*z", r"^(?=(a+))\1*b$"]
CASES = [({"type": "string", "pattern": p}, "a" * n + "!") for p in PATTERNS for n in (30, 3000, 300_000)]
CASES += [({"patternProperties": {p: {}}}, {"a" * 30_000 + "!": 1}) for p in PATTERNS]
CASES += [({"propertyNames": {"pattern": p}}, {"a" * 30_000 + "!": 1}) for p in PATTERNS]
CASES += [({"items": {"format": "regex"}}, [r"^\p{L}{1,%d}$" % i for i in range(200)])]
MADE = [make(word) for make in (recursive, chained) for word in ("anyOf", "oneOf", "allOf")]
CASES += [(schema, nested(depth, leaf)) for schema in MADE for depth in (40, 90) for leaf in (1, "x")]
CASES += [({"properties": {f"p{i}": {"pattern": r"^\p{L}{1,%d}$" % (60 + i)} for i in range(2000)}}, {})]

worst = last = 0.0
def watch():
    global worst, last
    while True:
        now = time.monotonic()
        worst, last = max(worst, now - last), now
        time.sleep(0.01)

last = time.monotonic()
threading.Thread(target=watch, daemon=True).start()
for parses in (True, False):
    for schema, value in CASES:
        try:
            Schema.of(schema, parses=parses).parse(value)
        except InvalidWorkflow:
            pass
time.sleep(0.05)
print(worst)
"""


def test_no_pattern_and_no_recursion_holds_the_interpreter_for_long():
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=60, check=True)
    assert float(done.stdout) < 5  # measured 0.4 s; unbounded, each case takes minutes to years


VALIDATIONS: list[Any] = [{"minimum": 1}, {"maxLength": 1}, {"pattern": "^a"}, {"multipleOf": 2}, {"required": ["a"]}]
VALIDATIONS += [{"type": "integer"}, {"type": "null"}, {"const": 1}, {"enum": ["a", 1.0, None]}, {"minItems": 1}]
VALIDATIONS += [{"$ref": "#/$defs/n"}, {"uniqueItems": True}, {"minProperties": 1}, {"default": 1}, {"format": "date"}]


def test_no_issue_repeats_a_value_that_may_be_secret():
    schema = described({"a": {"not": {"type": "string"}}, "b": {"format": "email"}, "c": {"uniqueItems": True}})
    issues = Schema.of(schema).parse({"a": "hunter22", "b": "hunter22", "c": ["hunter22"] * 2}).issues
    assert len(issues) == 3
    assert not any("hunter22" in issue.message for issue in issues)


@pytest.mark.parametrize("word", ["minimum", "exclusiveMinimum", "multipleOf", "const"])
def test_a_number_of_a_schema_may_be_larger_than_64_bits(word):
    for parses in (True, False):
        assert Schema.of({word: 10**30}, parses=parses).parse(1).issues


@pytest.mark.parametrize("value", [{"a": object()}, {"a": b"x"}, {"a": "\ud800"}])
def test_a_value_that_is_no_json_is_refused_and_raises_nothing(value):
    assert Schema.of(described({"a": {"type": "object"}})).parse(value).issues


LEAVES = st.sampled_from([{}, True, False, TEXT, NUMBER, *VALIDATIONS])
KEYS = st.sampled_from(["a", "b", "c"])


def _composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    by_key = st.dictionaries(KEYS, inner, max_size=3)
    words: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), some),
        **dict.fromkeys(("not", "if", "then", "else", "items", "contains", "additionalProperties"), inner),
        **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems"), inner),
        **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), by_key),
        "type": st.sampled_from(["object", "array", ["object", "null"]]),
        "required": st.lists(KEYS, unique=True, max_size=2),
        "default": st.integers(0, 3),
    }
    return st.fixed_dictionaries({}, optional=words)


SCHEMAS = st.recursive(LEAVES, _composed, max_leaves=8)
SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 2, 2.5, "", "a", "ab", "2020-01-01"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


@settings(max_examples=400, deadline=None)
@given(schema=SCHEMAS, value=VALUES, parses=st.booleans())
def test_any_schema_judges_any_value_as_the_plain_validator_does(schema, value, parses):
    if isinstance(schema, dict):
        schema = {**schema, "$defs": {"n": {"type": ["number", "object"], "properties": {"a": {"default": 2}}}}}
    expected = jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value)
    parsed = Schema.of(schema, parses=parses).parse(value)
    assert (not parsed.issues) == expected
    if not expected or not parses:
        assert parsed.value == value
    else:  # what is read fits the schema, too, so that it can be read again
        assert not Schema.of(schema).parse(parsed.value).issues
