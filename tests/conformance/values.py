"""Values of the case format: paths, references and the operators of JavaScript that cases rely on."""

import math
from collections.abc import Mapping

from runs.engine import UNSET
from runs.engine.data.paths import walk_path
from runs.engine.graph.conditions import compare, strictly_equal, truthy
from runs.engine.graph.mapping import js_text


def expand(value: object) -> object:
    """A value of a case with each `{"$repeat": [text, n]}` written out."""
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            text, count = value["$repeat"]
            return text * count
        return {key: expand(item) for key, item in value.items()}
    return [expand(item) for item in value] if isinstance(value, list) else value


def look_up(path: str, roots: Mapping[str, object]) -> object:
    """Return the value under a case's path, or UNSET. Roots may be functions of the rest's first part."""
    first, *rest = path.split(".")
    root = roots.get(first, UNSET)
    if callable(root):
        return walk_path(root(rest[0]), rest[1:]) if rest else UNSET
    return walk_path(root, rest) if rest else root


def resolve(value: object, roots: Mapping[str, object]) -> object:
    """A value with each `{"$ref": path}` replaced; what is undefined leaves its key out."""
    if isinstance(value, dict):
        if set(value) == {"$ref"}:
            return look_up(value["$ref"], roots)
        resolved = {key: resolve(item, roots) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not UNSET}
    if isinstance(value, list):
        return [None if item is UNSET else item for item in (resolve(item, roots) for item in value)]
    return value


def holds(condition: Mapping[str, object], roots: Mapping[str, object]) -> object:
    """What a condition of a case gives back: mostly a boolean, `const` any value."""
    if "const" in condition:
        return condition["const"]
    if "and" in condition:
        return all(truthy(holds(part, roots)) for part in condition["and"])
    if "not" in condition:
        return not truthy(holds(condition["not"], roots))
    found, wanted = look_up(condition["path"], roots), condition.get("value", UNSET)
    match condition["op"]:
        case "exists":
            return found is not UNSET and found is not None
        case "truthy":
            return truthy(found)
        case "in":
            return any(strictly_equal(found, option) for option in wanted)
        case op:
            return compare(op, found, wanted)


def add(a: object, b: object) -> object:
    """JavaScript's `a + b`."""
    if isinstance(a, str | dict | list) or isinstance(b, str):
        return _text(a) + _text(b)
    return _exact(_number(a) + _number(b))


def multiply(a: object, b: object) -> object:
    """JavaScript's `a * b`."""
    return _exact(_number(a) * _number(b))


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(_text(item) if item is not None else "" for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    return "null" if value is None else "undefined" if value is UNSET else js_text(value)


def _number(value: object) -> float:
    if value is None:
        return 0
    if isinstance(value, bool | int | float):
        return value + 0
    try:
        return float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return math.nan


def _exact(number: float) -> object:
    return None if isinstance(number, float) and math.isnan(number) else number
