"""A value that shows the form of a JSON Schema, for the documentation."""

from collections.abc import Mapping

from runs.engine.definition.schema_flow import resolve

DEEPEST_EXAMPLE = 6  # levels
LARGEST_EXAMPLE = 500  # parts


def example_of(schema: object) -> object:
    """A value that shows a schema's form; whether it fits every rule of it is not promised."""
    return _Example(schema).of(schema, 0)


class _Example:
    """One example, of a bounded number of parts: schemas may refer to each other without end."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._parts = LARGEST_EXAMPLE

    def of(self, schema: object, depth: int) -> object:
        if not isinstance(schema, Mapping) or depth > DEEPEST_EXAMPLE or self._parts <= 0:
            return {}
        self._parts -= 1
        if "$ref" in schema:
            return self.of(resolve(self._root if isinstance(self._root, Mapping) else None, schema), depth + 1)
        for key in ("default", "const"):
            if key in schema:
                return schema[key]
        for key in ("examples", "enum"):
            if isinstance(listed := schema.get(key), list) and listed:
                return listed[0]
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(listed := schema.get(key), list) and listed:
                return self.of(listed[0], depth + 1)
        if schema.get("type") == "array":
            return [self.of(schema.get("items", {}), depth + 1)]
        if isinstance(properties := schema.get("properties"), Mapping):
            required = schema.get("required")
            names = required if isinstance(required, list) else properties
            return {str(name): self.of(properties.get(name), depth + 1) for name in names}
        return {
            "string": "text",
            "integer": schema.get("minimum", 1),
            "number": 1.5,
            "boolean": True,
            "null": None,
        }.get(str(schema.get("type")), {})
