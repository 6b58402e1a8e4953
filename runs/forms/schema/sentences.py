"""Why a value does not fit its schema, in words: what, where, what to do.

A predicate is the end of a sentence whose beginning names the field: " is 0. Enter 1 to 999, or remove the line."
It is made from schema and value, not from the validator's text, which stands in only where nothing is found here.
"""

import math
from collections.abc import Mapping, Sequence

from runs.engine.data import schema_patterns
from runs.engine.data.text import clipped
from runs.engine.log.snapshot import UNSET

from .exact_json import Number, is_integer, write_exact
from .fields import choice_words
from .json_schema import Kind, Shape

SHOWN = 40  # characters of a value that are repeated
NAMED_FORMATS = {
    "email": "an e-mail address such as name@example.org",
    "uri": "an address such as https://example.org/",
    "date": "a date such as 2026-11-22",
    "date-time": "a date and time such as 2026-11-22T13:02:11Z",
    "time": "a time such as 13:02:11Z",
    "uuid": "a UUID",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "hostname": "a host name",
}


def predicate(shape: Shape, value: object, raw: str, *, row: str = "") -> str:
    """What is wrong with a value (a tree, or UNSET) that a validator refused with the text `raw`.

    `row`: what the list calls the row that it stands in, so that removing it is offered.
    """
    found = _wrong(shape, value)
    if found is None:
        return f": {raw[:1].upper()}{raw[1:]}" + ("" if raw.endswith(".") else ".")
    said, wanted = found
    remedy = f"{wanted}, or remove the {row.lower()}" if row and said != " is missing" else wanted
    return f"{said}. {remedy}." if remedy else f"{said}."


def _wrong(shape: Shape, value: object) -> tuple[str, str] | None:
    """What is so, and what to do; None when schema and value do not tell."""
    if value is UNSET:
        return " is missing", _wanted(shape)
    if value is None:
        return None if shape.nullable or shape.kind is Kind.JSON else (" is null", _wanted(shape))
    checks = {
        Kind.TEXT: _wrong_text,
        Kind.INTEGER: _wrong_number,
        Kind.NUMBER: _wrong_number,
        Kind.DECIMAL: _wrong_number,
        Kind.BOOLEAN: _wrong_boolean,
        Kind.CHOICE: _wrong_choice,
        Kind.LIST: _wrong_list,
        Kind.OBJECT: _wrong_object,
    }
    return checks[shape.kind](shape, value) if shape.kind in checks else None


def _is(shape: Shape, value: object) -> str:
    """The value itself; a secret is not repeated."""
    if shape.secret:
        return " does not fit"
    if value == "":
        return " is empty"
    text = f'"{value}"' if isinstance(value, str) else write_exact(value, indent=None)
    return f" is {clipped(text, SHOWN)}"


def _wrong_text(shape: Shape, value: object) -> tuple[str, str] | None:
    schema = shape.schema
    if not isinstance(value, str):
        return _is(shape, value), "Enter a text, in double quotes"
    low, high = schema.get("minLength"), schema.get("maxLength")
    if (low is not None and len(value) < low) or (high is not None and len(value) > high):
        size = " is empty" if value == "" else f" has {len(value)} {'character' if len(value) == 1 else 'characters'}"
        return size, f"Enter {_range(low, high)} characters"
    if "pattern" in schema and not schema_patterns.matches(schema["pattern"], value):
        return _is(shape, value), f"Enter a text that matches {schema['pattern']}"
    if schema.get("format") in NAMED_FORMATS:
        return _is(shape, value), f"Enter {NAMED_FORMATS[schema['format']]}"
    return None


def _wrong_number(shape: Shape, value: object) -> tuple[str, str] | None:
    text = value.text if isinstance(value, Number) else value if shape.kind is Kind.DECIMAL else None
    if not isinstance(text, str):
        return _is(shape, value), _wanted(shape)
    try:
        number = int(text) if is_integer(text) else float(text)
    except ValueError:
        return _is(shape, value), _wanted(shape)
    if shape.kind is Kind.INTEGER and (not math.isfinite(number) or number != int(number)):
        return _is(shape, value), _wanted(shape)
    if not _in_bounds(shape.schema, number):
        return _is(shape, value), _wanted(shape)
    step = shape.schema.get("multipleOf")
    if step:
        return _is(shape, value), f"Enter a multiple of {step}"
    return None


