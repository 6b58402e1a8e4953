"""The API's documentation: its OpenAPI document, and a page to read it and to try the routes."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.models import WorkflowDefinition
from runs.models.api_token import RIGHTS, Scope

from .openapi import document
from .router import ApiRequest, Router
from .routes import ROUTES
from .shapes import json_response

EXAMPLES = 20  # workflows that the document has examples of

router = Router("documentation")


@router.get("/openapi.json", summary="This document")
def openapi(request: ApiRequest) -> HttpResponse:
    """The document, with the workflows that the caller may see."""
    request.caller.need(Scope.READ)
    stored = WorkflowDefinition.objects.runnable().order_by("pk").values_list("pk", "current__input_schema")
    inputs = {workflow_id: schema for workflow_id, schema in stored[:EXAMPLES] if request.caller.reaches(workflow_id)}
    return json_response(document(ROUTES, inputs))


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """For people who are signed in. Without JavaScript it is a list of the routes."""
    if not request.user.has_perm(RIGHTS[Scope.READ]):
        raise PermissionDenied
    routes = [(route.method, f"/api{route.path}", route.summary) for route in ROUTES]
    return render(request, "runs/api_docs/page.html", {"routes": routes})
