"""Secrets are hidden by what schemas say and by what keys are called."""

import pytest

from runs.engine.masking import Mask

SECRET_NAMES = [
    "password",
    "PASSWORD",
    "card_token",
    "accessToken",
    "X-Api-Key",
    "api_key",
    "apiKey",
    "Authorization",
    "clientSecret",
    "private_key",
    "Set-Cookie",
    "db.password",
    "session_id",
]


@pytest.mark.parametrize("key", SECRET_NAMES)
def test_a_key_that_is_called_like_a_secret_is_hidden(key):
    assert Mask().rule(key)


@pytest.mark.parametrize(
    "key", ["tokens", "max_tokens", "token_count", "secretary", "keyboard", "id", "", "order", "é"]
)
def test_a_key_that_only_sounds_like_a_secret_is_shown(key):
    assert Mask().rule(key) is None


def test_a_name_marked_in_a_schema_is_hidden_wherever_it_stands():
    schema = {
        "properties": {
            "customer": {"$ref": "#/$defs/Customer"},
            "pins": {"type": "array", "items": {"type": "integer", "x-secret": True}},
        },
        "$defs": {"Customer": {"properties": {"iban": {"anyOf": [{"type": "string", "x-secret": True}]}}}},
    }
    mask = Mask.of(schema, None)
    shown = mask.apply({"result": [{"iban": "DE02", "name": "Mara"}], "pins": [1, 2], "iban": None})
    assert shown == {
        "result": [{"iban": "[masked: x-secret]", "name": "Mara"}],
        "pins": "[masked: x-secret]",
        "iban": None,
    }


def test_pydantic_secrets_are_hidden_by_their_format():
    assert Mask.of({"properties": {"pin": {"type": "string", "format": "password"}}}).rule("pin") == "x-secret"


def test_a_schema_may_say_that_a_name_is_harmless():
    mask = Mask.of({"properties": {"token": {"type": "string", "x-secret": False}}})
    assert mask.rule("token") is None


def test_when_two_schemas_disagree_the_careful_one_wins():
    mask = Mask.of({"properties": {"code": {"x-secret": False}}}, {"properties": {"code": {"x-secret": True}}})
    assert mask.rule("code") == "x-secret"


def test_a_schema_that_refers_to_itself_ends():
    schema = {"properties": {"next": {"$ref": "#"}, "pin": {"x-secret": True}}, "items": {"$ref": "#/$defs/x"}}
    assert Mask.of(schema).rule("pin") == "x-secret"


@pytest.mark.parametrize(
    "schema", [True, [], "text", {"properties": 3}, {"$ref": "#/nowhere"}, {"properties": {"a": 1}}]
)
def test_a_schema_that_is_none_hides_nothing_and_breaks_nothing(schema):
    assert Mask.of(schema).apply({"a": 1}) == {"a": 1}
