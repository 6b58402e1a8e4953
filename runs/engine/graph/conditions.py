"""When an arm of a branch runs and when a loop goes on: predicates as data, and JavaScript's idea of truth.

A predicate is the reference's declarative form, such as
`{"op": "lt", "left": {"path": "stepResults.score.value"}, "right": {"literal": 0.8}}`. A path that leads nowhere makes
a comparison false; it never fails a run.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Protocol

import orjson

from ..data.json_value import same_json
from ..data.paths import walk_path
from ..data.undefined import UNSET
from ..errors import InvalidWorkflow

COMPARISONS = {"eq": "==", "ne": "≠", "lt": "<", "lte": "≤", "gt": ">", "gte": "≥"}
ROOTS = ("inputData", "initData", "state", "stepResults")


class Scope(Protocol):
    """What predicates, mappings and templates can look at. UNSET means that a value is missing."""

    @property
    def input_data(self) -> object: ...
    @property
    def init_data(self) -> object: ...
    @property
    def state(self) -> object: ...
    @property
    def request_context(self) -> Mapping[str, object]: ...

    def step_output(self, step_id: str) -> object:
        """The output of a step that ended with success, else UNSET."""


def truthy(value: object) -> bool:
    """Whether JavaScript takes the value for true: `""`, 0, NaN, None and UNSET are false, `[]` and `{}` are true."""
    if value is UNSET or value is None or value is False:
        return False
    if isinstance(value, int | float):
        return value != 0 and not math.isnan(value)
    return value != "" if isinstance(value, str) else True


class Predicate:
    """A condition as data, checked once and evaluated often."""

    __slots__ = ("data",)

    def __init__(self, data: dict[str, object]) -> None:
        self.data = data

    @classmethod
    def parse(cls, data: object, at: str = "") -> "Predicate":
        """Raises InvalidWorkflow, with the dotted path of the first fault below `at`."""
        return cls(_checked(data, at))

    def evaluate(self, scope: Scope) -> bool:
        """Whether the predicate holds. Never raises."""
        return _evaluate(self.data, scope)

    @property
    def text(self) -> str:
        """The predicate in one line, as pages show it."""
        return _text(self.data)


def condition_text(condition: object) -> str:
    """Return a condition as one line for people: a predicate's text, or a function's first line of words."""
    if isinstance(condition, Predicate):
        return condition.text
    words = inspect.getdoc(condition) if callable(condition) else None
    if words and not isinstance(condition, type(lambda: None)):
        words = None  # the docstring of a callable object's class says nothing of this condition
    name = getattr(condition, "__name__", "")
    if words:
        return words.splitlines()[0].rstrip(".")
    return "otherwise" if name in ("otherwise", "always") else name.replace("<lambda>", "condition") or "condition"


def _fail(at: str, message: str) -> InvalidWorkflow:
    return InvalidWorkflow(f"{at}: {message}" if at else message)


def _below(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _checked(data: object, at: str) -> dict[str, object]:
    if not isinstance(data, Mapping):
        raise _fail(at, "A predicate is an object with an op.")
    op = data.get("op")
    keys = _KEYS.get(op) if isinstance(op, str) else None
    if keys is None:
        raise _fail(_below(at, "op"), f"Unknown op {op!r}; use one of: {', '.join(_KEYS)}.")
    if unknown := [key for key in data if key not in keys and key != "op"]:
        raise _fail(_below(at, str(unknown[0])), f"A predicate with op {op} has no key {unknown[0]!r}.")
    checked: dict[str, object] = {"op": op}
    for key in keys:
        if key not in data:
            raise _fail(_below(at, key), f"A predicate with op {op} needs {key!r}.")
        checked[key] = _part(key, data[key], _below(at, key))
    return checked


_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(COMPARISONS, ("left", "right")),
    "in": ("value", "set"),
    "notIn": ("value", "set"),
    "exists": ("path",),
    "notExists": ("path",),
    "truthy": ("value",),
    "falsy": ("value",),
    "and": ("args",),
    "or": ("args",),
    "not": ("arg",),
}


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _part(key: str, value: object, at: str) -> object:
    """One member of a predicate, checked by what its key asks for."""
    if key == "arg":
        return _checked(value, at)
    if key == "args":
        if not isinstance(value, list) or not value:
            raise _fail(at, "A list of at least one predicate is needed.")
        return [_checked(item, f"{at}.{index}") for index, item in enumerate(value)]
    if key == "set":
        if not isinstance(value, list) or not value or not all(_is_scalar(item) for item in value):
            raise _fail(at, "A list of at least one text, number, boolean or null is needed.")
        return list(value)
    if key == "path":
        if not isinstance(value, str) or not value:
            raise _fail(at, "A path such as inputData.score is needed.")
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        if "path" in value:
            return {"path": _part("path", value["path"], f"{at}.path")}
        if "literal" in value and _is_scalar(value["literal"]):
            return {"literal": value["literal"]}
    raise _fail(at, 'An operand is {"path": …} or {"literal": …} with a text, number, boolean or null.')


def _resolve(path: str, scope: Scope) -> object:
    path = path.strip()
    if path.startswith("${") and path.endswith("}"):
        path = path[2:-1].strip()
    root, *parts = path.split(".")
    if root == "inputData":
        return walk_path(scope.input_data, parts)
    if root == "initData":
        return walk_path(scope.init_data, parts)
    if root == "state":
        return walk_path(scope.state, parts)
    if root == "stepResults" and parts:
        output = scope.step_output(parts[0])
        return UNSET if output is None else walk_path(output, parts[1:])
    return UNSET


def _operand(operand: object, scope: Scope) -> object:
    assert isinstance(operand, dict)  # noqa: S101 (checked when parsed)
    return operand["literal"] if "literal" in operand else _resolve(operand["path"], scope)


def strictly_equal(a: object, b: object) -> bool:
    """JavaScript's `===` for scalars (1 is 1.0, true is not 1); objects and lists are compared by what they hold."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b
    return same_json(a, b)


