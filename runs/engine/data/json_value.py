"""JSON in and out: what a run may carry, read strictly and written exactly.

Integers of up to 64 bits and IEEE doubles survive unchanged; what would silently change on the way (NaN, larger
integers, duplicate keys, half a surrogate pair) is refused with one sentence that names the place.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import orjson

from ..errors import EngineError, NotJson
from .undefined import UNSET

if TYPE_CHECKING:
    from pydantic import BaseModel

MAX_DEPTH = 100
INT_MIN, INT_MAX = -(2**63), 2**64 - 1  # what orjson reads and writes as an integer
WRITE_DEPTH = 250  # orjson gives up at 254 levels; a value is a few levels deep inside its event

_KEYS = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?', re.DOTALL)
_SPACED_COLONS = re.compile(r'"\s+:')
_TOKEN = re.compile(
    r'(?P<space>[ \t\r\n]+)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
    r"|(?P<word>[A-Za-z-]+)|(?P<mark>[{}\[\]:,])",
    re.DOTALL,
)


class InvalidJson(EngineError):
    """A text is not JSON, or JSON that a run cannot carry. Line and column count from 1, `path` is dotted or empty."""

    def __init__(self, line: int, column: int, message: str, path: str = "") -> None:
        self.line = line
        self.column = column
        self.message = message
        self.path = path
        super().__init__(f"Line {line}, column {column}: {message}")


def parse_json(text: str | bytes, *, max_depth: int = MAX_DEPTH, max_bytes: int | None = None) -> object:
    """Return the value of a JSON text. Raises InvalidJson, with the place of the first fault."""
    source = _as_text(text, max_bytes)
    try:
        value: object = orjson.loads(source)
    except orjson.JSONDecodeError as error:
        raise _syntax_error(source, error.pos, error.msg, max_depth) from None
    survey = _survey(value, max_depth)
    keys_in_text = source.count('":')
    if any(f'"{space}' in source for space in " \n\t\r"):
        keys_in_text += len(_SPACED_COLONS.findall(source))
    if keys_in_text != survey.keys:  # never too few; too many when a text begins with a colon or quotes another one
        keys_in_text = sum(1 for colon in _KEYS.findall(source) if colon)
    # orjson reads an integer beyond 64 bits as a float, and keeps the last of two equal keys: both are looked for
    # in the text only when the value gives cause to, since that is a hundred times slower.
    if survey.too_deep or survey.huge_float or survey.keys != keys_in_text:
        fault = _find_fault(source, max_depth)
        if fault is not None:
            raise fault
    return value


def encode(value: object) -> bytes:
    """The value as JSON in UTF-8. Pydantic models, dataclasses, tuples and text enums are written as what they hold.

    Raises NotJson, with the dotted path of the first thing that JSON cannot hold exactly.
    """
    data = write(value)
    check_numbers(value, data)
    return data


def write(value: object) -> bytes:
    """As encode(), but NaN and Infinity become null: who calls this calls check_numbers() next. Raises NotJson."""
    try:
        return orjson.dumps(value, default=_default, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_json(value) or NotJson(str(error)) from None


def check_numbers(value: object, text: bytes, plain: object = UNSET) -> None:
    """Raise NotJson when the value, of which write() made this text, has a number that is none.

    `plain`: what the text says, if it is known. A value that is equal to it is all right, and to compare takes a
    sixth of the time of a search through the text.
    """
    if (plain is UNSET or plain != value) and b"null" in text and (fault := _not_json(value)) is not None:
        raise fault


def decode(data: bytes) -> Any:
    """The value of JSON that `encode` wrote, or that was checked before. Not for texts from outside."""
    return orjson.loads(data)


def settle(value: object) -> tuple[bytes, object]:
    """Return the value as bytes, and as plain JSON data that has no other owner. Raises NotJson.

    What a step returns is settled once: the next step then sees what it would see after a crash, and a later change
    of the returned object changes nothing.
    """
    data = write(value)
    if value is None or value is True or value is False or type(value) is str:
        return data, value
    plain = orjson.loads(data)
    check_numbers(value, data, plain)
    return data, plain


def to_json(value: object) -> object:
    """Return the value as plain JSON data (dict, list, str, int, float, bool, None) of its own. Raises NotJson."""
    return settle(value)[1]


def same_json(a: object, b: object) -> bool:
    """Whether both are written as the same JSON, key order aside. 1, 1.0 and true are three different values."""
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is dict:
        if not (isinstance(a, dict) and isinstance(b, dict)):  # the types are equal; this is for the type checker
            return False
        return len(a) == len(b) and all(key in b and same_json(item, b[key]) for key, item in a.items())
    if kind is list:
        if not (isinstance(a, list) and isinstance(b, list)):
            return False
        return len(a) == len(b) and all(same_json(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as people read it: `order.lines.1.qty`; empty for the whole value."""
    return ".".join(str(part) for part in path)


