"""Requests that the database refuses to carry out: answered in words, with what can be done, and no traceback."""

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from runs.store.database_errors import (
    NOTHING_STORED,
    NUL_REFUSED,
    RETRY_SECONDS,
    UNAVAILABLE,
    Trouble,
    database_error_of,
    is_nul,
)
from runs.store.database_file import file_trouble

BAD_REQUEST = 400
SAFE = ("GET", "HEAD", "OPTIONS")  # methods that store nothing


class DatabaseErrors:
    """Answers 503, or 507 when the disk is full, where a view meets a database that does not do what it is asked.

    400 for a NUL character, which PostgreSQL stores in no text, and which no address or search has on SQLite either.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return nul_refused(request)
        if request.method not in SAFE and (moved := file_trouble()):
            return _unavailable(request, Trouble(UNAVAILABLE, moved))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer_to(request, exception)


def answer_to(request: HttpRequest, error: BaseException) -> HttpResponse | None:
    """The answer to a request that failed with an error of the database; None: the error is of another kind."""
    if is_nul(error):
        return nul_refused(request)
    trouble = database_error_of(error)
    return None if trouble is None else _unavailable(request, trouble)


def answer_500(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: an error that no view raised, such as one of the session's, comes here alone."""
    error = sys.exc_info()[1]
    return (None if error is None else answer_to(request, error)) or server_error(request)


def nul_refused(request: HttpRequest) -> HttpResponse:
    if _is_for_people(request):
        return HttpResponse(render_to_string("400.html", {"sentence": NUL_REFUSED}), status=BAD_REQUEST)
    return JsonResponse({"error": NUL_REFUSED}, status=BAD_REQUEST)


def _unavailable(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    if _is_for_people(request):
        # Without the request: what the frame of a page shows is read from the database.
        answer = HttpResponse(render_to_string("503.html", {"sentence": trouble.sentence}), status=trouble.status)
    else:
        answer = JsonResponse({"error": f"{trouble.sentence} {NOTHING_STORED}"}, status=trouble.status)
    answer["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _is_for_people(request: HttpRequest) -> bool:
    return not request.path.startswith("/api/") and request.accepts("text/html")
