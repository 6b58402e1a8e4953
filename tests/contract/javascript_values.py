"""JSON as the language of the client reads it, so that what was recorded and what came are values of one kind."""

import json
from typing import Any

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing"})()
_EXACT_DIGITS = 15  # longer integers may have no double of their own


def parse(text: str) -> Any:
    """The value of a JSON text, its numbers as doubles. Raises ValueError."""
    return json.loads(text, parse_int=_number, parse_constant=_refuse)


def parsed(value: object) -> Any:
    """What a text holds that is a JSON object or list; MISSING for anything else."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return MISSING
    try:
        return parse(value)
    except (ValueError, RecursionError):
        return MISSING


def look_up(value: object, path: str) -> Any:
    """What stands under a dotted path, lengths of lists and texts too; MISSING where nothing does."""
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        elif not isinstance(value, list | str):
            return MISSING
        elif key == "length":
            value = length(value) if isinstance(value, str) else len(value)
        else:
            value = value[int(key)] if key.isdecimal() and int(key) < len(value) else MISSING
    return value


def length(text: str) -> int:
    """In code units, of which a character beyond the first 65 536 has two."""
    return len(code_units(text)) // 2


def code_units(text: str) -> bytes:
    """What texts are ordered by."""
    return text.encode("utf-16-be", "surrogatepass")


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
