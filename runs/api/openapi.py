"""The OpenAPI document, from the routes and from Pydantic's JSON Schemas of the queries and bodies that they check."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .router import JSON, Route
from .schema_example import example_of

INFO = {
    "title": "wfconsole",
    "version": "1",
    "description": "Workflows and their runs. Send a token as `Authorization: Bearer ...`; make one at /me/tokens/.",
}
REFERENCE = "#/components/schemas/{model}"
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key with the same body starts one run, however often it is sent; with another body: 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
ERRORS = {
    400: "The request does not fit; `issues` names each place",
    401: "No token, or one that is no longer valid",
    403: "The token or the account may not do that",
    404: "No such workflow, or no such run",
    409: "The run is in another state than the call needs",
    413: "The body is too large",
    415: "The body is not JSON",
    429: "Too many requests",
}


class Issue(BaseModel):
    field: str
    message: str


class Error(BaseModel):
    error: str
    issues: list[Issue] | None = None


def document(routes: Iterable[Route], inputs: Mapping[str, object]) -> dict[str, Any]:
    """The document. `inputs`: the input schemas of the reader's workflows by id, for its examples."""
    routes = list(routes)
    bodies = {model for route in routes if (model := route.model_of("body")) is not None}
    models = sorted(bodies, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in [Error, *models]], ref_template=REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(f"/api{route.path}", {})[route.method.lower()] = _operation(route, inputs)
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, inputs: Mapping[str, object]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.view.__name__,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route, inputs),
        "responses": _responses(route.media_type),
    }
    model = route.model_of("body")
    if model is not None:
        content: dict[str, Any] = {"schema": _reference(model)}
        if "inputData" in model.model_fields and route.takes_idempotency_key and inputs:
            content["examples"] = {key: {"value": {"inputData": example_of(each)}} for key, each in inputs.items()}
        operation["requestBody"] = {"required": False, "content": {JSON: content}}
    return operation


def _parameters(route: Route, inputs: Mapping[str, object]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in re.findall(r"{(\w+)}", route.path):
        parameter = {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        if name == "workflow_id" and inputs:
            parameter["examples"] = {workflow_id: {"value": workflow_id} for workflow_id in inputs}
        parameters.append(parameter)
    if (query := route.model_of("query")) is not None:
        schema = query.model_json_schema()
        for name, each in schema["properties"].items():
            form = {key: value for key, value in each.items() if key not in ("title", "default")}
            required = name in schema.get("required", ())
            parameters.append({"in": "query", "name": name, "required": required, "schema": form})
    if route.takes_idempotency_key:
        parameters.append(IDEMPOTENCY_KEY)
    return parameters


def _responses(media_type: str) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "OK", "content": {media_type: {}}}}
    for status, words in ERRORS.items():
        responses[str(status)] = {"description": words, "content": {JSON: {"schema": _reference(Error)}}}
    responses["429"]["headers"] = RETRY_AFTER
    return responses


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)}
