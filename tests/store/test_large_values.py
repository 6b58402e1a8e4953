"""Large values are split into rows, and put together again from them, at every depth and in any order."""

import hashlib

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.models.event import put_together
from runs.store.large_values import DEEPEST, LARGE_BYTES, payload_rows
from tests.store.large_values import TEXT, values

BLOB = [{"k": f"key {n}", "v": "é" * 50} for n in range(1000)]
NUMBERS = list(range(40_000))


def split(value: bytes, known=None):
    """The rows; the value that a reader makes of them; and the known member."""
    rows, known = payload_rows(value, known)
    whole = put_together(rows[-1].sha256, {row.sha256: (row.data, row.parts or []) for row in rows})
    return rows, whole, known


@pytest.mark.parametrize("large", [BLOB, NUMBERS, TEXT], ids=["objects", "numbers", "text"])
@pytest.mark.parametrize(
    "after",
    [
        lambda large: {"value": 0, "blob": large},
        lambda large: {"value": 1, "blob": large},
        lambda large: {"value": 10_000, "blob": large},
        lambda large: {"value": 0, "blob": large, "more": True},
        lambda large: {"value": 12, "blob": large, "more": [1, 2]},
        lambda large: {"other": large},
        lambda large: {"value": 0, "blob": large[:-1]},
        lambda large: {"value": 0, "blob": large, "again": large},
        lambda large: {"value": 0, "blob": {"deeper": large}},
        lambda large: {"value": 0, "blob": orjson.dumps(large).decode()},
        lambda large: {"value": 0, "blo": f"{large}"},
        lambda large: [0, large],
        lambda large: large,
    ],
)
def test_a_member_known_from_the_value_before_changes_nothing(large, after):
    for before in ({"value": 0, "blob": large}, [0, large], {"value": 0, "blob": {"deeper": large}}):
        _, _, known = split(orjson.dumps(before))
        assert known is not None
        value = orjson.dumps(after(large))
        fresh, whole, _ = split(value)
        assert split(value, known)[:2] == (fresh, whole)
        assert whole == value


def test_a_known_member_is_not_seen_in_the_text_of_another_one():
    inside = orjson.dumps(NUMBERS).decode()
    _, _, known = split(orjson.dumps({"a": NUMBERS}))
    for value in ({"": inside}, {"a": inside}, {"a": [NUMBERS]}, {"b": {"c": NUMBERS}}):
        text = orjson.dumps(value)
        assert split(text, known)[:2] == split(text)[:2]
        assert len(text) > LARGE_BYTES


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(values, min_size=1, max_size=4))
def test_what_is_split_is_put_together_again_and_rows_of_one_name_are_equal(values):
    seen, known = {}, None
    for value in values:
        text = orjson.dumps(value)
        if len(text) > LARGE_BYTES:
            rows, whole, known = split(text, known)
            assert whole == text
            for row in rows:
                assert seen.setdefault(row.sha256, row) == row
                assert {name for _, name in row.parts or []} <= seen.keys()  # a run that uses a row has its parts


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(values, st.sampled_from([b" ", b"\n", b"\t "]), st.integers(1, 50))
def test_a_text_that_orjson_would_write_otherwise_comes_back_byte_for_byte(value, space, every):
    text = orjson.dumps({"value": value, "also": [value]})
    pieces = text.split(b",")
    odd = b",".join(piece + space if n % every else piece for n, piece in enumerate(pieces))
    for changed in (odd, text.replace(b'"a":', b'"a" :'), text.replace(b"1", b"1e0"), text[:-9], text + text):
        assert split(changed)[1] == changed


def test_a_part_is_stored_once_however_deep_it_is():
    wrapped = {"rows": [1, {"csv": TEXT}], "n": 1}
    rows, *_ = split(orjson.dumps({"a": {"b": [wrapped, wrapped], "c": wrapped}, "d": TEXT}))
    assert sum(len(data) for data in {row.sha256: row.data for row in rows}.values()) < len(TEXT) + 1_000
    assert rows[0].sha256 == hashlib.sha256(orjson.dumps(TEXT)).hexdigest()


@pytest.mark.parametrize("wrap", [lambda value: {"v": value}, lambda value: [value], lambda value: [0, [], value, "é"]])
def test_values_in_values_are_split_so_far_and_no_further(wrap):
    value = TEXT
    for _ in range(120):
        value = wrap(value)
    text = orjson.dumps(value)
    rows, whole, _ = split(text)
    assert whole == text
    assert len(rows) == DEEPEST + 1
    assert rows[0].sha256 != hashlib.sha256(rows[0].data).hexdigest()  # it has large members, unlike a row of its text


def test_a_row_that_contains_itself_is_refused():
    with pytest.raises(ValueError, match="contains itself"):
        put_together("a", {"a": (b"[]", [(1, "b")]), "b": (b"{}", [(1, "a")])})
