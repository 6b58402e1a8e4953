"""The paths under /api/."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from . import onward_routes, run_routes, start_routes, stored_routes, trace_routes, workflow_routes
from .docs_routes import docs_of
from .errors import answer_errors

api = NinjaAPI(
    title="wfconsole",
    version="1",
    description="Workflows and their runs. Send a token as `Authorization: Bearer ...`; make one at /me/tokens/.",
    docs_url=None,
    openapi_url=None,
)
for each in (workflow_routes, run_routes, start_routes, onward_routes, stored_routes, trace_routes):
    api.add_router("", each.router)
answer_errors(api)


@csrf_exempt
@login_not_required
def unknown(request: HttpRequest) -> HttpResponse:
    """Plain text, as clients know it: JSON would look like an answer of a route."""
    return HttpResponse("404 Not Found", status=404, content_type="text/plain")


def _open(patterns: list) -> list:
    """Routes say themselves who may call them: no redirect to the sign-in page."""
    for pattern in patterns:
        pattern.callback = csrf_exempt(login_not_required(pattern.callback))
    return patterns


docs = docs_of(api)
urlpatterns = [
    path("docs", docs.page, name="api_docs"),
    path("openapi.json", login_not_required(docs.openapi)),
    *_open(api.urls[0]),
    path("", unknown),
    re_path(r"^.*$", unknown),
]
