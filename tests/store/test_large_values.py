"""Large values are taken apart in the same way, whether or not one of their members is known from the value before."""

import orjson
import pytest

from runs.execution.large_values import LARGE_BYTES, kept_values
from runs.models.event import put_together

BLOB = [{"k": f"key {n}", "v": "é" * 50} for n in range(1000)]
NUMBERS = list(range(40_000))
TEXT = "x" * 100_000


def told(value: bytes, known=None):
    """The rows; and the value that a reader makes of them."""
    rows, known = kept_values(value, known)
    members = {row.sha256: row.data for row in rows[:-1]}
    whole = put_together(rows[-1].data, rows[-1].parts, members)
    return [(row.sha256, row.data, row.parts) for row in rows], whole, known


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
    _, _, known = told(orjson.dumps({"value": 0, "blob": large}))
    assert known is not None
    value = orjson.dumps(after(large))
    fresh, whole, _ = told(value)
    assert told(value, known)[:2] == (fresh, whole)
    assert whole == value


def test_a_known_member_is_not_seen_in_the_text_of_another_one():
    inside = orjson.dumps(NUMBERS).decode()
    _, _, known = told(orjson.dumps({"a": NUMBERS}))
    for value in ({"": inside}, {"a": inside}, {"a": [NUMBERS]}, {"b": {"c": NUMBERS}}):
        text = orjson.dumps(value)
        assert told(text, known)[:2] == told(text)[:2]
        assert len(text) > LARGE_BYTES
