"""Workflows made from data: to list, to store, to read, to delete."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Field

from runs.catalog import definitions
from runs.catalog.definitions import InUse, Outdated
from runs.engine.definition.definition import InvalidDefinition
from runs.models import WorkflowDefinition
from runs.models.api_token import Scope

from .auth import Caller, authenticate
from .errors import ApiError, InvalidBody
from .openapi import body
from .request import ApiBody, Query, check_body, json_of
from .shapes import answer, iso_time

router = Router(tags=["stored workflows"])


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


@router.get("/stored/workflows", summary="All definitions")
def list_stored(request: HttpRequest) -> HttpResponse:
    caller = authenticate(request)
    query = Query(request)
    author = query.text("authorId")
    status: Literal["active", "archived"] | str = query.choice("status", ("active", "archived")) or "active"
    query.done()
    caller.need(Scope.READ)
    stored = WorkflowDefinition.objects.dynamic().with_current().filter(enabled=status == "active").order_by("pk")
    if author is not None:
        stored = stored.filter(current__created_by__username=author)
    forms = [_form(each) for each in stored if caller.reaches(each.pk)]
    return answer({"workflows": forms, "total": len(forms)})


@router.post("/stored/workflows", summary="Store a definition, usable at once", openapi_extra=body(DefinitionBody))
def store(request: HttpRequest) -> HttpResponse:
    caller = authenticate(request)
    data = json_of(request)
    given = check_body(data, DefinitionBody)
    main = {key: value for key, value in data.items() if key in DefinitionBody.model_fields and key != "dependencies"}
    every = [*(given.dependencies or ()), main]
    for index, each in enumerate(every[:-1]):
        if not isinstance(each, dict) or not isinstance(each.get("id"), str):
            raise InvalidBody([(f"dependencies.{index}.id", "An id is needed.")])
    ids = [str(each["id"]) for each in every]
    for workflow_id in ids:
        caller.need(Scope.MANAGE, workflow_id)
        _refuse_coded(workflow_id)
    _save(caller, every)
    told: dict[str, object] = {"ok": True, "id": given.id}
    return answer(told | {"dependencyIds": ids[:-1]} if len(ids) > 1 else told)


def _refuse_coded(workflow_id: str) -> None:
    """What stands in code is not replaced from outside."""
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
        error = InvalidDefinition(item.id, list(item.issues))
        if error.is_shape:
            raise InvalidBody([(prefix + issue.path, issue.message) for issue in item.issues])
        raise ApiError(400, str(error))


@router.get("/stored/workflows/{workflow_id}", summary="A definition")
def read_stored(request: HttpRequest, workflow_id: str) -> HttpResponse:
    caller = authenticate(request)
    caller.need(Scope.READ, workflow_id)
    stored = WorkflowDefinition.objects.dynamic().with_current().filter(pk=workflow_id).first()
    if stored is None:
        raise ApiError(404, f'Dynamic workflow "{workflow_id}" not found')
    return answer(_form(stored))


@router.delete("/stored/workflows/{workflow_id}", summary="Delete a definition; its runs stay readable")
def delete_stored(request: HttpRequest, workflow_id: str) -> HttpResponse:
    caller = authenticate(request)
    caller.need(Scope.MANAGE, workflow_id)
    _refuse_coded(workflow_id)
    try:
        definitions.delete(workflow_id, actor=caller.actor)
    except InUse as error:
        raise ApiError(409, str(error)) from None
    return answer({"success": True, "message": f"Workflow {workflow_id} deleted"})


@router.get("/editor/workflow-builder/settings", summary="Whether the reference's own editor is there; it is not")
def builder_settings(request: HttpRequest) -> HttpResponse:
    authenticate(request).need(Scope.READ)
    return answer({"enabled": False})


def _form(stored: WorkflowDefinition) -> dict[str, Any]:
    data = stored.current.definition_json if stored.current is not None else {}
    return {
        **(data if isinstance(data, dict) else {}),
        "status": "active" if stored.enabled else "archived",
        "source": "storage",
        "createdAt": iso_time(stored.created_at),
        "updatedAt": iso_time(stored.updated_at),
    }
