"""Which Pydantic schemas make a copy of all that they read, so that nothing else has to.

A model of texts, numbers, lists and other models is built from copies of its input. A field of any type, or a
validator of an author, may pass on the very list that it got.
"""

from collections.abc import Iterator, Mapping

# By type of core schema: those that give what cannot be changed, or a copy of it.
_LEAVES = frozenset(
    {"none", "bool", "int", "float", "decimal", "str", "bytes", "date", "time", "datetime", "timedelta", "uuid", "url"}
    | {"multi-host-url", "literal", "enum", "definition-ref"}
)
_KNOWN = frozenset(
    {"list", "set", "frozenset", "tuple", "dict", "nullable", "default", "union", "tagged-union", "definitions"}
    | {"model", "model-fields", "model-field", "typed-dict", "typed-dict-field"}
)


def copies(schema: Mapping[str, object]) -> bool:
    """Whether what this core schema reads shares nothing that can be changed with what it was given."""
    kind = schema.get("type")
    if kind in _LEAVES:
        return True
    if kind not in _KNOWN or schema.get("custom_init"):
        return False
    if kind in ("list", "set", "frozenset") and "items_schema" not in schema:
        return False
    if kind == "dict" and not ("keys_schema" in schema and "values_schema" in schema):
        return False
    if schema.get("extra_behavior") == "allow" or _config_allows(schema):
        return False
    return all(copies(inner) for inner in inner_schemas(schema))


def _config_allows(schema: Mapping[str, object]) -> bool:
    """Whether a model keeps fields that it does not know, of any type."""
    config = schema.get("config")
    return isinstance(config, Mapping) and config.get("extra_fields_behavior") == "allow"


def inner_schemas(schema: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The schemas right within this one."""
    for key in ("schema", "items_schema", "keys_schema", "values_schema"):
        inner = schema.get(key)
        if isinstance(inner, Mapping):
            yield inner
        elif isinstance(inner, list):  # of a tuple
            yield from inner
    for key in ("fields", "choices", "definitions"):
        found = schema.get(key, ())
        for member in found.values() if isinstance(found, Mapping) else found:  # type: ignore[attr-defined]
            yield member[0] if isinstance(member, tuple) else member  # a choice may have a label
