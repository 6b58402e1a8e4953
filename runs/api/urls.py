"""The paths under /api/."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from . import resume_routes, run_routes, start_routes, stored_routes, trace_routes, workflow_routes
from .docs_routes import docs_of
from .errors import ApiError, answer_errors, error_answer

api = NinjaAPI(
    title="wfconsole",
    version="1",
    description="Workflows and their runs. Send a token as `Authorization: Bearer ...`; make one at /me/tokens/.",
    docs_url=None,
    openapi_url=None,
)
for each in (workflow_routes, run_routes, start_routes, resume_routes, stored_routes, trace_routes):
    api.add_router("", each.router)
answer_errors(api)


@csrf_exempt
@login_not_required
def unknown(request: HttpRequest) -> HttpResponse:
    """An error like all others for who asks for JSON. Else plain text, which clients of the reference take for what it
    is: a path that no route answers."""
    if "json" in request.headers.get("Accept", ""):
        return error_answer(ApiError(404, f"There is no {request.path} in this API; /api/docs lists what there is."))
    return HttpResponse("404 Not Found", status=404, content_type="text/plain")


def _open(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Routes say themselves who may call them, without a redirect to the sign-in page; a wrong method is an error in
    the form of all others."""

    @csrf_exempt
    @login_not_required
    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answered = view(request, *args, **kwargs)
        if answered.status_code != 405:
            return answered
        allowed = answered["Allow"]
        refusal = error_answer(ApiError(405, f"{request.method} cannot be used here; {allowed} can."))
        refusal["Allow"] = allowed
        return refusal

    return answer


def _routes() -> list:
    patterns = api.urls[0]
    for pattern in patterns:
        pattern.callback = _open(pattern.callback)
    return patterns


docs = docs_of(api)
urlpatterns = [
    path("docs", docs.page, name="api_docs"),
    path("openapi.json", _open(docs.openapi)),
    path("", unknown),  # before the routes: they have a page of their own there
    *_routes(),
    re_path(r"^.*$", unknown),
]
