"""Reads a value by a JSON Schema, in one of two ways.

Reading (`parses`) fills in defaults and drops unknown keys, and words its issues as the Zod library does. Checking
changes nothing and words its issues as Ajv does. The usual keywords are walked here, since no validator fills in
defaults; what else a schema asks (`format`, `if`, `dependentRequired` …) is left to jsonschema-rs, on the value read.
"""

import math
import re
from collections.abc import Iterator, Mapping

import orjson

from .errors import InvalidWorkflow, NotJson
from .json_value import same_json, to_json
from .undefined import UNSET

Path = tuple[str | int, ...]
Finding = tuple[Path, str]

_BOUNDS = ("Too small", "Too big", "Invalid string", "Invalid number")  # the value is of the right type
# What is walked here, beside words that check nothing.
_WALKED = {"type", "enum", "const", "anyOf", "default", "$ref"}
_WALKED |= {"properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
_WALKED |= {"minLength", "maxLength", "pattern"}
_WALKED |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_WORDS = {"title", "description", "examples", "deprecated", "readOnly", "writeOnly"}
_WORDS |= {"$schema", "$id", "$defs", "definitions", "$comment"}


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


class JsonSchema:
    """A JSON Schema, compiled once."""

    __slots__ = ("_document", "_parses", "_rest")

    def __init__(self, document: dict[str, object], *, parses: bool) -> None:
        """Raises InvalidWorkflow for a schema that is broken."""
        import jsonschema_rs  # only now: a workflow without such schemas starts sooner

        self._document = document
        self._parses = parses
        self._rest: jsonschema_rs.Validator | None = None

        try:
            validator = jsonschema_rs.validator_for(document, validate_formats=True)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise InvalidWorkflow(f"The JSON Schema is broken: {getattr(error, 'message', error)}.") from error
        if _needs_more(document):
            self._rest = validator

    def parse(self, value: object) -> tuple[object, list[Finding]]:
        """The value as the schema reads it, and all that is wrong with it, in the order of the schema."""
        if value is not UNSET:
            try:
                value = _plain(value)
            except NotJson as error:
                return value, [((), str(error))]
        issues: list[Finding] = []
        if self._parses:
            value = _Reader(self._document, issues).read(self._document, value, ())
        else:
            _Checker(self._document, issues).check(self._document, value, ())
        if not issues and self._rest is not None and value is not UNSET:
            issues = [(tuple(error.instance_path), error.message) for error in self._rest.iter_errors(value)]
        return value, issues


def _plain(value: object) -> object:
    """Plain JSON data; models and tuples are turned into what they hold, plain containers are left alone."""
    return value if isinstance(value, dict | list | str | int | float | None) else to_json(value)


def _needs_more(schema: object) -> bool:
    """Whether a schema asks anything that is not walked here."""
    if not isinstance(schema, Mapping):
        return schema is False
    for key, value in schema.items():
        if key == "properties" or key in ("$defs", "definitions"):
            if isinstance(value, Mapping) and any(_needs_more(inner) for inner in value.values()):
                return True
        elif key in ("items", "additionalProperties"):
            if isinstance(value, Mapping) and _needs_more(value):
                return True
        elif key == "anyOf":
            if isinstance(value, list) and any(_needs_more(inner) for inner in value):
                return True
        elif key not in _WALKED and key not in _WORDS and not key.startswith("x-"):
            return True
    return False


class _Walker:
    """What reading and checking share: the document for `$ref`, and the list that issues go to."""

    def __init__(self, document: Mapping[str, object], issues: list[Finding]) -> None:
        self.document = document
        self.issues = issues

    def resolve(self, schema: Mapping[str, object]) -> Mapping[str, object]:
        """The schema behind a local `$ref`, with the keywords beside the reference."""
        seen: set[str] = set()
        while isinstance(reference := schema.get("$ref"), str) and reference.startswith("#") and reference not in seen:
            seen.add(reference)
            target: object = self.document
            for part in reference[1:].split("/")[1:]:
                part = part.replace("~1", "/").replace("~0", "~")
                target = target.get(part) if isinstance(target, Mapping) else None
            if not isinstance(target, Mapping):
                break
            schema = {**target, **{key: item for key, item in schema.items() if key != "$ref"}}
        return schema


class _Reader(_Walker):
    """Reads as Zod does: the first thing that is wrong with a value ends the look at that value, not at the others."""

    def read(self, schema: object, value: object, path: Path) -> object:
        """The value with defaults filled in and unknown keys dropped; issues go to the list."""
        if not isinstance(schema, Mapping):
            return value
        schema = self.resolve(schema)
        if value is UNSET and "default" in schema:
            return _copied(schema["default"])
        if isinstance(alternatives := schema.get("anyOf") or schema.get("oneOf"), list):
            return self._read_any(alternatives, value, path)
        if not self._fits_enum(schema, value, path):
            return value
        types = types_of(schema)
        if types and not any(has_type(value, name) for name in types):
            self._wrong_type(types, value, path)
            return value
        if value is UNSET:
            return value
        parts = schema.get("allOf")
        for part in parts if isinstance(parts, list) else ():
            value = self.read(part, value, path)
        if isinstance(value, dict):
            return self._read_object(schema, value, path)
        if isinstance(value, list):
            return self._read_array(schema, value, path)
        self._check_scalar(schema, value, path)
        return value

    def _wrong_type(self, types: tuple[str, ...], value: object, path: Path) -> None:
        wanted = next((name for name in types if name != "null"), types[0])
        if wanted == "integer":
            wanted = "int" if type_name(value) == "number" else "number"
        self.issues.append((path, f"Invalid input: expected {wanted}, received {type_name(value)}"))

    def _fits_enum(self, schema: Mapping[str, object], value: object, path: Path) -> bool:
        if "const" in schema and not _equal(schema["const"], value):
            self.issues.append((path, f"Invalid input: expected {_literal(schema['const'])}"))
            return False
        allowed = schema.get("enum")
        if isinstance(allowed, list) and not any(_equal(option, value) for option in allowed):
            options = "|".join(_literal(option) for option in allowed)
            self.issues.append((path, f"Invalid option: expected one of {options}"))
            return False
        return True

    def _read_any(self, alternatives: list[object], value: object, path: Path) -> object:
        """The reading of the first alternative that fits. None fits: one issue for the whole.

        As Zod has it, an alternative that is the only one of the right type tells its own issues.
        """
        near: list[tuple[object, list[Finding]]] = []
        for alternative in alternatives:
            trial = _Reader(self.document, [])
            found = trial.read(alternative, value, path)
            if not trial.issues:
                return found
            if all(message.startswith(_BOUNDS) for _, message in trial.issues):
                near.append((found, trial.issues))
        if len(near) == 1:
            self.issues.extend(near[0][1])
            return near[0][0]
        self.issues.append((path, "Invalid input"))
        return value

    def _read_object(self, schema: Mapping[str, object], value: dict[str, object], path: Path) -> object:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        required = schema.get("required")
        required = required if isinstance(required, list) else []
        extra = schema.get("additionalProperties")  # None: drop unknown keys, unless the schema names no key at all
        if extra is None and ("properties" not in schema or "allOf" in schema or "patternProperties" in schema):
            extra = True
        result: dict[str, object] = {}
        for key, inner in properties.items():
            given = value.get(key, UNSET)
            if given is UNSET and key not in required and not _has_default(self.resolve(inner), inner):
                continue
            read = self.read(inner, given, (*path, key))
            if read is not UNSET:
                result[key] = read
        for key in required:
            if key not in properties and key not in value:
                self.issues.append(((*path, str(key)), "Invalid input: expected a value, received undefined"))
        unknown = [key for key in value if key not in properties]
        if extra is False and unknown and "patternProperties" not in schema:
            names = ", ".join(_literal(key) for key in unknown)
            self.issues.append((path, f"Unrecognized key{'s' if len(unknown) > 1 else ''}: {names}"))
        elif extra:
            for key in unknown:
                result[key] = self.read(extra, value[key], (*path, key))
        return {key: result[key] for key in value if key in result} | result

    def _read_array(self, schema: Mapping[str, object], value: list[object], path: Path) -> object:
        items = schema.get("items")
        read = [self.read(items, item, (*path, index)) for index, item in enumerate(value)]
        least, most = schema.get("minItems"), schema.get("maxItems")
        if isinstance(least, int) and len(value) < least:
            self.issues.append((path, f"Too small: expected array to have >={least} items"))
        if isinstance(most, int) and len(value) > most:
            self.issues.append((path, f"Too big: expected array to have <={most} items"))
        return read

    def _check_scalar(self, schema: Mapping[str, object], value: object, path: Path) -> None:
        if isinstance(value, str):
            least, most = schema.get("minLength"), schema.get("maxLength")
            if isinstance(least, int) and len(value) < least:
                self.issues.append((path, f"Too small: expected string to have >={least} characters"))
            if isinstance(most, int) and len(value) > most:
                self.issues.append((path, f"Too big: expected string to have <={most} characters"))
            if isinstance(pattern := schema.get("pattern"), str) and not _matches(pattern, value):
                self.issues.append((path, f"Invalid string: must match pattern /{pattern}/"))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            for keyword, sign, holds in _bounds(schema, value):
                if not holds:
                    words = "Too small" if ">" in sign else "Too big"
                    bound = _literal(schema[keyword])
                    self.issues.append((path, f"{words}: expected number to be {sign}{bound}"))
            step = schema.get("multipleOf")
            if isinstance(step, int | float) and not _is_multiple(value, step):
                self.issues.append((path, f"Invalid number: must be a multiple of {_literal(step)}"))


class _Checker(_Walker):
    """Checks as Ajv does with all errors: keywords in Ajv's order (see each method), each issue at its own place."""

    def check(self, schema: object, value: object, path: Path) -> None:
        """Issues go to the list; the value stays as it is."""
        if not isinstance(schema, Mapping):
            return
        schema = self.resolve(schema)
        types = types_of(schema)
        if types and not any(has_type(value, name) for name in types):
            # Ajv says this where the type's own keywords would come; the order differs only beside enum and const.
            self.issues.append((path, f"must be {','.join(types)}"))
        if value is UNSET:
            return
        if isinstance(value, str):
            self._check_text(schema, value, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._check_number(schema, value, path)
        self._check_any_type(schema, value, path)
        if isinstance(value, list):
            self._check_array(schema, value, path)
        elif isinstance(value, dict):
            self._check_object(schema, value, path)

    def _check_number(self, schema: Mapping[str, object], value: float, path: Path) -> None:
        for keyword, sign, holds in _bounds(schema, value):
            if not holds:
                self.issues.append((path, f"must be {sign} {_literal(schema[keyword])}"))
        step = schema.get("multipleOf")
        if isinstance(step, int | float) and not _is_multiple(value, step):
            self.issues.append((path, f"must be multiple of {_literal(step)}"))

    def _check_text(self, schema: Mapping[str, object], value: str, path: Path) -> None:
        if isinstance(most := schema.get("maxLength"), int) and len(value) > most:
            self.issues.append((path, f"must NOT have more than {most} characters"))
        if isinstance(least := schema.get("minLength"), int) and len(value) < least:
            self.issues.append((path, f"must NOT have fewer than {least} characters"))
        if isinstance(pattern := schema.get("pattern"), str) and not _matches(pattern, value):
            self.issues.append((path, f'must match pattern "{pattern}"'))

    def _check_any_type(self, schema: Mapping[str, object], value: object, path: Path) -> None:
        if "const" in schema and not _equal(schema["const"], value):
            self.issues.append((path, "must be equal to constant"))
        allowed = schema.get("enum")
        if isinstance(allowed, list) and not any(_equal(option, value) for option in allowed):
            self.issues.append((path, "must be equal to one of the allowed values"))
        if isinstance(alternatives := schema.get("anyOf"), list):
            collected: list[Finding] = []
            for alternative in alternatives:
                trial = _Checker(self.document, [])
                trial.check(alternative, value, path)
                if not trial.issues:
                    return
                collected.extend(trial.issues)
            self.issues.extend([*collected, (path, "must match a schema in anyOf")])

    def _check_array(self, schema: Mapping[str, object], value: list[object], path: Path) -> None:
        if isinstance(most := schema.get("maxItems"), int) and len(value) > most:
            self.issues.append((path, f"must NOT have more than {most} items"))
        if isinstance(least := schema.get("minItems"), int) and len(value) < least:
            self.issues.append((path, f"must NOT have fewer than {least} items"))
        for index, item in enumerate(value):
            self.check(schema.get("items"), item, (*path, index))

    def _check_object(self, schema: Mapping[str, object], value: dict[str, object], path: Path) -> None:
        required = schema.get("required")
        for key in required if isinstance(required, list) else ():
            if key not in value:
                self.issues.append((path, f"must have required property '{key}'"))
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        extra = schema.get("additionalProperties", True)
        for key in value:
            if key not in properties and "patternProperties" not in schema:
                if extra is False:
                    self.issues.append((path, "must NOT have additional properties"))
                else:
                    self.check(extra, value[key], (*path, key))
        for key, inner in properties.items():
            if key in value:
                self.check(inner, value[key], (*path, key))


def _bounds(schema: Mapping[str, object], value: float) -> Iterator[tuple[str, str, bool]]:
    """Keyword, sign and whether it holds, for each bound that a schema sets."""
    if isinstance(bound := schema.get("maximum"), int | float):
        yield "maximum", "<=", value <= bound
    if isinstance(bound := schema.get("minimum"), int | float):
        yield "minimum", ">=", value >= bound
    if isinstance(bound := schema.get("exclusiveMaximum"), int | float):
        yield "exclusiveMaximum", "<", value < bound
    if isinstance(bound := schema.get("exclusiveMinimum"), int | float):
        yield "exclusiveMinimum", ">", value > bound


def _is_multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0 if step else True
    quotient = value / step if step else 0.0
    return math.isclose(quotient, round(quotient), rel_tol=1e-12, abs_tol=1e-12)


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # valid in JavaScript, not here: the Rust validator looks at it instead
        import jsonschema_rs

        return bool(jsonschema_rs.is_valid({"pattern": pattern}, value))


def _equal(a: object, b: object) -> bool:
    """Equality of JSON Schema: 1 and 1.0 are equal, true and 1 are not."""
    if isinstance(a, int | float) and isinstance(b, int | float) and not isinstance(a, bool) | isinstance(b, bool):
        return a == b
    return same_json(a, b)


def _literal(value: object) -> str:
    return orjson.dumps(value).decode()


def _has_default(resolved: Mapping[str, object], schema: object) -> bool:
    return isinstance(schema, Mapping) and "default" in resolved


def _copied(value: object) -> object:
    """A default of its own for each value: steps may change what they get."""
    return orjson.loads(orjson.dumps(value)) if isinstance(value, dict | list) else value
