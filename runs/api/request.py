"""What a request brings: its body and its query, checked, each mistake told by its place."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from runs.engine.data.json_value import InvalidJson, parse_json

from .errors import TOO_LARGE, ApiError, InvalidBody, InvalidQuery

RESERVED = ("mastra__", "organizationId")
BIGGEST_PAGE = 1_000_000_000

Body = TypeVar("Body", bound="ApiBody")


class ApiBody(BaseModel):
    """A body. Unknown keys are dropped; a type that is not the one asked for is an issue."""

    model_config = ConfigDict(strict=True, extra="ignore")

    def given(self, *names: str) -> dict[str, Any]:
        """The fields of these names that the body holds, null ones, too."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


class TracingBody(ApiBody):
    traceId: str | None = None
    parentSpanId: str | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    requestContextKeys: list[str] | None = None
    hideInput: bool | None = None
    hideOutput: bool | None = None

    def told(self) -> dict[str, Any]:
        return {key: value for key, value in self.model_dump().items() if value is not None}


class ContextBody(ApiBody):
    """What every call that sets a run going may bring."""

    requestContext: dict[str, Any] | None = None
    tracingOptions: TracingBody | None = None

    @property
    def request_context(self) -> dict[str, Any]:
        """The caller's context, without what is kept for servers."""
        return {key: value for key, value in (self.requestContext or {}).items() if not key.startswith(RESERVED)}

    @property
    def tracing(self) -> dict[str, Any]:
        return self.tracingOptions.told() if self.tracingOptions else {}


def _path(value: Any) -> Any:
    steps = value if isinstance(value, list) else [value]
    if not steps or not all(isinstance(step, str) for step in steps):
        raise ValueError("a step id, or a list of them")
    return value


StepPath = Annotated[Any, AfterValidator(_path)]


def body_of(request: HttpRequest, model: type[Body]) -> Body:
    """The checked body; none at all counts as `{}`. Raises ApiError 413 and 415, InvalidBody."""
    return check_body(json_of(request), model)


def json_of(request: HttpRequest) -> object:
    """The body's JSON. Raises ApiError 413 and 415, InvalidBody."""
    if len(request.body) > settings.MAX_BODY_BYTES:
        raise ApiError(413, TOO_LARGE)
    text = request.body.strip()
    if not text:
        return {}
    if request.content_type != "application/json":
        raise ApiError(415, "Send the body as JSON, with the header Content-Type: application/json.")
    try:
        return parse_json(text, max_depth=settings.MAX_JSON_DEPTH)
    except InvalidJson as error:
        raise InvalidBody([("body", str(error))]) from None


def check_body(value: object, model: type[Body]) -> Body:
    """Raises InvalidBody, with every issue."""
    if not isinstance(value, Mapping):
        raise InvalidBody([("root", "An object is needed.")])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        issues = {".".join(map(str, issue["loc"])) or "root": issue["msg"] for issue in error.errors()}
        raise InvalidBody(list(issues.items())) from None


class Query:
    """The query of a request, read name by name; `done()` tells all that is wrong together."""

    def __init__(self, request: HttpRequest) -> None:
        self._given = request.GET
        self._issues: list[tuple[str, str]] = []

    def done(self) -> None:
        """Raises InvalidQuery."""
        if self._issues:
            raise InvalidQuery(self._issues)

    def wrong(self, name: str, sentence: str) -> None:
        self._issues.append((name, sentence))

    def text(self, name: str, *, needed: bool = False) -> str | None:
        values = self._given.getlist(name)
        if needed and not values:
            self.wrong(name, "Needed, and not given.")
        if len(values) > 1:
            self.wrong(name, "Given more than once.")
        return values[0] if values else None

    def run_id(self) -> str:
        """The runId that most routes need. Raises InvalidQuery."""
        run_id = self.text("runId", needed=True)
        self.done()
        return run_id or ""

    def integer(self, name: str, *, least: int | None = 0) -> int | None:
        values = self._given.getlist(name)
        if not values:
            return None
        try:
            (text,) = values
            number = int(text)
        except ValueError:
            self.wrong(name, "A whole number is needed.")
            return None
        if (least is not None and number < least) or abs(number) > BIGGEST_PAGE:
            self.wrong(name, f"A number from {least or 0} to {BIGGEST_PAGE} is needed.")
        return number

    def date(self, name: str) -> datetime | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.wrong(name, "A date such as 2026-11-22T14:00:00Z is needed.")
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """One of them, or None: nothing was given, or something else, which is noted."""
        text = self.text(name)
        if text is None or text in choices:
            return text
        self.wrong(name, f"One of {', '.join(choices)} is needed.")
        return None

    def truth(self, name: str) -> bool | None:
        text = self.choice(name, ("true", "false"))
        return None if text is None else text == "true"