class _Survey(NamedTuple):
    keys: int
    too_deep: bool
    huge_float: bool


def _survey(value: object, max_depth: int) -> _Survey:
    """What of a parsed value may not be what its text said. Level by level: deep values must not fill the stack."""
    keys = 0
    huge_float = False
    level: list[object] = [value]
    for _ in range(max_depth):
        below: list[object] = []
        for item in level:
            if type(item) is dict:
                keys += len(item)
                below.extend(item.values())
            elif type(item) is list:
                below.extend(item)
            elif type(item) is float and abs(item) >= 9.2e18:
                huge_float = True
        level = below
        if not level:
            return _Survey(keys, False, huge_float)
    return _Survey(keys, any(isinstance(item, dict | list) for item in level), huge_float)


def _as_text(text: str | bytes, max_bytes: int | None) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if max_bytes is not None and size > max_bytes:
        raise InvalidJson(1, 1, f"The text has {size} bytes; at most {max_bytes} are allowed.")
    if not isinstance(text, str):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode("utf-8", "replace")
            line, column = _place(before, len(before))
            raise InvalidJson(line, column, "The text is not valid UTF-8 here.") from None
    source = text.removeprefix("\ufeff")
    for position, character in enumerate(source) if not source.isascii() else ():
        if "\ud800" <= character <= "\udfff":
            raise _invalid(source, position, "Half of a surrogate pair is not a character.")
    return source


def _place(source: str, position: int) -> tuple[int, int]:
    """Line and column, both from 1, of a position in a text."""
    return source.count("\n", 0, position) + 1, position - (source.rfind("\n", 0, position) + 1) + 1


def _invalid(source: str, position: int, message: str, path: tuple[str | int, ...] = ()) -> InvalidJson:
    line, column = _place(source, position)
    return InvalidJson(line, column, message, dotted(path))


def _syntax_error(source: str, position: int, message: str, max_depth: int) -> InvalidJson:
    """Return orjson's error as a sentence for people; the text at that place explains more than the parser does."""
    if not source.strip():
        return _invalid(source, 0, "The text is empty; a JSON value is expected.")
    fault = _find_fault(source, max_depth)
    if fault is not None:
        return fault
    known = {
        "trailing comma is not allowed": "A comma must be followed by another value.",
        "unexpected end of data": "The text ends in the middle of a value.",
    }
    return _invalid(source, position, known.get(message, message[:1].upper() + message[1:] + "."))


class _Place(NamedTuple):
    kind: str  # text, number, word, mark
    token: str
    position: int
    path: tuple[str | int, ...]
    depth: int
    is_key: bool


def _places(source: str) -> Iterator[_Place]:
    """The tokens of a text with their paths, as far as it is well formed."""
    path: list[str | int] = []
    closing: list[str] = []
    position = 0
    at_key = False
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            return
        kind, mark = match.lastgroup or "", match.group()
        if kind != "space":
            yield _Place(kind, mark, position, tuple(path), len(closing), kind == "text" and at_key)
        position = match.end()
        if kind == "text" and at_key:
            path[-1] = _unquoted(mark)
            at_key = False
        elif mark in ("{", "["):
            closing.append("}" if mark == "{" else "]")
            path.append("" if mark == "{" else 0)
            at_key = mark == "{"
        elif mark in ("}", "]"):
            if not closing or closing.pop() != mark:
                return
            path.pop()
            at_key = False
        elif mark == "," and closing:
            last = path[-1]
            if isinstance(last, int):
                path[-1] = last + 1
            else:
                at_key = True


def _unquoted(token: str) -> str:
    try:
        return str(orjson.loads(token))
    except orjson.JSONDecodeError:
        return token[1:-1]


