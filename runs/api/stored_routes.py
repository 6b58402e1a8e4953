"""Workflows made from data: to list, to store, to read, to delete."""

from typing import Annotated, Any

from django.http import HttpResponse
from pydantic import Field

from runs.catalog import definitions
from runs.catalog.definitions import InUse, Outdated
from runs.engine.definition.definition import InvalidDefinition
from runs.models import WorkflowDefinition
from runs.models.api_token import Scope

from .auth import Caller
from .errors import ApiError, InvalidBody
from .request import ApiBody, ApiQuery, OneOf, Text
from .router import ApiRequest, Router
from .shapes import iso_time, json_response

router = Router("stored workflows")


class DefinitionBody(ApiBody):
    """What every definition has; what is in its graph is checked with everything else of it."""

    id: str = Field(min_length=1)
    description: str | None = None
    metadata: dict[str, Any] | None = None
    inputSchema: dict[str, Any]
    outputSchema: dict[str, Any]
    stateSchema: dict[str, Any] | None = None
    requestContextSchema: dict[str, Any] | None = None
    graph: list[Any]
    dependencies: list[Any] | None = None


class StoredQuery(ApiQuery):
    authorId: Text = None
    status: Annotated[str | None, OneOf("active", "archived")] = None  # absent: active


@router.get("/stored/workflows", summary="All definitions")
def list_stored(request: ApiRequest, query: StoredQuery) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.READ)
    stored = WorkflowDefinition.objects.dynamic().with_current().order_by("pk")
    stored = stored.filter(enabled=query.status != "archived")
    if query.authorId is not None:
        stored = stored.filter(current__created_by__username=query.authorId)
    forms = [_form(each) for each in stored if caller.reaches(each.pk)]
    return json_response({"workflows": forms, "total": len(forms)})


@router.post("/stored/workflows", summary="Store a definition, usable at once")
def store(request: ApiRequest, body: DefinitionBody) -> HttpResponse:
    caller = request.caller
    main = body.given(*DefinitionBody.model_fields)
    every = [*(main.pop("dependencies", None) or ()), main]
    for index, each in enumerate(every[:-1]):
        if not isinstance(each, dict) or not isinstance(each.get("id"), str):
            raise InvalidBody([(f"dependencies.{index}.id", "An id is needed.")])
    ids = [str(each["id"]) for each in every]
    for workflow_id in ids:
        caller.need(Scope.MANAGE, workflow_id)
        _refuse_coded(workflow_id)
    _save(caller, every)
    stored: dict[str, object] = {"ok": True, "id": body.id}
    return json_response(stored | {"dependencyIds": ids[:-1]} if len(ids) > 1 else stored)


def _refuse_coded(workflow_id: str) -> None:
    """A workflow of a Python module is replaced there alone. Raises ApiError 409."""
    if WorkflowDefinition.objects.filter(pk=workflow_id, origin=WorkflowDefinition.Origin.CODE).exists():
        raise ApiError(409, f"{workflow_id} is the id of a workflow that stands in code.")


def _save(caller: Caller, every: list[dict[str, Any]]) -> None:
    """All or none. Raises InvalidBody for a wrong shape, ApiError 400 for what does not fit together."""
    try:
        items = definitions.save_many(every, all_or_none=True, actor=caller.actor)
    except Outdated as error:
        raise ApiError(409, str(error)) from None
    for index, item in enumerate(items):
        if item.outcome != "refused":
            continue
        prefix = "" if index == len(items) - 1 else f"dependencies.{index}."
        refusal = InvalidDefinition(item.id, list(item.issues))
        if refusal.is_shape:
            raise InvalidBody([(prefix + issue.path, issue.message) for issue in item.issues])
        raise ApiError(400, str(refusal))


@router.get("/stored/workflows/{workflow_id}", summary="A definition")
def read_stored(request: ApiRequest, workflow_id: str) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.READ, workflow_id)
    stored = WorkflowDefinition.objects.dynamic().with_current().filter(pk=workflow_id).first()
    if stored is None:
        raise ApiError(404, f'Dynamic workflow "{workflow_id}" not found')
    return json_response(_form(stored))


@router.delete("/stored/workflows/{workflow_id}", summary="Delete a definition; its runs stay readable")
def delete_stored(request: ApiRequest, workflow_id: str) -> HttpResponse:
    caller = request.caller
    caller.need(Scope.MANAGE, workflow_id)
    _refuse_coded(workflow_id)
    try:
        definitions.delete(workflow_id, actor=caller.actor)
    except InUse as error:
        raise ApiError(409, str(error)) from None
    return json_response({"success": True, "message": f"Workflow {workflow_id} deleted"})


@router.get("/editor/workflow-builder/settings", summary="Whether the reference's own editor is there; it is not")
def builder_settings(request: ApiRequest) -> HttpResponse:
    request.caller.need(Scope.READ)
    return json_response({"enabled": False})


def _form(stored: WorkflowDefinition) -> dict[str, Any]:
    data = stored.current.definition_json if stored.current is not None else {}
    return {
        **(data if isinstance(data, dict) else {}),
        "status": "active" if stored.enabled else "archived",
        "source": "storage",
        "createdAt": iso_time(stored.created_at),
        "updatedAt": iso_time(stored.updated_at),
    }