def compare(op: str, a: object, b: object) -> bool:
    """Whether `a op b` holds. Order is defined between two numbers and between two texts; else it is false."""
    if op in ("eq", "ne"):
        return strictly_equal(a, b) is (op == "eq")
    if isinstance(a, bool) or isinstance(b, bool):
        return False
    if isinstance(a, str) and isinstance(b, str):
        return _ordered(op, (a > b) - (a < b))
    if isinstance(a, int | float) and isinstance(b, int | float) and not (math.isnan(a) or math.isnan(b)):
        return _ordered(op, (a > b) - (a < b))
    return False


def _ordered(op: str, sign: int) -> bool:
    return {"lt": sign < 0, "lte": sign <= 0, "gt": sign > 0, "gte": sign >= 0}[op]


def _evaluate(data: dict[str, object], scope: Scope) -> bool:
    op = str(data["op"])
    match data:
        case {"args": list(args)}:
            results = (_evaluate(arg, scope) for arg in args)
            return all(results) if op == "and" else any(results)
        case {"arg": dict(arg)}:
            return not _evaluate(arg, scope)
        case {"path": str(path)}:
            return (_resolve(path, scope) is not UNSET) is (op == "exists")
        case {"set": list(members), "value": operand}:
            value = _operand(operand, scope)
            found = value is not UNSET and any(strictly_equal(member, value) for member in members)
            return found is (op == "in")
        case {"left": left, "right": right}:
            a, b = _operand(left, scope), _operand(right, scope)
            return a is not UNSET and b is not UNSET and compare(op, a, b)
    return truthy(_operand(data["value"], scope)) is (op == "truthy")


def _name(operand: object) -> str:
    assert isinstance(operand, dict)  # noqa: S101 (checked when parsed)
    if "path" in operand:
        return str(operand["path"]).removeprefix("${").removesuffix("}")
    return orjson.dumps(operand["literal"]).decode()


def _text(data: dict[str, object]) -> str:
    op = str(data["op"])
    match data:
        case {"args": list(args)}:
            return f" {op} ".join(f"({_text(arg)})" if "args" in arg else _text(arg) for arg in args)
        case {"arg": dict(arg)}:
            return f"not ({_text(arg)})"
        case {"path": path}:
            return f"{path} is there" if op == "exists" else f"{path} is missing"
        case {"set": members, "value": operand}:
            listed = orjson.dumps(members).decode()
            return f"{_name(operand)} {'in' if op == 'in' else 'not in'} {listed}"
        case {"left": left, "right": right}:
            return f"{_name(left)} {COMPARISONS[op]} {_name(right)}"
    return f"{_name(data['value'])} is {'true' if op == 'truthy' else 'false'}"


Condition = Predicate | Callable[..., object]
