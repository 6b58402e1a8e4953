"""A number in a form keeps its digits, and is as secret as the same number in a run: by its name, and by its value."""

import pytest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from hypothesis import given
from hypothesis import strategies as st

from runs.engine.redaction.redactor import Redactor
from runs.forms.context_rows import ContextRows
from runs.forms.problem import with_placeholders, without_secrets
from runs.forms.schema.exact_json import exact

SCHEMA = {"properties": {"pin": {"type": "integer", "x-secret": True}, "auth": {"x-secret": False}}}
NAMES = ["tokens", "token", "pass", "auth", "password", "api_key", "pin", "n", "text", "max_tokens"]
LEAVES = st.none() | st.booleans() | st.integers(0, 10**7) | st.sampled_from([2.5, 481516.23, "4815162", "a word"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@given(value=TREES)
def test_what_is_typed_is_judged_as_what_a_run_stores(value):
    redactors = []
    for tree in (value, exact(value)):
        redactor = Redactor.of(SCHEMA).fork()
        redactor.learn(tree)
        redactors.append(redactor)
    of_run, of_form = redactors
    assert list(of_form._known) == list(of_run._known)
    assert of_form.apply(exact(value)) == exact(of_run.apply(value))
    for copy in (with_placeholders, without_secrets):
        assert copy(exact(value), of_form) == exact(copy(value, of_run))


def test_a_number_of_tokens_stays_and_a_marked_number_goes():
    value = {"tokens": 512, "pass": 2, "jwt": True, "auth": "basic", "pin": 4815162, "token": "abc"}
    redactor = Redactor.of(SCHEMA).fork()
    kept = {"tokens": 512, "pass": 2, "jwt": True, "auth": "basic"}
    assert without_secrets(exact(value), redactor) == exact(kept)
    assert with_placeholders(exact(value), redactor) == exact(kept | {"pin": "<pin>", "token": "<token>"})


def test_a_marked_number_is_found_in_other_fields():
    value = {"pin": 4815162, "text": "the pin is 4815162", "n": 4815162}
    redactor = Redactor.of(SCHEMA).fork()
    redactor.learn(exact(value))
    told = with_placeholders(exact(value), redactor)
    assert "4815162" not in str(told["text"])


@pytest.mark.parametrize(
    ("key", "type", "is_secret"),
    [
        ("tokens", "integer", False),
        ("tokens", "number", False),
        ("tokens", "string", True),
        ("tokens", "json", True),
        ("jwt", "boolean", False),
        ("password", "integer", True),
        ("password", "null", False),
        ("pin", "integer", True),
        ("n", "string", False),
    ],
)
def test_a_row_of_the_request_context_is_judged_by_its_key_and_type(key, type, is_secret):
    row = {"n:context": "1", "context/1/key": key, "context/1/type": type, "context/1/value": "7"}
    rows = ContextRows(Redactor.of(SCHEMA))
    data = QueryDict(mutable=True)
    data.update(row)
    rows.read_post(data, MultiValueDict())
    assert [each.secret for each in rows.rows] == [is_secret]