def _in_bounds(schema: Mapping[str, object], number: float) -> bool:
    bounds = (
        ("minimum", lambda bound: number >= bound),
        ("maximum", lambda bound: number <= bound),
        ("exclusiveMinimum", lambda bound: number > bound),
        ("exclusiveMaximum", lambda bound: number < bound),
    )
    return all(holds(schema[word]) for word, holds in bounds if isinstance(schema.get(word), int | float))


def _wrong_boolean(shape: Shape, value: object) -> tuple[str, str] | None:
    return None if isinstance(value, bool) else (_is(shape, value), _wanted(shape))


def _wrong_choice(shape: Shape, value: object) -> tuple[str, str] | None:
    return _is(shape, value), _wanted(shape)


def _wrong_list(shape: Shape, value: object) -> tuple[str, str] | None:
    if not isinstance(value, list):
        return _is(shape, value), _wanted(shape)
    low, high = shape.schema.get("minItems"), shape.schema.get("maxItems")
    size = f" has {_count(len(value), 'item')}"
    if low is not None and len(value) < low:
        return size, f"Add {_range(low, high)}"
    if high is not None and len(value) > high:
        return size, f"Enter {_range(low, high)}"
    return None


def _wrong_object(shape: Shape, value: object) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return _is(shape, value), _wanted(shape)
    unnamed = [key for key in value if key not in shape.properties]
    if unnamed and shape.schema.get("additionalProperties") is False:
        return f" has the key {unnamed[0]}, which is not in the schema", "Remove it"
    return None


def _wanted(shape: Shape) -> str:
    """What to enter, as an order."""
    schema = shape.schema
    match shape.kind:
        case Kind.CHOICE:
            return f"Choose {listed([choice_words(choice) for choice in shape.choices])}"
        case Kind.INTEGER | Kind.NUMBER | Kind.DECIMAL:
            return _wanted_number(shape)
        case Kind.BOOLEAN:
            return "Enter true or false"
        case Kind.LIST:
            return f"Add {_range(schema.get('minItems'), schema.get('maxItems'))}" if _bounded(schema) else "Add a list"
        case Kind.OBJECT:
            return "Enter a JSON object"
        case Kind.TEXT if schema.get("format") in NAMED_FORMATS:
            return f"Enter {NAMED_FORMATS[schema['format']]}"
        case Kind.TEXT if schema.get("minLength") or schema.get("maxLength") is not None:
            return f"Enter {_range(schema.get('minLength'), schema.get('maxLength'))} characters"
        case Kind.TEXT:
            return "Enter a text"
    return "Enter a value"


def _bounded(schema: Mapping[str, object]) -> bool:
    return schema.get("minItems") is not None or schema.get("maxItems") is not None


def _wanted_number(shape: Shape) -> str:
    schema = shape.schema
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema.get("exclusiveMinimum") is not None and low is None:
        return f"Enter more than {schema['exclusiveMinimum']}" + (f", up to {high}" if high is not None else "")
    if schema.get("exclusiveMaximum") is not None and high is None:
        return f"Enter {f'{low} or more, ' if low is not None else ''}less than {schema['exclusiveMaximum']}"
    if low is not None or high is not None:
        return f"Enter {_range(low, high)}"
    return "Enter a whole number" if shape.kind is Kind.INTEGER else "Enter a number such as 18.9"


def _range(low: object, high: object) -> str:
    if low is not None and high is not None:
        return str(low) if low == high else f"{low} to {high}"
    return f"{low} or more" if low is not None else f"at most {high}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"


def listed(words: Sequence[str]) -> str:
    """A, B or C."""
    if len(words) > 12:
        words = [*words[:10], f"{len(words) - 10} others"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
