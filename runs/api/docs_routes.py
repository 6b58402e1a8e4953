"""What the API tells of itself: the OpenAPI document, and a page to read and try it."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from ninja import NinjaAPI

from runs.models import WorkflowDefinition
from runs.models.api_token import RIGHTS, Scope

from .auth import Caller, authenticate
from .errors import ApiError, error_answer
from .openapi import document
from .shapes import answer

EXAMPLES = 20  # workflows that the document has examples of


class Docs:
    """The two pages of one API."""

    def __init__(self, api: NinjaAPI) -> None:
        self._api = api

    def openapi(self, request: HttpRequest) -> HttpResponse:
        """The document, with the workflows that the caller may see."""
        try:
            caller = authenticate(request)
            caller.need(Scope.READ)
        except ApiError as error:
            return error_answer(error)
        return answer(self._document(caller.reaches))

    def page(self, request: HttpRequest) -> HttpResponse:
        """For people who are signed in. Read without JavaScript, it is a list of the routes."""
        if not request.user.has_perm(RIGHTS[Scope.READ]):
            raise PermissionDenied
        document = self._document(Caller(request.user, None, None).reaches)
        routes = [
            (method.upper(), path, operation["summary"])
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ]
        return render(request, "runs/api_docs/page.html", {"routes": routes})

    def _document(self, reaches: Any) -> dict[str, Any]:
        stored = WorkflowDefinition.objects.runnable().order_by("pk").values_list("pk", "current__input_schema")
        inputs = {workflow_id: schema for workflow_id, schema in stored[:EXAMPLES] if reaches(workflow_id)}
        schema = dict(self._api.get_openapi_schema(path_prefix="/api"))
        return document(schema, inputs)


def docs_of(api: NinjaAPI) -> Docs:
    docs = Docs(api)
    docs.page = require_GET(docs.page)  # type: ignore[method-assign]
    docs.openapi = require_GET(docs.openapi)  # type: ignore[method-assign]
    return docs
