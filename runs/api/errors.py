"""Errors as programs see them: `{"error": sentence}`, with `issues` where several places are wrong."""

import logging
from collections.abc import Sequence

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from runs.actions.start import (
    InputTooLarge,
    InvalidTime,
    InvalidTracing,
    KeyUsed,
    QueueFull,
    RunPurged,
    StartRefused,
    UnknownWorkflow,
    WorkflowDisabled,
)
from runs.engine.errors import (
    CannotTimeTravel,
    EngineError,
    InvalidInput,
    NotActive,
    NotSuspended,
    ResumeAlreadyClaimed,
    RunAlreadyExists,
    RunAlreadyStarted,
    RunNotFound,
    UnreadableEvent,
)
from runs.store.database_errors import (
    INSUFFICIENT_STORAGE,
    NOTHING_STORED,
    NUL_REFUSED,
    RETRY_SECONDS,
    UNAVAILABLE,
    database_error_of,
    is_nul,
)

logger = logging.getLogger(__name__)

NO_WORKFLOW = "Workflow not found"
NO_RUN = "Workflow run not found"
TOO_LARGE = "Request body too large"


class ApiError(Exception):
    """An answer that is an error. `issues`: (dotted path, sentence) of each place that is wrong."""

    def __init__(self, status: int, sentence: str, issues: Sequence[tuple[str, str]] = ()) -> None:
        self.status = status
        self.issues = issues
        super().__init__(sentence)


class InvalidBody(ApiError):
    def __init__(self, issues: Sequence[tuple[str, str]]) -> None:
        super().__init__(400, "Invalid request body", issues)


class InvalidQuery(ApiError):
    def __init__(self, issues: Sequence[tuple[str, str]]) -> None:
        super().__init__(400, "Invalid query parameters", issues)


# The first class that matches gives the status. A caller's mistake is never 500: clients repeat those.
STATUSES: list[tuple[type[Exception], int]] = [
    (RunNotFound, 404),
    (UnknownWorkflow, 404),
    (NotSuspended, 409),
    (ResumeAlreadyClaimed, 409),
    (NotActive, 409),
    (RunAlreadyExists, 409),
    (RunAlreadyStarted, 409),
    (CannotTimeTravel, 409),
    (WorkflowDisabled, 409),
    (KeyUsed, 409),
    (UnreadableEvent, 409),  # no 500: a client that repeats the call gets the same
    (RunPurged, 410),
    (InputTooLarge, 413),
    (RequestDataTooBig, 413),
    (QueueFull, 429),
    (InvalidInput, 400),
    (StartRefused, 400),
    (EngineError, 400),
]
WORDS = {RunNotFound: NO_RUN, UnknownWorkflow: NO_WORKFLOW, RequestDataTooBig: TOO_LARGE}


def as_api_error(error: Exception) -> ApiError | None:
    """The error that a program gets; None: the fault is the console's own."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, InvalidTime):
        return InvalidBody([(error.field, error.message)])
    if isinstance(error, InvalidTracing):
        return InvalidBody([(f"tracingOptions.{error.field}", error.message)])
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return ApiError(status, WORDS.get(kind, str(error)))
    if is_nul(error):
        return ApiError(400, NUL_REFUSED)
    if (trouble := database_error_of(error)) is not None:
        return ApiError(trouble.status, f"{trouble.sentence} {NOTHING_STORED}")
    return None


def error_response(error: ApiError) -> HttpResponse:
    body: dict[str, object] = {"error": str(error)}
    if error.issues:
        body["issues"] = [{"field": field, "message": message} for field, message in error.issues]
    response = HttpResponse(orjson.dumps(body), status=error.status, content_type="application/json")
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if error.status == 429:
        response["Retry-After"] = "1"
    if error.status in (UNAVAILABLE, INSUFFICIENT_STORAGE):
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def exception_response(request: HttpRequest, error: Exception) -> HttpResponse:
    """The response to whatever a route raised; 500, with a log entry, for what is no mistake of the caller."""
    api_error = as_api_error(error)
    if api_error is None:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        api_error = ApiError(500, "The console failed to answer. Its log tells why.")
    return error_response(api_error)
