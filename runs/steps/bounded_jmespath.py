"""JMESPath within limits: an expression of a few hundred characters can ask for more than a machine holds.

`[@, @]` piped thirty times makes a value of a billion parts out of thirty lists, for they share their members. So what
an expression makes is counted as it is evaluated, and what it shares is multiplied out, by number, before anything
walks through it: a comparison, a text, the result itself.
"""

import math
import time
from typing import Any

from jmespath import functions, parser
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.visitor import Options, TreeInterpreter

from runs.engine.data.json_value import INT_MAX, INT_MIN

MOST_OPERATIONS = 5_000_000  # parts of the expression evaluated, and members of lists and objects made or passed on
MOST_SECONDS = 20.0
MOST_VALUES = 1_000_000  # of a result, or as many as the data have
MOST_CHARACTERS = 16_000_000
MOST_LEVELS = 100
LOOK_EVERY = 4_096  # operations between two looks at the clock


class ExpressionRefused(Exception):
    """The expression cannot be evaluated; the text is a sentence for people. Holds no value of the data."""


def search(expression: str, data: object) -> object:
    """What the expression finds in JSON data. Raises ExpressionRefused."""
    limits = _Limits(data)
    try:
        tree = parser.Parser().parse(expression).parsed
        found = _Interpreter(limits).visit(tree, data)
    except RecursionError:
        raise ExpressionRefused("The expression cannot be used: it is nested too deeply.") from None
    except JMESPathTypeError as error:  # its own text holds the value
        words = f"{error.function_name}() takes {' or '.join(error.expected_types)}, not {error.actual_type}"
        raise ExpressionRefused(f"The expression cannot be used: {words}.") from None
    except (JMESPathError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        said = " ".join(str(error).split())[:300].rstrip()
        raise ExpressionRefused(f"The expression cannot be used: {said}") from None
    limits.weigh(found)
    return found


class _Limits:
    """Counts what an expression does; each method raises ExpressionRefused."""

    def __init__(self, data: object) -> None:
        self._data = data
        self._operations = 0
        self._characters = 0
        self._next_look = LOOK_EVERY
        self._deadline = time.monotonic() + MOST_SECONDS

    def spend(self, operations: int) -> None:
        self._operations += operations
        if self._operations < self._next_look:
            return
        self._next_look = self._operations + LOOK_EVERY
        if self._operations > MOST_OPERATIONS:
            raise ExpressionRefused(
                f"The expression needs more than {MOST_OPERATIONS} operations. Use a smaller part of the data."
            )
        if time.monotonic() > self._deadline:
            raise ExpressionRefused(
                f"The expression took longer than {MOST_SECONDS:g} s. Use a smaller part of the data."
            )

    def write(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MOST_CHARACTERS:
            raise ExpressionRefused(f"The expression makes texts of more than {MOST_CHARACTERS} characters.")

    def weigh(self, value: object) -> int:
        """How many values a value consists of, with everything that it shares multiplied out."""
        values, characters, _ = self._weigh(value, {}, 1)
        for count, most, words in ((values, MOST_VALUES, "values"), (characters, MOST_CHARACTERS, "characters")):
            # Data that are larger themselves came through other limits already.
            if count > most and count > self._weigh(self._data, {}, 1)[words == "characters"]:
                raise ExpressionRefused(f"The expression makes a result of more than {most} {words}.")
        return values

    def _weigh(self, value: Any, known: dict[int, tuple[int, int, int]], level: int) -> tuple[int, int, int]:
        """Its values, its characters, its levels; each object is looked through once."""
        if not isinstance(value, list | dict):
            return 1, _characters(value), 0
        if (weight := known.get(id(value))) is not None:
            return weight
        if level > MOST_LEVELS:
            raise ExpressionRefused(f"The expression makes a value of more than {MOST_LEVELS} levels.")
        self.spend(len(value))
        values, characters, levels = 1, 0, 0
        if isinstance(value, dict):
            characters = sum(map(len, value))
            value, key = value.values(), id(value)
        else:
            key = id(value)
        for member in value:
            more = self._weigh(member, known, level + 1)
            values += more[0]
            characters += more[1]
            levels = max(levels, more[2])
        if level + levels > MOST_LEVELS:
            raise ExpressionRefused(f"The expression makes a value of more than {MOST_LEVELS} levels.")
        known[key] = values, characters, levels + 1
        return known[key]


def _characters(value: object) -> int:
    """Of a value without members. Raises ExpressionRefused for one that stored JSON has no place for."""
    if isinstance(value, str):
        return len(value)
    if value is None or isinstance(value, bool):
        return 0
    if isinstance(value, int) and INT_MIN <= value <= INT_MAX:
        return 0
    if isinstance(value, float) and math.isfinite(value):
        return 0
    number = "a number that is too large" if isinstance(value, int | float) else "a part of an expression"
    raise ExpressionRefused(f"The expression cannot be used: it gives {number}.")


class _Functions(functions.Functions):
    """JMESPath's functions; those that walk through a value or make a text count it first."""

    def __init__(self, limits: _Limits) -> None:
        self._limits = limits

    def call_function(self, function_name: str, resolved_args: list[Any]) -> Any:
        for value in resolved_args:
            if isinstance(value, list | dict):
                self._limits.spend(len(value))
            elif isinstance(value, str):
                self._limits.spend(len(value) // 1_000)
        if function_name == "join" and len(resolved_args) == 2:
            self._count_join(*resolved_args)
        elif function_name in ("to_string", "contains") and resolved_args:
            self._limits.spend(self._limits.weigh(resolved_args[0]))
        result = super().call_function(function_name, resolved_args)
        if isinstance(result, str):
            self._limits.write(len(result))
        return result

    def _count_join(self, separator: object, texts: object) -> None:
        if isinstance(separator, str) and isinstance(texts, list):
            lengths = sum(len(text) for text in texts if isinstance(text, str))
            self._limits.write(lengths + len(separator) * len(texts))


class _Interpreter(TreeInterpreter):
    def __init__(self, limits: _Limits) -> None:
        super().__init__(Options(custom_functions=_Functions(limits)))
        self._limits = limits

    def visit(self, node: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        self._limits.spend(1)
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, list) and value is not args[0]:
            self._limits.spend(len(value))
        return value

    def visit_flatten(self, node: dict[str, Any], value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        merged: list[Any] = []
        for element in base:
            if isinstance(element, list):
                self._limits.spend(len(element))
                merged.extend(element)
            else:
                merged.append(element)
        return merged

    def visit_comparator(self, node: dict[str, Any], value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        if isinstance(left, list | dict) and isinstance(right, list | dict):
            self._limits.spend(self._limits.weigh(left) + self._limits.weigh(right))
        sides = [{"type": "literal", "value": side, "children": []} for side in (left, right)]
        return super().visit_comparator({**node, "children": sides}, value)
