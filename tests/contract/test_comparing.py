"""What passes as the recorded outcome and what does not, without a server."""

import json

import pytest

from .comparing import Comparison
from .driver import Played
from .javascript_values import MISSING, look_up, parse
from .replaying import differences, labelled
from .trimming import trimmed

TRACE = "0123456789abcdef0123456789abcdef"


def _difference(expected, actual, **step):
    return Comparison().difference({"expect": {"result": expected}, **step}, {"result": actual})


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1, "b": [True, None]}, {"b": [True, None], "a": 1.0}),
        (
            {"at": "<iso>", "took": "<ms>", "any": "<any>"},
            {"at": "2026-01-02T03:04:05.678+02:00", "took": 0, "any": []},
        ),
        ({"stack": "<stack>", "fn": "<fn>", "gone": "<any>"}, {}),
        ({"message": "no"}, {"message": "no", "stack": "Error: no\n    at x"}),
        ({"resourceId": None, "a": 1}, {"a": 1}),
        ({"a": 1}, {"resourceId": None, "a": 1}),
        ("run <uuid#1> of <uuid#2>", "run a-1 of b_2"),
        ({"sleep_<uuid#1>": 1, "id": "<uuid#1>"}, {"sleep_abc": 1, "id": "abc"}),
        ('{"a": [1, 2]}', '{"a":[1,2]}'),
        ("Invalid input data: \n- a.b: expected number", "Invalid input data: \n- a.b: what else"),
        ({"issues": [{"field": "a", "message": "x", "code": 1}]}, {"issues": [{"field": "a"}]}),
        ({"requestContext": {"k": 1}}, {"requestContext": {"k": 1, "user": {}, "mastra__user": "x"}}),
        ({"requestContext": None}, {"requestContext": {"mastra__authMode": "token"}}),
    ],
)
def test_passes(expected, actual):
    assert _difference(expected, actual) is None


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, False),
        ([1, 2], [2, 1]),
        ([1], [1, 2]),
        ([1, 2], [1]),
        ({"a": None}, {}),
        ({}, {"a": None}),
        ({"a": {}}, {"a": []}),
        ({"at": "<iso>"}, {"at": "2026-01-02T03:04:05"}),
        ({"took": "<ms>"}, {"took": True}),
        ({"took": "<ms>"}, {}),
        ({"stack": "<stack>"}, {"stack": 1}),
        (["<uuid#1>", "<uuid#1>"], ["a", "b"]),
        (["<uuid#1>", "<uuid#2>"], ["a", "a"]),
        ("<uuid#1>", "a.b"),
        ("<hex32#1>", TRACE[:16]),
        ("<hex16#1>", TRACE[:16].upper()),
        ('{"a": [1, 2]}', '{"a":[2,1]}'),
        ("Invalid input data: \n- a.b: x", "Invalid input data: \n- a.c: x"),
        ("Invalid input data: \n- a.b: x", "Invalid resume data: \n- a.b: x"),
        ({"issues": [{"field": "a"}, {"field": "b"}]}, {"issues": [{"field": "b"}, {"field": "a"}]}),
        ({"requestContext": {"k": 1, "user": 1}}, {"requestContext": {"k": 1}}),
        ({"requestContext": {}}, {"requestContext": {"role": "x"}}),
    ],
)
def test_differs(expected, actual):
    assert _difference(expected, actual) is not None


def test_ids_stand_for_the_same_over_all_steps_of_a_session():
    comparison = Comparison()
    step = {"expect": {"result": "<uuid#1>"}}
    assert comparison.difference(step, {"result": "first"}) is None
    assert comparison.difference(step, {"result": "first"}) is None
    assert comparison.difference(step, {"result": "other"}) == ("result: <uuid#1> was first before, and is other here")


def test_an_outcome_that_does_not_do_teaches_no_ids():
    comparison = Comparison()
    step = {"expect": {"result": ["<uuid#1>", 1]}, "or": [{"result": ["<uuid#2>", 2]}]}
    assert comparison.difference(step, {"result": ["x", 2]}) is None
    assert comparison.difference({"expect": {"result": "<uuid#1>"}}, {"result": "y"}) is None


def test_an_error_of_a_listed_status_is_as_good_as_what_was_recorded():
    step = {"expect": {"result": 1}, "orStatus": [409]}
    assert Comparison().difference(step, {"error": {"status": 409}}) is None
    assert Comparison().difference(step, {"status": 409}) is None
    assert Comparison().difference(step, {"error": {"status": 400}}).startswith("the outcome is")