_WORDS = {"true", "false", "null"}
_NOT_NUMBERS = {"NaN", "Infinity", "-Infinity"}


def _find_fault(source: str, max_depth: int) -> InvalidJson | None:
    """The first thing in the text that is well formed but not allowed, or a word that is no JSON."""
    seen: list[set[str]] = []
    for place in _places(source):
        message = _fault_of(place, seen, max_depth)
        if message:
            path = (*place.path[:-1], _unquoted(place.token)) if place.is_key else place.path
            return _invalid(source, place.position, message, path)
    return None


def _fault_of(place: _Place, seen: list[set[str]], max_depth: int) -> str | None:
    token = place.token
    if token in ("{", "["):
        if place.depth + 1 > max_depth:
            return f"The value is nested deeper than {max_depth} levels."
        seen.append(set())
    elif token in ("}", "]") and seen:
        seen.pop()
    elif place.is_key:
        key = _unquoted(token)
        if seen and key in seen[-1]:
            return f'The key "{key}" occurs twice in one object.'
        if seen:
            seen[-1].add(key)
    if place.kind == "word" and token not in _WORDS:
        if token in _NOT_NUMBERS:
            return f"{token} is not a JSON number."
        return f"{token} is not JSON; texts stand in double quotes."
    if place.kind == "number":
        return _number_fault(token)
    if place.kind == "text" and "\\u" in token:
        return _surrogate_fault(token)
    return None


def _number_fault(token: str) -> str | None:
    if token.lstrip("-").isdigit():
        if len(token) > 25 or not INT_MIN <= int(token) <= INT_MAX:
            return "The integer needs more than 64 bits; write it as a text, or as a fraction."
    elif math.isinf(float(token)):
        return "The number is too large for a double."
    return None


def _surrogate_fault(token: str) -> str | None:
    try:
        orjson.loads(token)
    except orjson.JSONDecodeError as error:
        if "surrogate" in error.msg:
            return "Half of a surrogate pair is not a character."
    return None


def _default(value: object) -> object:
    if _is_model(value):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(type(value).__name__)


def _is_model(value: object) -> TypeGuard["BaseModel"]:
    """Whether it is a Pydantic model. Imported when something is no plain JSON, for Pydantic is slow to import."""
    from pydantic import BaseModel

    return isinstance(value, BaseModel)


def _not_json(value: object) -> NotJson | None:
    """The first thing in a value that JSON cannot hold, as the error that names it."""
    pending: list[tuple[object, tuple[str | int, ...]]] = [(value, ())]
    while pending:
        item, path = pending.pop()
        reason = _reason(item, path)
        if reason:
            at = f" at {dotted(path)}" if path else ""
            return NotJson(f"{reason}{at}.")
        if _is_model(item):
            pending.append((item.model_dump(mode="json", by_alias=True), path))
        elif is_dataclass(item) and not isinstance(item, type):
            pending.extend((getattr(item, part.name), (*path, part.name)) for part in reversed(fields(item)))
        elif isinstance(item, Mapping):
            pending.extend((part, (*path, key)) for key, part in reversed(list(item.items())))
        elif isinstance(item, list | tuple):
            pending.extend((part, (*path, index)) for index, part in reversed(list(enumerate(item))))
    return None


def _reason(item: object, path: tuple[str | int, ...]) -> str | None:
    if len(path) > WRITE_DEPTH:
        return f"The value is nested deeper than {WRITE_DEPTH} levels"
    if isinstance(item, Enum):
        item = item.value
    if item is None or isinstance(item, bool | list | tuple | orjson.Fragment) or _is_model(item):
        return None
    if isinstance(item, str):
        return "Half of a surrogate pair is not a character" if _has_surrogate(item) else None
    if isinstance(item, int):
        return None if INT_MIN <= item <= INT_MAX else "The integer needs more than 64 bits"
    if isinstance(item, float):
        return None if math.isfinite(item) else f"{item} is not a JSON number"
    if isinstance(item, dict):
        for key in item:
            if not isinstance(key, str):
                return f"The key {key!r} is not a text but {type(key).__name__}"
            if _has_surrogate(key):
                return f"The key {key!r} holds half of a surrogate pair"
        return None
    if is_dataclass(item) and not isinstance(item, type):
        return None
    return f"JSON cannot hold a value of type {type(item).__name__}"


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
