"""Paths into JSON values: `customer.lines.0.sku`."""

from collections.abc import Mapping

from .undefined import UNSET


def walk_path(value: object, parts: list[str]) -> object:
    """Return the value under these keys and array indexes, or UNSET; a list also has a `length`."""
    for part in parts:
        if isinstance(value, Mapping):
            value = value.get(part, UNSET)
        elif isinstance(value, list):
            if part == "length":
                value = len(value)
            elif part.isdecimal() and len(part) < 20 and (part == "0" or part[0] != "0") and int(part) < len(value):
                value = value[int(part)]
            else:
                return UNSET
        else:
            return UNSET
        if value is UNSET:
            return UNSET
    return value


def get_path(value: object, path: str) -> object:
    """Return the value under a dotted path, or UNSET; `.` and the empty path are the whole value."""
    return value if path in ("", ".") else walk_path(value, path.split("."))
