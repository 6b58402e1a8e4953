"""What the OpenAPI document says of bodies: routes read them themselves, in the contract's order of checks."""

from typing import Any

from pydantic import BaseModel


def body(model: type[BaseModel]) -> dict[str, Any]:
    """The body of a route, for `openapi_extra`."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for definition in schema.pop("$defs", {}).values():
        definition.pop("title", None)
        _put_in(schema, definition)
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}}


def _put_in(schema: dict[str, Any], definition: dict[str, Any]) -> None:
    """The one nested model, tracing options, in its place: the document needs no reference then."""
    for name, each in schema.get("properties", {}).items():
        if any("$ref" in option for option in each.get("anyOf", ())):
            schema["properties"][name] = {"anyOf": [definition, {"type": "null"}]}
