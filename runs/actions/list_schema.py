"""The schema of a list, made of the schema of its items."""

from collections.abc import Mapping

ITEM = "item"
# Their values are data, which may look like a schema.
DATA = frozenset({"const", "enum", "default", "examples"})
# Their keys are names, which may look like keywords.
NAMES = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})


def list_of(schema: Mapping[str, object]) -> dict[str, object]:
    """The schema of a list of such items. References of the item's schema lead to where it is now."""
    listed: dict[str, object] = {"type": "array", "items": {"$ref": f"#/$defs/{ITEM}"}, "$defs": {ITEM: _moved(schema)}}
    if "$schema" in schema:
        listed["$schema"] = schema["$schema"]
    return listed


def _moved(part: object, *, names: bool = False) -> object:
    if isinstance(part, list):
        return [_moved(each) for each in part]
    if not isinstance(part, Mapping):
        return part
    moved: dict[str, object] = {}
    for key, value in part.items():
        if names:
            moved[key] = _moved(value)
        elif key == "$ref" and isinstance(value, str) and (value == "#" or value.startswith("#/")):
            moved[key] = f"#/$defs/{ITEM}{value[1:]}"
        else:
            moved[key] = value if key in DATA else _moved(value, names=key in NAMES)
    return moved
