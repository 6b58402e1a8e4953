"""JSON whose numbers keep the digits that were typed, for as long as a person edits them."""

import json
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from runs.engine.data.json_value import parse_json

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number by its text: 2988.80 stays 2988.80, and 9007199254740993 is not rounded."""

    text: str

    def __str__(self) -> str:
        return self.text


numbers.Number.register(Number)  # to the engine's redaction it is one: `tokens: 512` is no secret


def is_number(text: str) -> bool:
    """Whether the text is a JSON number, and nothing beside it."""
    return _NUMBER.fullmatch(text) is not None


def is_integer(text: str) -> bool:
    return _INTEGER.fullmatch(text) is not None


def read_exact(text: str) -> object:
    """The value of a JSON text, with `Number` for each number. Raises InvalidJson, with line and column."""
    parse_json(text, max_depth=settings.MAX_JSON_DEPTH)  # strict; what comes after it cannot fail
    return json.loads(text.removeprefix("\ufeff"), parse_int=Number, parse_float=Number)


def json_word(value: object) -> str:
    """How JSON writes what is neither text nor list nor object."""
    return value.text if isinstance(value, Number) else json.dumps(value)


def write_exact(value: object, *, indent: int | None = 2, word: Callable[[object], str] = json_word) -> str:
    """A value, with Numbers or plain ones, as JSON. `indent` None: on one line.

    `word`: how numbers, truth values and null are written, where a language differs from JSON in these alone.
    """
    return "".join(_pieces(value, "\n", indent, word))


def exact(value: object) -> object:
    """A plain value with `Number` for each of its numbers."""
    return read_exact(json.dumps(value, ensure_ascii=False))


def plain(value: object) -> object:
    """The value that a run gets. Raises InvalidJson for what it cannot carry, with the dotted path."""
    return parse_json(write_exact(value, indent=None), max_depth=settings.MAX_JSON_DEPTH)


def _pieces(value: object, line_break: str, indent: int | None, word: Callable[[object], str]):
    if isinstance(value, dict) and value:
        yield from _block("{}", ((_text(key) + ": ", item) for key, item in value.items()), line_break, indent, word)
    elif isinstance(value, list) and value:
        yield from _block("[]", (("", item) for item in value), line_break, indent, word)
    elif isinstance(value, str):
        yield _text(value)
    else:
        yield word(value)


def _block(brackets: str, items, line_break: str, indent: int | None, word: Callable[[object], str]):
    inner = line_break + " " * (indent or 0)
    yield brackets[0]
    for position, (key, item) in enumerate(items):
        if indent is not None:
            yield ("," if position else "") + inner
        elif position:
            yield ", "
        yield key
        yield from _pieces(item, inner, indent, word)
    if indent is not None:
        yield line_break
    yield brackets[1]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
