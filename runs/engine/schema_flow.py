"""Whether one JSON Schema's values can go where another one is asked for, as far as that can be told for sure.

What is not known is never an issue: an empty schema fits everything, and so does a property that nobody describes.
"""

from collections.abc import Mapping

from .json_types import type_name, types_of
from .undefined import UNSET, Unset

JsonObject = Mapping[str, object]
Known = JsonObject | None  # None: nothing is known


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
    """The schema of what stands under a dotted path: None when unknown, UNSET when nothing can stand there."""
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
    if "allOf" in schema or not types:
        return None
    if "object" in types and isinstance(properties := schema.get("properties"), Mapping):
        if part in properties:
            return resolve(root, properties[part])
        extra = schema.get("additionalProperties", False)
        return (resolve(root, extra) if isinstance(extra, Mapping) else None) if extra else UNSET
    if "array" in types and (part.isdecimal() or part == "length"):
        return {"type": "number"} if part == "length" else resolve(root, schema.get("items"))
    return None if "object" in types else UNSET


def resolve(root: Known, schema: object) -> Known:
    """A schema with its local `$ref` followed; None for what is not a schema that says something."""
    for _ in range(20):
        if not isinstance(schema, Mapping) or not schema:
            return None
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target: object = root
        for part in reference.lstrip("#").split("/")[1:]:
            target = target.get(part) if isinstance(target, Mapping) else None
        schema = target
    return None


def misfit(source: Known, target: Known, *, at: str = "") -> str | None:
    """Why values of `source` can never be taken where `target` is asked for, in one sentence; None when they may."""
    return _misfit(source, source, target, target, at)


def _misfit(source_root: Known, source: object, target_root: Known, target: object, at: str) -> str | None:
    source, target = resolve(source_root, source), resolve(target_root, target)
    if source is None or target is None:
        return None
    for one, is_source in ((source, True), (target, False)):
        if isinstance(alternatives := one.get("anyOf") or one.get("oneOf"), list):
            found = [
                _misfit(source_root, item, target_root, target, at)
                if is_source
                else _misfit(source_root, source, target_root, item, at)
                for item in alternatives
            ]
            return found[0] if found and all(found) else None
    given, wanted = types_of(source), types_of(target)
    fitting = [name for name in given if name in wanted or (name == "integer" and "number" in wanted)]
    fitting += [name for name in given if name == "number" and "integer" in wanted]
    if given and wanted and not fitting:
        return f"{at or 'The value'} is {' or '.join(given)}, but {' or '.join(wanted)} is asked for."
    if "object" in fitting:
        return _object_misfit(source_root, source, target_root, target, at)
    if "array" in fitting:
        return _misfit(source_root, source.get("items"), target_root, target.get("items"), f"{at}.0" if at else "0")
    return None


def _object_misfit(
    source_root: Known, source: JsonObject, target_root: Known, target: JsonObject, at: str
) -> str | None:
    given, wanted = source.get("properties"), target.get("properties")
    if not isinstance(given, Mapping):
        return None
    wanted = wanted if isinstance(wanted, Mapping) else {}
    required = target.get("required")
    for key in required if isinstance(required, list) else ():
        described = resolve(target_root, wanted.get(key))
        has_default = described is not None and "default" in described
        if key not in given and not source.get("additionalProperties") and not has_default:
            return f"{f'{at}.{key}' if at else key} is asked for, but is never there."
    for key, inner in given.items():
        if key in wanted and (
            found := _misfit(source_root, inner, target_root, wanted[key], f"{at}.{key}" if at else key)
        ):
            return found
    return None
