"""Requests that the database refuses to carry out: answered in words, with what can be done, and no traceback."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from runs.execution.trouble import NOTHING_STORED, RETRY_SECONDS, trouble_of


class DatabaseTrouble:
    """Answers 503, or 507 when the disk is full, where a view meets a database that takes no writes."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        trouble = trouble_of(exception)
        if trouble is None:
            return None
        if request.accepts("text/html"):
            answer = render(request, "503.html", {"sentence": trouble.sentence}, status=trouble.status)
        else:
            answer = JsonResponse({"error": f"{trouble.sentence} {NOTHING_STORED}"}, status=trouble.status)
        answer["Retry-After"] = str(RETRY_SECONDS)
        return answer
