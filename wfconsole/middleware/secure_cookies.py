"""Cookies that a browser may send over HTTPS alone, wherever the console is reached over HTTPS."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class SecureCookies:
    """Marks every cookie of an answer to an HTTPS request as Secure.

    Django's own switches hold for all requests: on, signing in would fail at http://127.0.0.1:8000, the address that
    `make run` prints; off, a session behind a TLS proxy would travel in the clear when a link says http.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response
