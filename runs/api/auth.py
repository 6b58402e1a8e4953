"""Authentication, rights and the rate limit of a call: by an API token, or by the session of a signed-in person."""

import time
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from runs.models import Actor, ApiToken
from runs.models.api_token import RIGHTS, Scope
from runs.models.audit import address_of

from .errors import ApiError

INVALID_TOKEN = "Invalid or expired token"  # noqa: S105


@dataclass(frozen=True)
class Caller:
    """An authenticated caller, with the rights of its token, or those of the person."""

    user: User | None
    token: ApiToken | None
    address: str | None

    @cached_property
    def label(self) -> str:
        """The caller's name in runs and audit entries."""
        name = self.user.get_username() if self.user else ""
        if self.token is None:
            return name
        return f"{name} (token {self.token.name})"[:150].strip()

    @property
    def key(self) -> str:
        """Identifies the caller for the rate limit and for idempotency keys."""
        return f"token {self.token.pk}" if self.token else f"user {self.user.pk if self.user else ''}"

    def need(self, scope: Scope, workflow_id: str | None = None) -> None:
        """Raises ApiError 403 when the caller lacks this scope, or may not use this workflow."""
        if self.token is None:
            if self.user is None or not self.user.has_perm(RIGHTS[scope]):
                raise ApiError(403, f"Your account may not {scope.label}.")
            return
        if not self.token.may(scope):
            raise ApiError(403, f"This token may not {scope.label}; it needs the scope {scope.value}.")
        if workflow_id is not None and not self.token.reaches(workflow_id):
            raise ApiError(403, f"This token is not for the workflow {workflow_id}.")

    def reaches(self, workflow_id: str) -> bool:
        return self.token is None or self.token.reaches(workflow_id)

    def may_still_read(self) -> bool:
        """Whether the caller may have the rest of a response that has begun. Reads the database."""
        if self.token is not None:
            token = ApiToken.objects.usable().select_related("user").filter(pk=self.token.pk).first()
            return token is not None and any(token.may(scope) for scope in Scope)
        person = User.objects.filter(pk=self.user.pk, is_active=True).first() if self.user else None
        return person is not None and person.has_perm(RIGHTS[Scope.READ])

    @property
    def actor(self) -> Actor:
        return Actor(self.label, self.user, self.address)


def authenticate(request: HttpRequest) -> Caller:
    """The caller of a request. Raises ApiError 401, 403 for a signed-in person's call from another site, 429."""
    address = address_of(request)
    text = _token_text(request)
    if text is not None:
        token = ApiToken.objects.of_text(text)
        if token is None:
            raise ApiError(401, INVALID_TOKEN)
        caller = Caller(token.user, token, address)
    elif request.user.is_authenticated:
        if not _passes_csrf(request):
            raise ApiError(403, "Send the header X-CSRFToken, or use a token.")
        caller = Caller(request.user, None, address)
    else:
        raise ApiError(401, INVALID_TOKEN)
    _limit.count(caller.key)
    return caller


def _passes_csrf(request: HttpRequest) -> bool:
    """Whether the request brings the CSRF token of its session. Django's middleware leaves the API's views out: a call
    with an API token needs none."""

    def view(_: HttpRequest) -> HttpResponse:
        return HttpResponse()

    _ = request.body  # the check parses a form, after which Django could no longer return the body
    check = CsrfViewMiddleware(view)
    check.process_request(request)
    return check.process_view(request, view, (), {}) is None


def _token_text(request: HttpRequest) -> str | None:
    header = request.headers.get("Authorization")
    if header is not None:
        return header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else ""
    return request.GET.get("apiKey")


class RateLimit:
    """A token bucket for each caller, in this process: API_REQUESTS_PER_SECOND, and a minute's worth at once."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}  # how many are left, and when that was counted
        self._lock = Lock()

    def count(self, key: str) -> None:
        """Raises ApiError 429."""
        rate = settings.API_REQUESTS_PER_SECOND
        now = time.monotonic()
        with self._lock:
            left, at = self._left.get(key, (60.0 * rate, now))
            left = min(60.0 * rate, left + (now - at) * rate)
            if left < 1:
                often = "one request" if rate == 1 else f"{rate} requests"
                raise ApiError(429, f"More than {often} a second. Wait a little.")
            self._left[key] = (left - 1, now)


_limit = RateLimit()
