"""Secrets are hidden by what schemas say and by what keys are called."""

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.engine.redaction.redactor import Redactor

NAMES = """
    password PASSWORD PASSWORD_HASH passwordHash password2 db.password dbpassword userPassword MYSQL_PWD pwd passwd
    passphrase passcode pass db_pass secret secret_value clientSecret client-secret AWS_SECRET_ACCESS_KEY secret_id
    token tokens card_token accessToken access_token ACCESS-TOKEN refreshToken accesstoken X-Auth-Token token_value
    JWTToken jwt idJwt auth basic_auth auth_header Authorization Proxy-Authorization bearer bearer_value signature
    X-Hub-Signature ssn SSN api_key apiKey api-key apikey APIKey X-Api-Key XApiKey STRIPE_API_KEY_LIVE private_key
    privateKey signing_key access_key session_id sessionId cookie Set-Cookie cookies credential credentials card_number
    cardNumber securityCode cvc cvv headers[Authorization]
"""
HARMLESS = """
    id key keys order name author authors authority authenticated signatory passenger passed passing bypass pass_rate
    compass monkey keyboard turkey secretary design assign tokenizer tokens_used max_tokens maxTokens total_tokens
    prompt_tokens completion_tokens token_count tokenCount token_type token_url auth_url auth_method password_policy
    password_length passwordPolicy has_password hasPassword needs_auth secret_name api_key_id api_url private session
    card access cookies_enabled passport é
"""
SECRET_NAMES, HARMLESS_NAMES = NAMES.split(), HARMLESS.split()


@pytest.mark.parametrize("key", SECRET_NAMES)
def test_a_key_that_is_called_like_a_secret_is_hidden(key):
    assert Redactor().rule(key)
    assert "s3cret-value" not in Redactor().json(orjson.dumps({"a": [{key: "s3cret-value"}]})).decode()


@pytest.mark.parametrize("key", [*HARMLESS_NAMES, ""])
def test_a_key_that_only_sounds_like_a_secret_is_shown(key):
    assert Redactor().rule(key) is None
    assert Redactor().json(orjson.dumps({key: "shown-value"})) == orjson.dumps({key: "shown-value"})


@pytest.mark.parametrize("value", [512, 0.5, True, None])
def test_a_number_of_tokens_is_no_secret(value):
    assert Redactor().apply({"tokens": value, "pass": value}) == {"tokens": value, "pass": value}


def test_a_switch_is_no_secret_but_a_number_at_a_password_is():
    shown = Redactor().apply({"password": False, "passcode": 1234, "jwt": True})
    assert shown == {"password": False, "passcode": "[masked: named passcode]", "jwt": True}


AWKWARD = 'p"4ss\\w/örd & <more>'
WRITTEN = {
    "as it is": lambda secret: f"denied for {secret}!",
    "as JSON": lambda secret: json.dumps({"at": secret}),
    "as JSON without letters beyond ASCII": lambda secret: orjson.dumps({"at": secret}).decode(),
    "as JSON in JSON": lambda secret: json.dumps({"text": json.dumps({"at": secret})}),
    "as Python": lambda secret: f"KeyError({secret!r})",
    "as HTML": lambda secret: html.escape(f"<b>{secret}</b>"),
    "in a path": lambda secret: f"/find/{quote(secret, safe='')}",
    "in a query": lambda secret: f"note={quote_plus(secret)}&x",
    "in base64": lambda secret: base64.b64encode(secret.encode()).decode().rstrip("="),
    "in a Basic header": lambda secret: "Basic " + base64.b64encode(f"me:{secret}".encode()).decode(),
    "in base64 for URLs": lambda secret: base64.urlsafe_b64encode(f"x{secret}".encode()).decode(),
    "in hexadecimal digits": lambda secret: secret.encode().hex(),
}


@pytest.mark.parametrize("secret", ["hunter42", AWKWARD, "ключ-от-дома", "a" * 3000])
@pytest.mark.parametrize("how", WRITTEN)
def test_a_known_secret_is_found_however_it_is_written(how, secret):
    redactor = Redactor().fork()
    redactor.learn({"login": [{"password": secret}]})
    text = WRITTEN[how](secret)
    shown = redactor.text(text)
    assert "[masked]" in shown
    assert len(shown) < len(text) - len(secret) / 2 + 50
    assert orjson.loads(redactor.json(orjson.dumps([text]))) == [shown]


def test_a_known_number_is_hidden_where_it_stands_alone_and_in_texts():
    redactor = Redactor().fork()
    redactor.learn({"card_number": 4111111111111111})
    shown = redactor.apply({"charged": 4111111111111111, "note": "by 4111111111111111", "at": 41111111111111110})
    assert shown == {"charged": "[masked]", "note": "by [masked]", "at": 41111111111111110}


def test_a_known_secret_is_hidden_as_a_key_too():
    redactor = Redactor().fork()
    redactor.learn({"token": "abc-def-ghi"})
    assert redactor.json(b'{"by":{"abc-def-ghi":1}}') == b'{"by":{"[masked]":1}}'


@pytest.mark.parametrize("word", ["success", "payload", "password", "secret", "charge_card", "12345", "", "short"])
def test_a_password_that_is_a_word_of_our_own_or_short_makes_nothing_unreadable(word):
    redactor = Redactor()
    redactor.never_secret(["charge_card"])
    redactor = redactor.fork()
    redactor.learn({"password": word})
    record = {"status": "success", "payload": {"id": "charge_card"}, "message": f"{word} is short"}
    assert redactor.apply(record) == record