def test_schemas_are_compared_by_what_they_mean():
    recorded = {
        "$schema": "draft",
        "type": "object",
        "properties": {"a": {"default": 1}, "b": {}, "c": {}},
        "required": ["c", "a", "b"],
        "additionalProperties": False,
    }
    ours = {"type": "object", "properties": {"a": {"default": 1}, "b": {}, "c": {}}, "required": ["b", "c"]}
    assert _difference({"inputSchema": recorded}, {"inputSchema": ours}) is None
    as_texts = json.dumps({"json": recorded}), json.dumps(ours)
    assert _difference({"inputSchema": as_texts[0]}, {"inputSchema": as_texts[1]}) is None
    assert _difference({"inputSchema": recorded}, {"inputSchema": {**ours, "required": ["b"]}}) is not None
    assert _difference({"inputSchema": recorded}, {"inputSchema": {**ours, "additionalProperties": True}}) is not None
    assert _difference({"schema": recorded}, {"schema": ours}) is not None


def test_null_is_absent_in_traces_and_some_columns_are_free():
    recorded, ours = {"name": "run", "links": None, "error": None}, {"name": "run", "links": [1], "more": None}
    assert _difference(recorded, ours, nullIsAbsent=True) is None
    assert _difference(recorded, ours) is not None
    assert _difference({"links": [1]}, {"links": [2]}, nullIsAbsent=True) is not None


def test_records_of_parallel_steps_may_interleave_only_where_the_step_says_so():
    records = [{"payload": {"id": step, "n": n}} for step, n in (("a", 1), ("b", 1), ("a", 2), ("b", 2))]
    sorted_by_step = sorted(records, key=lambda record: record["payload"]["id"])
    for order, same in (("partial", True), (None, False)):
        step = {"expect": {"records": records}, "order": order}
        assert (Comparison().difference(step, {"records": sorted_by_step}) is None) == same
        assert Comparison().difference(step, {"records": records[::-1]}) is not None


def test_only_what_the_step_asks_for_is_compared():
    outcome = {"result": {"status": "success", "steps": {"a": {"at": 1, "of": "x-u1"}, "b": {"at": 2}}, "rows": [1, 2]}}
    assert trimmed({"pick": ["status", "rows.length", "none"]}, outcome, "u1") == {
        "result": {"status": "success", "rows.length": 2}
    }
    omitted = trimmed({"omit": ["steps.*.at", "rows", "none.at"]}, outcome, "u1")
    assert omitted == {"result": {"status": "success", "steps": {"a": {"of": "x-{uid}"}, "b": {}}}}
    assert outcome["result"]["steps"]["b"] == {"at": 2}, "the outcome itself stays whole"


def test_records_are_told_once_and_from_the_end():
    outcome = {"records": [1, 2, 1, 3], "ended": True}
    assert trimmed({"dedupe": True}, outcome, "uid")["records"] == [1, 2, 3]
    assert trimmed({"tail": 2}, outcome, "uid")["records"] == [1, 3]


def test_spans_are_sorted_by_name_and_cut_to_the_kept_keys():
    outcome = {"body": {"spans": [{"name": "b", "id": 1}, {"name": "a", "id": 2}]}}
    spans = trimmed({"sortSpans": True, "keep": ["name", "tags"]}, outcome, "uid")["body"]["spans"]
    assert spans == [{"name": "a"}, {"name": "b"}]


def test_long_texts_are_told_by_length_and_digest():
    assert trimmed({}, {"result": "x" * 4000}, "uid") == {"result": "x" * 4000}
    long = trimmed({}, {"result": "😀" * 2001}, "uid")["result"]["$long"]
    assert long["length"] == 4002
    assert len(long["sha256"]) == 64


def test_values_are_read_as_the_client_reads_them():
    assert parse("9007199254740993") == parse("9007199254740992.0")
    assert parse("123") == 123
    assert look_up({"a": [{"b": 1}]}, "a.0.b") == 1
    assert look_up({"a": [1]}, "a.1") is MISSING


def test_lanes_that_race_are_compared_winners_first():
    steps = labelled(
        [
            {
                "unordered": True,
                "together": [
                    {"call": "run.resumeAsync", "expect": {"result": 1}},
                    [{"call": "run.resumeAsync", "expect": {"error": {"status": 409}}}],
                ],
            },
            {"call": "wait", "ms": 1},
        ]
    )
    outcomes = {"step 0.lane 0.0": {"error": {"status": 409}}, "step 0.lane 1.0": {"result": 1}}
    assert differences(steps, Played("uid", outcomes)) == {}


def test_steps_that_were_not_reached_are_told():
    steps = labelled([{"call": "run.start", "expect": {}}, {"call": "run.cancel", "expect": {}}])
    found = differences(steps, Played("uid", {"step 0": {}}, stopped="no end after 300 s"))
    assert list(found.values()) == [
        "step 1 run.cancel: was not reached",
        "the session stopped: no end after 300 s",
    ]
