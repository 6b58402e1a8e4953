"""The request that a page gets."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request of a signed-in person: LoginRequiredMiddleware lets no other one reach a page. For type checkers."""

    user: User
    htmx: HtmxDetails
