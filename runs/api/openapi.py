"""The OpenAPI document. Routes read queries and bodies themselves, in the contract's order of checks; so what they take
is told here.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from runs.engine.definition.schema_flow import resolve

from .request import BIGGEST_PAGE

# Of each route, by the end of its path: the names of its query, a star behind those that are needed.
RUN_ID = ("runId*",)
QUERIES: dict[str, tuple[str, ...]] = {
    "/workflows": ("partial",),
    "/runs": ("page", "perPage", "fromDate", "toDate", "offset", "limit", "resourceId", "status"),
    "/runs/{run_id}": ("fields", "withNestedWorkflows"),
    "/create-run": ("runId",),
    "/start-async": ("runId",),
    "/observe": ("runId*", "offset"),
    "/stored/workflows": ("status", "authorId"),
    "/observability/traces": (
        *("page", "perPage", "field", "direction", "runId", "resourceId", "entityId", "entityName", "entityType"),
        *("spanType", "status", "traceId", "name", "tags", "metadata", "startedAt", "endedAt", "dateRange"),
    ),
    "/observability/traces/{trace_id}/branches/{span_id}": ("depth",),
} | {
    f"/{name}{way}": RUN_ID
    for name in ("start", "stream", "resume", "restart", "time-travel")
    for way in ("", "-async", "-stream", "-legacy", "-no-wait")
    if (name, way) != ("start", "-async")
}
QUERIES["/observability/traces/light"] = QUERIES["/observability/traces"]
NUMBER = {"type": "integer", "minimum": 0, "maximum": BIGGEST_PAGE}
TRUTH = {"type": "string", "enum": ["true", "false"]}
DATE = {"type": "string", "format": "date-time"}
KINDS: dict[str, dict[str, Any]] = {
    "page": NUMBER,
    "perPage": NUMBER | {"minimum": 1},
    "limit": NUMBER | {"minimum": 1},
    "offset": {"type": "integer"},  # where a stream is observed, a negative one counts from its end
    "depth": NUMBER,
    "fromDate": DATE,
    "toDate": DATE,
    "partial": TRUTH,
    "withNestedWorkflows": TRUTH,
}
TEXT = {"type": "string"}
STARTS = ("/start", "/start-async", "/stream", "/stream-legacy")
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key with the same body starts one run, however often it is sent; with another body: 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
ERRORS = {
    400: "The request does not fit; `issues` tells each place",
    401: "No token, or one that is not good any more",
    403: "The token or the account may not do that",
    404: "No such workflow, or no such run",
    409: "The run is in another state than the call needs",
    413: "The body is too large",
    415: "The body is not JSON",
    429: "Too many requests",
}
ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string"},
        "issues": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
STREAMS = ("/stream", "/stream-legacy", "/observe", "/resume-stream", "/time-travel-stream")
DEEPEST_EXAMPLE = 6
LARGEST_EXAMPLE = 500  # parts


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


def document(schema: dict[str, Any], inputs: Mapping[str, object]) -> dict[str, Any]:
    """The document with queries, answers and errors. `inputs`: the input schemas of the reader's workflows, by id."""
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    schema["security"] = [{"token": []}]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _tell(path, method, operation, inputs)
    return schema


def _tell(path: str, method: str, operation: dict[str, Any], inputs: Mapping[str, object]) -> None:
    end = path.removeprefix("/api").replace("/workflows/{workflow_id}", "", 1) or path
    if method != "post" or end not in ("/stored/workflows",):
        names = QUERIES.get(end, ()) if method in ("get", "post") else ()
        operation.setdefault("parameters", []).extend(_parameter(name) for name in names)
    kind = "text/plain" if end in STREAMS else "application/json"
    operation["responses"] = {"200": {"description": "OK", "content": {kind: {}}}}
    for status, words in ERRORS.items():
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        operation["responses"][str(status)] = {"description": words, "content": content}
    operation["responses"]["429"]["headers"] = RETRY_AFTER
    if end in STARTS:
        operation["parameters"].append(IDEMPOTENCY_KEY)
    first = next(iter(inputs), None)
    if first is None:
        return
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "workflow_id":
            parameter["examples"] = {workflow_id: {"value": workflow_id} for workflow_id in inputs}
    if end in ("/start", "/start-async", "/stream") and "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        content["examples"] = {
            workflow_id: {"value": {"inputData": example_of(each)}} for workflow_id, each in inputs.items()
        }


def _parameter(name: str) -> dict[str, Any]:
    plain = name.rstrip("*")
    return {"in": "query", "name": plain, "required": name.endswith("*"), "schema": KINDS.get(plain, TEXT)}


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
            needed = schema.get("required")
            names = needed if isinstance(needed, list) else properties
            return {str(name): self.of(properties.get(name), depth + 1) for name in names}
        return {
            "string": "text",
            "integer": schema.get("minimum", 1),
            "number": 1.5,
            "boolean": True,
            "null": None,
        }.get(str(schema.get("type")), {})
