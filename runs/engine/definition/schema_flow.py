"""Whether one JSON Schema's values can go where another one is asked for, as far as that is certain.

What is not known is never an issue: an empty schema fits everything, and so does a property without a schema. Each
pair of schemas is compared once, up to a number of pairs, since schemas may refer to themselves.
"""

from collections.abc import Mapping
from urllib.parse import unquote

from ..data.json_types import type_name, types_of
from ..data.undefined import UNSET, Unset

JsonObject = Mapping[str, object]
Known = JsonObject | None  # None: nothing is known
MAX_PAIRS = 10_000  # of schemas that are compared
MAX_REFERENCES = 20  # that follow each other

# What asks more of the same value, so that `properties` does not name all keys.
_COMPOSING = {"allOf", "anyOf", "oneOf", "if", "dependentSchemas", "dependencies", "patternProperties"}
_COMPOSING |= {"unevaluatedProperties", "propertyNames"}
# What may be beside `$ref` without asking anything of the value.
_NOTES = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$ref"}
_NOTES |= {"$defs", "definitions", "$schema"}


def schema_of(value: object) -> JsonObject:
    """The schema of a constant."""
    if isinstance(value, Mapping):
        return {
            "type": "object",
            "properties": {key: schema_of(item) for key, item in value.items()},
            "required": list(value),
        }
    if isinstance(value, list):
        return {"type": "array", "items": schema_of(value[0]) if value else {}}
    return {"type": type_name(value), "const": value}


def at_path(schema: Known, path: str) -> JsonObject | Unset | None:
    """Return the schema of the value under a dotted path: None when unknown, UNSET when there can be no value."""
    found: Known | Unset = resolve(schema, schema)
    for part in () if path in ("", ".") else path.split("."):
        found = _below(schema, found, part)
        if found is None or found is UNSET:
            return found
    return found


def _below(root: Known, schema: Known | Unset, part: str) -> Known | Unset:
    if not isinstance(schema, Mapping):
        return None
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(alternatives, list):
        found = [_below(root, resolve(root, item), part) for item in alternatives]
        return UNSET if found and all(item is UNSET for item in found) else None
    types = types_of(schema)
    if not types or any(word in schema for word in ("allOf", "if", "prefixItems")):
        return None
    if "object" in types and isinstance(properties := schema.get("properties"), Mapping):
        if part in properties:
            return resolve(root, properties[part])
        if not _names_all_keys(root, schema):
            extra = schema.get("additionalProperties")
            return resolve(root, extra) if isinstance(extra, Mapping) else None
        return UNSET
    if "array" in types and (part.isdecimal() or part == "length"):
        return {"type": "number"} if part == "length" else resolve(root, schema.get("items"))
    return None if "object" in types else UNSET


def resolve(root: Known, schema: object) -> Known:
    """A schema with its local `$ref` followed; None for what is not a schema that says something."""
    for _ in range(MAX_REFERENCES):
        if not isinstance(schema, Mapping) or not schema:
            return None
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        if not reference.startswith("#") or any(key not in _NOTES and not key.startswith("x-") for key in schema):
            return None
        target: object = root
        for part in unquote(reference[1:]).split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            target = target.get(part) if isinstance(target, Mapping) else None
        schema = target if reference == "#" or reference.startswith("#/") else None
    return None


def _names_all_keys(root: Known, schema: JsonObject) -> bool:
    """Whether an object of this schema has no keys but those of `properties`, once it is read (see schema_reading)."""
    if schema.get("additionalProperties") is False:
        return "patternProperties" not in schema
    is_plain = "additionalProperties" not in schema and not any(word in schema for word in _COMPOSING)
    return is_plain and root is not None and "$schema" not in root


def misfit(source: Known, target: Known, *, at: str = "") -> str | None:
    """Why values of `source` can never be taken where `target` is asked for, in one sentence; None when they may."""
    return _Comparison(source, target).of(source, target, at)


class _Comparison:
    """One comparison of two documents. `$ref` is read from the roots."""

    def __init__(self, source_root: Known, target_root: Known) -> None:
        self._source_root = source_root
        self._target_root = target_root
        self._seen: set[tuple[int, int]] = set()

    def of(self, source: object, target: object, at: str) -> str | None:
        """See misfit(). A pair that was compared before, or is being compared, gives no new reason."""
        source, target = resolve(self._source_root, source), resolve(self._target_root, target)
        if source is None or target is None or (id(source), id(target)) in self._seen or len(self._seen) > MAX_PAIRS:
            return None
        self._seen.add((id(source), id(target)))
        for one, is_source in ((source, True), (target, False)):
            if isinstance(alternatives := one.get("anyOf") or one.get("oneOf"), list):
                found = [self.of(item, target, at) if is_source else self.of(source, item, at) for item in alternatives]
                return found[0] if found and all(found) else None
        given, wanted = types_of(source), types_of(target)
        fitting = [name for name in given if name in wanted or (name == "integer" and "number" in wanted)]
        fitting += [name for name in given if name == "number" and "integer" in wanted]
        if given and wanted and not fitting:
            return f"{at or 'The value'} is {' or '.join(given)}, but {' or '.join(wanted)} is asked for."
        if "object" in fitting:
            return self._of_objects(source, target, at)
        if "array" in fitting and "prefixItems" not in source and "prefixItems" not in target:
            return self.of(source.get("items"), target.get("items"), f"{at}.0" if at else "0")
        return None

    def _of_objects(self, source: JsonObject, target: JsonObject, at: str) -> str | None:
        given, wanted = source.get("properties"), target.get("properties")
        if not isinstance(given, Mapping):
            return None
        wanted = wanted if isinstance(wanted, Mapping) else {}
        required = target.get("required")
        for key in required if isinstance(required, list) else ():
            described = resolve(self._target_root, wanted.get(key))
            has_default = described is not None and "default" in described
            if key not in given and _names_all_keys(self._source_root, source) and not has_default:
                return f"{f'{at}.{key}' if at else key} is asked for, but is never there."
        for key, inner in given.items():
            if key in wanted and (found := self.of(inner, wanted[key], f"{at}.{key}" if at else key)):
                return found
        return None