def test_a_step_that_is_called_like_a_secret_keeps_its_record():
    redactor = Redactor()
    redactor.never_secret(["get_token"])
    steps = {"get_token": {"status": "success", "output": {"token": "abcdefgh"}}}
    shown = redactor.fork().apply(steps)
    assert shown == {"get_token": {"status": "success", "output": {"token": "[masked: named token]"}}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:hunter2@db:5432/x", "postgres://app:[masked]@db:5432/x"),
        ("amqp://:p@ss@host", "amqp://:[masked]@host"),
        (
            "see https://x/y?access_token=abc&page=2#id_token=def.",
            "see https://x/y?access_token=[masked]&page=2#id_token=[masked]",
        ),
        ("GET /cb?code=1&api%5Fkey=abc", "GET /cb?code=1&api%5Fkey=[masked]"),
        ("http://host:80/@me?max_tokens=5", "http://host:80/@me?max_tokens=5"),
        ("a@b.c wrote: 1:2", "a@b.c wrote: 1:2"),
    ],
)
def test_addresses_lose_their_passwords_and_secret_parameters(text, shown):
    assert Redactor().text(text) == shown
    assert orjson.loads(Redactor().json(orjson.dumps({"message": text}))) == {"message": shown}


def test_what_is_known_is_taken_out_of_all_texts_at_once():
    redactor = Redactor().fork()
    texts = [b'"key-of-nine"', b'{"password":"key-of-nine"}', b'"author"', b'"key-of-nine"']
    redactor.learn_text(texts[1])
    assert redactor.texts(texts) == [b'"[masked]"', b'{"password":"[masked: named password]"}', texts[2], b'"[masked]"']
    assert redactor.texts(texts[2:3]) == texts[2:3]
    assert redactor.texts([]) == []


@given(
    st.recursive(
        st.text(max_size=12) | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*SECRET_NAMES, "a", "b"]), inner),
        max_leaves=15,
    )
)
def test_a_text_is_redacted_as_its_value_is(value):
    redactor = Redactor().fork()
    redactor.learn(value)
    try:
        text = orjson.dumps(value)
    except TypeError:  # a number beyond 64 bits
        return
    assert orjson.loads(redactor.json(text)) == redactor.apply(value)


@pytest.mark.parametrize("filling", ["a", "token ", "://x:", "password=", '"auth', "?a=", "\\"])
def test_redaction_takes_a_time_in_proportion_to_the_text(filling):
    redactor = Redactor().fork()
    redactor.learn({"passwords": [f"secret-number-{n}" for n in range(100)]})
    text = filling * (200_000 // len(filling))
    begun = time.process_time()
    redactor.line(text)
    redactor.json(orjson.dumps([text]))
    assert time.process_time() - begun < 3


def test_a_name_marked_in_a_schema_is_hidden_wherever_it_stands():
    schema = {
        "properties": {
            "customer": {"$ref": "#/$defs/Customer"},
            "pins": {"type": "array", "items": {"type": "integer", "x-secret": True}},
        },
        "$defs": {"Customer": {"properties": {"iban": {"anyOf": [{"type": "string", "x-secret": True}]}}}},
    }
    mask = Redactor.of(schema, None)
    shown = mask.apply({"result": [{"iban": "DE02", "name": "Mara"}], "pins": [1, 2], "iban": None})
    assert shown == {
        "result": [{"iban": "[masked: x-secret]", "name": "Mara"}],
        "pins": "[masked: x-secret]",
        "iban": None,
    }


def test_pydantic_secrets_are_hidden_by_their_format():
    assert Redactor.of({"properties": {"pin": {"type": "string", "format": "password"}}}).rule("pin") == "x-secret"


def test_a_schema_may_say_that_a_name_is_harmless():
    mask = Redactor.of({"properties": {"token": {"type": "string", "x-secret": False}}})
    assert mask.rule("token") is None


def test_when_two_schemas_disagree_the_careful_one_wins():
    mask = Redactor.of({"properties": {"code": {"x-secret": False}}}, {"properties": {"code": {"x-secret": True}}})
    assert mask.rule("code") == "x-secret"


def test_a_schema_that_refers_to_itself_ends():
    schema = {"properties": {"next": {"$ref": "#"}, "pin": {"x-secret": True}}, "items": {"$ref": "#/$defs/x"}}
    assert Redactor.of(schema).rule("pin") == "x-secret"


@pytest.mark.parametrize(
    "schema", [True, [], "text", {"properties": 3}, {"$ref": "#/nowhere"}, {"properties": {"a": 1}}]
)
def test_a_schema_that_is_none_hides_nothing_and_breaks_nothing(schema):
    assert Redactor.of(schema).apply({"a": 1}) == {"a": 1}


def test_a_schema_whose_parts_are_shared_is_read_once_each():
    schema = {"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": {"d40": {"type": "string"}}}
    for n in range(40):
        schema["$defs"][f"d{n}"] = {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
    assert Redactor.of(schema).rule("a") is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "password"},
        {"anyOf": [{"type": "string", "writeOnly": True}]},
        {"type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"x-secret": True}}},
        {"patternProperties": {".*": {"x-secret": True}}},
    ],
)
def test_a_value_that_is_secret_as_a_whole_is_known(schema):
    redactor = Redactor()
    redactor.mark_whole(schema)
    redactor = redactor.fork()
    redactor.learn_run({"any": ["whole-secret"]})
    assert redactor.text("it is whole-secret") == "it is [masked]"
