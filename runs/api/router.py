"""Routes: the function that responds to a method and a path, with the caller, the query and the body checked before.

The order of the checks is that of the recorded contract, and the same everywhere: method, caller, rate, query, body.
What the caller may do, and whether the run exists, depends on the route: those are the first lines of its function.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from .auth import Caller, authenticate
from .errors import ApiError, error_response, exception_response
from .request import ApiBody, ApiQuery, check_body, read_json, read_query

View = Callable[..., HttpResponseBase]
AnyView = TypeVar("AnyView", bound=View)

JSON = "application/json"
RECORDS = "text/plain"  # JSON records, each followed by U+001E


class ApiRequest(HttpRequest):
    """A request whose caller is known. A type alone: Django makes the request, and a route adds its caller."""

    caller: Caller


@dataclass(frozen=True)
class Route:
    """One operation. `view(request, **names of the path)` also takes `query` and `body` where it declares them."""

    method: str
    path: str  # below /api, with the names of its parts: /workflows/{workflow_id}
    view: View
    summary: str
    tag: str
    media_type: str = JSON  # of a successful response
    takes_idempotency_key: bool = False

    def model_of(self, name: str) -> Any:
        """The Pydantic model of the view's parameter `query` or `body`; None when it has none."""
        parameter = inspect.signature(self.view, eval_str=True).parameters.get(name)
        return None if parameter is None else parameter.annotation


class Router:
    """Collects the routes of one file."""

    def __init__(self, tag: str) -> None:
        self.routes: list[Route] = []
        self._tag = tag

    def get(self, path: str, summary: str) -> Callable[[AnyView], AnyView]:
        return self._add("GET", path, summary)

    def post(self, path: str, summary: str, **options: Any) -> Callable[[AnyView], AnyView]:
        return self._add("POST", path, summary, **options)

    def delete(self, path: str, summary: str) -> Callable[[AnyView], AnyView]:
        return self._add("DELETE", path, summary)

    def _add(self, method: str, path: str, summary: str, **options: Any) -> Callable[[AnyView], AnyView]:
        def add(view: AnyView) -> AnyView:
            self.routes.append(Route(method, path, view, summary, self._tag, **options))
            return view

        return add


def url_patterns(routes: Iterable[Route]) -> list[URLPattern]:
    """Django's URL patterns, one for each path, in the order of the routes."""
    paths: dict[str, list[Route]] = {}
    for route in routes:
        paths.setdefault(route.path, []).append(route)
    return [
        path(text.removeprefix("/").replace("{", "<").replace("}", ">"), dispatch(each)) for text, each in paths.items()
    ]


def dispatch(routes: Iterable[Route]) -> View:
    """The view of one path: calls the route of the request's method, and responds to its errors in their one form."""
    calls = {route.method: _checked(route) for route in routes}
    allowed = ", ".join(calls)

    @csrf_exempt
    @login_not_required
    def respond(request: HttpRequest, **names: str) -> HttpResponseBase:
        call = calls.get(request.method or "")
        if call is None:
            refusal = error_response(ApiError(405, f"{request.method} cannot be used here; {allowed} can."))
            refusal["Allow"] = allowed
            return refusal
        try:
            return call(request, **names)
        except Exception as error:
            return exception_response(request, error)

    return respond


def _checked(route: Route) -> View:
    query: type[ApiQuery] | None = route.model_of("query")
    body: type[ApiBody] | None = route.model_of("body")

    def call(request: HttpRequest, **names: Any) -> HttpResponseBase:
        request = cast("ApiRequest", request)
        request.caller = authenticate(request)
        if query is not None:
            names["query"] = read_query(request.GET, query)
        if route.method == "POST":
            value = read_json(request)
            if body is not None:
                names["body"] = check_body(value, body)
        return route.view(request, **names)

    return call
