"""The types of JSON Schema, and equality as it defines it."""

import math
from collections.abc import Mapping

from .undefined import UNSET


def type_name(value: object) -> str:
    """The type of a value in JSON's words; `undefined` for a value that is missing, `NaN` for no number at all."""
    if value is UNSET:
        return "undefined"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "NaN" if isinstance(value, float) and math.isnan(value) else "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list | tuple):
        return "array"
    return "object" if isinstance(value, Mapping) else type(value).__name__


def has_type(value: object, name: str) -> bool:
    """Whether the value is of that JSON Schema type. 1.0 is an integer; true is no number."""
    if name == "integer":
        return type_name(value) == "number" and (value.is_integer() if isinstance(value, float) else True)
    if name == "number" and isinstance(value, float):
        return math.isfinite(value)
    return type_name(value) == name


def types_of(schema: Mapping[str, object]) -> tuple[str, ...]:
    """The types a schema names; none: any."""
    named = schema.get("type")
    if isinstance(named, str):
        return (named,)
    return tuple(str(name) for name in named) if isinstance(named, list) else ()


def equal(a: object, b: object) -> bool:
    """Equality of JSON Schema: 1 and 1.0 are equal, true and 1 are not, wherever in the value."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(item, b[key]) for key, item in a.items())
    return type(a) is type(b) and a == b
