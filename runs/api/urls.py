"""The paths under /api/."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from . import docs_routes
from .errors import ApiError, error_response
from .router import url_patterns
from .routes import ROUTES


@csrf_exempt
@login_not_required
def unknown(request: HttpRequest) -> HttpResponse:
    """An error like all others for a caller that asks for JSON. Else plain text, by which clients of the reference
    recognise a path that no route serves."""
    if "json" in request.headers.get("Accept", ""):
        return error_response(ApiError(404, f"There is no {request.path} in this API; /api/docs lists what there is."))
    return HttpResponse("404 Not Found", status=404, content_type="text/plain")


urlpatterns = [
    path("docs", docs_routes.page, name="api_docs"),
    *url_patterns([*docs_routes.router.routes, *ROUTES]),
    re_path(r"^.*$", unknown),
]
