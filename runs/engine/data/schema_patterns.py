"""Regular expressions of schemas: matched by the Rust engine of jsonschema-rs alone, never by Python's `re`.

A pattern without look-around and back-references is matched in time linear in the text; any other one backtracks a
limited number of times. Matching holds the interpreter lock, so that what it may cost is known before (`cost`).
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jsonschema_rs

BACKTRACK_LIMIT = 20_000
MAX_PROGRAM = 10_000_000  # bytes of one compiled pattern
MAX_PROGRAMS = 40_000_000  # bytes of all patterns of a schema together: compiling takes about 2 ns a byte
# Bytes of the compiled pattern, and what one character may cost at most, in units of about 50 ns: as measured with
# patterns that keep all their states alive.
_PROGRAMS = ((4_000, 2), (16_000, 8), (64_000, 32), (256_000, 128), (1_000_000, 512), (MAX_PROGRAM, 5_000))
_BACKTRACKING = -1
MAX_COST = 10_000_000  # of one text, in units of about 50 ns: half a second


def options() -> "jsonschema_rs.FancyRegexOptions":
    """How validators compile patterns."""
    import jsonschema_rs

    return jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT, size_limit=MAX_PROGRAM)


@lru_cache(maxsize=2_000)
def program(pattern: str) -> tuple[int, int] | None:
    """Size in bytes and cost of a character; None for what is no regular expression, or too large a one."""
    import jsonschema_rs

    for size, cost_of_character in _PROGRAMS:
        if _compiles(pattern, jsonschema_rs.RegexOptions(size_limit=size)):
            return size, cost_of_character
    return (MAX_PROGRAM // 10, _BACKTRACKING) if _compiles(pattern, options()) else None


def cost(pattern: str, length: int) -> int:
    """What it may cost to match a text of that length, in units of about 50 ns."""
    found = program(pattern)
    if found is None:
        return 0
    if found[1] == _BACKTRACKING:
        return 300 * length + length * length // 16
    return found[1] * length


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text; false where that takes too long, true for no pattern."""
    if program(pattern) is None:
        return True
    return cost(pattern, len(text)) <= MAX_COST and _validator(pattern).is_valid(text)


@lru_cache(maxsize=500)
def _validator(pattern: str) -> "jsonschema_rs.Validator":
    import jsonschema_rs

    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options(), offline=True)


def _compiles(pattern: str, limits: "jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions") -> bool:
    import jsonschema_rs

    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=limits, offline=True)
    except ValueError:
        return False
    return True
