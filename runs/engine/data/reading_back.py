"""Whether a Pydantic schema takes what it has written itself, and reads the same from it again."""

from collections.abc import Mapping

from .schema_copies import inner_schemas

# By type of core schema: those whose JSON form is read as the same value again, for whatever value.
_SAFE = frozenset(
    {"none", "bool", "int", "float", "decimal", "str", "bytes", "date", "time", "datetime", "timedelta", "uuid", "url"}
    | {"multi-host-url", "literal", "enum", "definition-ref", "list", "set", "frozenset", "tuple", "dict", "nullable"}
    | {"default", "definitions", "model", "model-fields", "model-field", "typed-dict", "typed-dict-field"}
)
_OWN_CODE = ("serialization", "custom_init", "post_init", "root_model", "computed_fields", "serialization_exclude")


def reads_back(schema: Mapping[str, object]) -> bool:
    """Whether it is certain without a value: no code of its own, no name or field that is only read or only written."""
    if schema.get("type") not in _SAFE or any(schema.get(key) for key in _OWN_CODE):
        return False
    if schema.get("strict") or schema.get("extra_behavior") == "allow":
        return False
    config = schema.get("config")
    if isinstance(config, Mapping) and (config.get("strict") or config.get("extra_fields_behavior") == "allow"):
        return False
    if schema.get("validation_alias") != schema.get("serialization_alias"):
        return False
    return all(reads_back(inner) for inner in inner_schemas(schema))
