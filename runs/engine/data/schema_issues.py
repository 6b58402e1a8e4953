"""Words what is wrong with a value that a schema refuses, as the Zod library does or as Ajv does.

The verdict is the validator's. These walks look for what people can mend, with the usual keywords; where they find
nothing, the words of the validator serve. A walk ends after a number of steps, since schemas may refer to themselves.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping

import orjson

from . import schema_patterns
from .json_types import equal, has_type, type_name, types_of
from .schema_document import SchemaDocument, SchemaNode
from .text import clipped
from .undefined import UNSET

Path = tuple[str | int, ...]
Finding = tuple[Path, str]
IsValid = Callable[[SchemaNode, object], bool]

MAX_STEPS = 20_000
MAX_MESSAGE = 2_000  # characters; a schema may have any number of choices
MAX_ISSUES = 200  # more are of no use to a reader
_BOUNDS = ("Too small", "Too big", "Invalid string", "Invalid number")  # the value is of the right type


class _Walk:
    """What both wordings share: the document, the list that issues go to, and the steps left."""

    def __init__(self, document: SchemaDocument, is_valid: IsValid) -> None:
        self.document = document
        self.is_valid = is_valid
        self.issues: list[Finding] = []
        # Shared with the trials of alternatives: the steps left, and what each trial has found.
        self.steps = [MAX_STEPS]
        self.tried: dict[tuple[int, Path], list[Finding]] = {}

    @classmethod
    def find(cls, document: SchemaDocument, is_valid: IsValid, value: object) -> list[Finding]:
        """What is wrong, in the order of the schema; empty when no usual keyword explains it."""
        walk = cls(document, is_valid)
        try:
            walk.check(document.schema, value, ())
        except RecursionError:
            walk.issues.clear()
        return walk.issues

    def check(self, schema: object, value: object, path: Path) -> None:
        """Issues go to the list."""
        if schema is False and value is not UNSET:
            self.add(path, self.refused)
        node = self.document.node(schema)
        if node is not None and self.steps[0] > 0 and len(self.issues) < MAX_ISSUES:
            self.steps[0] -= 1
            self.check_node(node, value, path)

    refused = "Invalid input: no value is allowed here"

    def check_node(self, node: SchemaNode, value: object, path: Path) -> None:
        raise NotImplementedError

    def add(self, path: Path, message: str) -> None:
        self.issues.append((path, clipped(message, MAX_MESSAGE)))

    def issues_of(self, alternative: object, value: object, path: Path) -> list[Finding]:
        """What is wrong by one alternative. Each is tried once at each place: alternatives of alternatives multiply."""
        key = (id(alternative), path)
        if key not in self.tried:
            trial = type(self)(self.document, self.is_valid)
            trial.steps, trial.tried = self.steps, self.tried
            trial.check(alternative, value, path)
            self.tried[key] = trial.issues
        return self.tried[key]

    def check_conditions(self, node: SchemaNode, value: object, path: Path) -> None:
        """What `allOf`, `if` and `dependentSchemas` ask of the same value."""
        parts = node.get("allOf")
        for part in parts if isinstance(parts, list) else ():
            self.check(part, value, path)
        if node.draft >= 7 and (tested := self.document.node(node.get("if"))) is not None:
            self.check(node.get("then" if self.is_valid(tested, value) else "else"), value, path)
        for keyword in ("dependentSchemas", "dependencies"):
            by_key = node.get(keyword)
            if isinstance(by_key, Mapping) and isinstance(value, Mapping):
                for key, inner in by_key.items():
                    if key in value:
                        self.check(inner, value, path)

    def item_schemas(self, node: SchemaNode, value: list[object] | tuple[object, ...]) -> Iterator[object]:
        """The schema of each item."""
        listed, rest = node.get("prefixItems"), node.get("items")
        if node.draft < 20:
            listed, rest = (rest, node.get("additionalItems")) if isinstance(rest, list) else (None, rest)
        listed = listed if isinstance(listed, list) else []
        for index in range(len(value)):
            yield listed[index] if index < len(listed) else rest

    def matching(self, node: SchemaNode, key: str) -> list[object]:
        """The schemas that `patternProperties` has for a key."""
        patterns = node.get("patternProperties")
        if not isinstance(patterns, Mapping):
            return []
        return [inner for pattern, inner in patterns.items() if schema_patterns.matches(pattern, key)]


class ZodIssues(_Walk):
    """Words as Zod does: the first thing that is wrong with a value ends the look at that value, not at the others."""

    def check_node(self, node: SchemaNode, value: object, path: Path) -> None:
        found = len(self.issues)
        for target in node.references:
            self.check(target.schema, value, path)
        if len(self.issues) > found:
            return
        alternatives = node.get("anyOf") or node.get("oneOf")
        if isinstance(alternatives, list) and not self._fits_any(alternatives, value, path):
            return
        if not self._fits_enum(node, value, path):
            return
        types = types_of({"type": node.get("type")})
        if types and not any(has_type(value, name) for name in types):
            wanted = next((name for name in types if name != "null"), types[0])
            if wanted == "integer":
                wanted = "int" if type_name(value) == "number" else "number"
            self.add(path, f"Invalid input: expected {wanted}, received {type_name(value)}")
            return
        if value is UNSET:
            return
        self.check_conditions(node, value, path)
        if isinstance(value, dict):
            self._check_object(node, value, path)
        elif isinstance(value, list | tuple):
            self._check_array(node, value, path)
        else:
            self._check_scalar(node, value, path)

    def _fits_enum(self, node: SchemaNode, value: object, path: Path) -> bool:
        if "const" in node.schema and node.draft >= 6 and not equal(node.schema["const"], value):
            self.add(path, f"Invalid input: expected {_literal(node.schema['const'])}")
            return False
        allowed = node.get("enum")
        if isinstance(allowed, list) and not any(equal(option, value) for option in allowed):
            options = "|".join(_literal(option) for option in allowed)
            self.add(path, f"Invalid option: expected one of {options}")
            return False
        return True

    def _fits_any(self, alternatives: list[object], value: object, path: Path) -> bool:
        """Whether an alternative fits. None fits: one issue for the whole.

        As Zod has it, an alternative that is the only one of the right type words its own issues.
        """
        near: list[list[Finding]] = []
        for alternative in alternatives:
            issues = self.issues_of(alternative, value, path)
            if not issues:
                return True
            if all(message.startswith(_BOUNDS) for _, message in issues):
                near.append(issues)
        if len(near) == 1:
            self.issues.extend(near[0])
        else:
            self.add(path, "Invalid input")
        return False

    def _check_object(self, node: SchemaNode, value: dict[str, object], path: Path) -> None:
        properties = node.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        required = node.get("required")
        required = required if isinstance(required, list) else []
        extra = node.get("additionalProperties")
        for key, inner in properties.items():
            if key in value:
                self.check(inner, value[key], (*path, key))
            elif key in required:
                found = len(self.issues)
                self.check(inner, UNSET, (*path, key))
                if len(self.issues) == found:
                    self._missing(path, key)
        for key in required:
            if key not in properties and key not in value:
                self._missing(path, key)
        unknown: list[str] = []
        for key in value:
            schemas = self.matching(node, key)
            for inner in schemas:
                self.check(inner, value[key], (*path, key))
            if key not in properties and not schemas:
                unknown.append(key)
        if extra is False and unknown:
            names = ", ".join(_literal(key) for key in unknown)
            self.add(path, f"Unrecognized key{'s' if len(unknown) > 1 else ''}: {names}")
        elif extra:
            for key in unknown:
                self.check(extra, value[key], (*path, key))

    def _missing(self, path: Path, key: object) -> None:
        self.add((*path, str(key)), "Invalid input: expected a value, received undefined")

    def _check_array(self, node: SchemaNode, value: list[object] | tuple[object, ...], path: Path) -> None:
        for index, inner in enumerate(self.item_schemas(node, value)):
            self.check(inner, value[index], (*path, index))
        least, most = node.get("minItems"), node.get("maxItems")
        if isinstance(least, int) and len(value) < least:
            self.add(path, f"Too small: expected array to have >={least} items")
        if isinstance(most, int) and len(value) > most:
            self.add(path, f"Too big: expected array to have <={most} items")

    def _check_scalar(self, node: SchemaNode, value: object, path: Path) -> None:
        if isinstance(value, str):
            least, most = node.get("minLength"), node.get("maxLength")
            if isinstance(least, int) and len(value) < least:
                self.add(path, f"Too small: expected string to have >={least} characters")
            if isinstance(most, int) and len(value) > most:
                self.add(path, f"Too big: expected string to have <={most} characters")
            if isinstance(pattern := node.get("pattern"), str) and not schema_patterns.matches(pattern, value):
                self.add(path, f"Invalid string: must match pattern /{pattern}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            for keyword, sign, bound in _broken_bounds(node, value):
                words = "Too small" if "inimum" in keyword else "Too big"
                self.add(path, f"{words}: expected number to be {sign}{_literal(bound)}")
            if (step := _broken_step(node, value)) is not None:
                self.add(path, f"Invalid number: must be a multiple of {_literal(step)}")


class AjvIssues(_Walk):
    """Words as Ajv does with all errors: keywords in Ajv's order (see each method), each issue at its own place."""

    refused = "boolean schema is false"

    def check_node(self, node: SchemaNode, value: object, path: Path) -> None:
        for target in node.references:
            self.check(target.schema, value, path)
        types = types_of({"type": node.get("type")})
        if types and not any(has_type(value, name) for name in types):
            # Ajv says this where the type's own keywords would come; the order differs only beside enum and const.
            self.add(path, f"must be {','.join(types)}")
        if value is UNSET:
            return
        if isinstance(value, str):
            self._check_text(node, value, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            for _, sign, bound in _broken_bounds(node, value):
                self.add(path, f"must be {sign} {_literal(bound)}")
            if (step := _broken_step(node, value)) is not None:
                self.add(path, f"must be multiple of {_literal(step)}")
        self._check_any_type(node, value, path)
        if isinstance(value, list | tuple):
            self._check_array(node, value, path)
        elif isinstance(value, dict):
            self._check_object(node, value, path)

    def _check_text(self, node: SchemaNode, value: str, path: Path) -> None:
        if isinstance(most := node.get("maxLength"), int) and len(value) > most:
            self.add(path, f"must NOT have more than {most} characters")
        if isinstance(least := node.get("minLength"), int) and len(value) < least:
            self.add(path, f"must NOT have fewer than {least} characters")
        if isinstance(pattern := node.get("pattern"), str) and not schema_patterns.matches(pattern, value):
            self.add(path, f'must match pattern "{pattern}"')

    def _check_any_type(self, node: SchemaNode, value: object, path: Path) -> None:
        if "const" in node.schema and node.draft >= 6 and not equal(node.schema["const"], value):
            self.add(path, "must be equal to constant")
        allowed = node.get("enum")
        if isinstance(allowed, list) and not any(equal(option, value) for option in allowed):
            self.add(path, "must be equal to one of the allowed values")
        for keyword in ("anyOf", "oneOf"):
            if isinstance(alternatives := node.get(keyword), list):
                self._check_alternatives(keyword, alternatives, value, path)
        self.check_conditions(node, value, path)

    def _check_alternatives(self, keyword: str, alternatives: list[object], value: object, path: Path) -> None:
        collected: list[Finding] = []
        for alternative in alternatives:
            issues = self.issues_of(alternative, value, path)
            if not issues:
                return
            collected.extend(issues[:MAX_ISSUES])
        words = "must match a schema in anyOf" if keyword == "anyOf" else "must match exactly one schema in oneOf"
        self.issues.extend([*collected[:MAX_ISSUES], (path, words)])

    def _check_array(self, node: SchemaNode, value: list[object] | tuple[object, ...], path: Path) -> None:
        if isinstance(most := node.get("maxItems"), int) and len(value) > most:
            self.add(path, f"must NOT have more than {most} items")
        if isinstance(least := node.get("minItems"), int) and len(value) < least:
            self.add(path, f"must NOT have fewer than {least} items")
        for index, inner in enumerate(self.item_schemas(node, value)):
            self.check(inner, value[index], (*path, index))

    def _check_object(self, node: SchemaNode, value: dict[str, object], path: Path) -> None:
        required = node.get("required")
        for key in required if isinstance(required, list) else ():
            if key not in value:
                self.add(path, f"must have required property '{key}'")
        properties = node.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        extra = node.get("additionalProperties")
        for key in value:
            schemas = self.matching(node, key)
            for inner in schemas:
                self.check(inner, value[key], (*path, key))
            if key not in properties and not schemas:
                if extra is False:
                    self.add(path, "must NOT have additional properties")
                else:
                    self.check(extra, value[key], (*path, key))
        for key, inner in properties.items():
            if key in value:
                self.check(inner, value[key], (*path, key))


def _broken_bounds(node: SchemaNode, value: float) -> Iterator[tuple[str, str, object]]:
    """Keyword, sign and bound of each bound that the number breaks. In draft 4 an exclusive bound is a mark."""
    for keyword, exclusive, sign in (("maximum", "exclusiveMaximum", "<"), ("minimum", "exclusiveMinimum", ">")):
        bound, other = node.get(keyword), node.get(exclusive)
        if _is_number(bound) and _breaks(value, bound, sign, is_exclusive=other is True):
            yield keyword, sign if other is True else f"{sign}=", bound
        if _is_number(other) and _breaks(value, other, sign, is_exclusive=True):
            yield exclusive, sign, other


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _breaks(value: float, bound: object, sign: str, *, is_exclusive: bool) -> bool:
    assert isinstance(bound, int | float)  # noqa: S101 (see _is_number)
    if value == bound:
        return is_exclusive
    return value > bound if sign == "<" else value < bound


def _broken_step(node: SchemaNode, value: float) -> object:
    """The `multipleOf` that the number is no multiple of; None when it is one."""
    step = node.get("multipleOf")
    if not isinstance(step, int | float) or isinstance(step, bool) or not step:
        return None
    if isinstance(value, int) and isinstance(step, int):
        return None if value % step == 0 else step
    try:
        quotient = value / step
    except OverflowError:
        return None
    if not math.isfinite(quotient):
        return None
    return None if math.isclose(quotient, round(quotient), rel_tol=1e-12, abs_tol=1e-12) else step


def _literal(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits, which a schema may well have
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
