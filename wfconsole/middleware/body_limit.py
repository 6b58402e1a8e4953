"""Requests whose body is too large: refused in words, before anything reads the body."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

TOO_LARGE = 413


class BodyLimit:
    """Answers 413 to a body of more than MAX_BODY_BYTES, as a page, or as JSON to a program.

    Comes before everything that reads the form, such as the check of the CSRF token: Django itself sends a bare 400.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size, limit = _size(request), settings.MAX_BODY_BYTES
        if size <= limit:
            return self.get_response(request)
        if request.path.startswith("/api/"):
            return JsonResponse({"error": "Request body too large"}, status=TOO_LARGE)  # the words of the contract
        if not request.accepts("text/html"):
            sentence = f"The body has {size} bytes; at most {limit} are taken. Nothing was read or stored."
            return JsonResponse({"error": sentence, "size": size, "limit": limit}, status=TOO_LARGE)
        return render(request, "413.html", {"size": size, "limit": limit}, status=TOO_LARGE)


def _size(request: HttpRequest) -> int:
    """What the client says that it sends; a wrong word is for the server in front to refuse."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
