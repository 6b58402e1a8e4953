"""The query and the body of a request, checked by Pydantic models; every issue names its place.

Field names are the reference's camelCase: they are the names of the wire.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import orjson
from annotated_types import GroupedMetadata
from django.conf import settings
from django.http import HttpRequest, QueryDict
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from runs.engine.data.json_value import InvalidJson, parse_json

from .errors import TOO_LARGE, ApiError, InvalidBody, InvalidQuery

RESERVED = ("mastra__", "organizationId")
LARGEST_NUMBER = 1_000_000_000  # of a page, a size, an offset

Body = TypeVar("Body", bound="ApiBody")
Query = TypeVar("Query", bound="ApiQuery")


# --- Bodies ---------------------------------------------------------------------------------------


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

    def options(self) -> dict[str, Any]:
        """The options that are not null; nulls within them are data."""
        return {key: value for key, value in self.model_dump().items() if value is not None}


class ContextBody(ApiBody):
    """The request context and the tracing options, which every call that runs steps takes."""

    requestContext: dict[str, Any] | None = None
    tracingOptions: TracingBody | None = None

    @property
    def request_context(self) -> dict[str, Any]:
        """The caller's context without the keys that are reserved for servers."""
        return {key: value for key, value in (self.requestContext or {}).items() if not key.startswith(RESERVED)}

    @property
    def tracing(self) -> dict[str, Any]:
        return self.tracingOptions.options() if self.tracingOptions else {}


def _step_path(value: Any) -> Any:
    steps = value if isinstance(value, list) else [value]
    if not steps or not all(isinstance(step, str) for step in steps):
        raise ValueError("a step id, or a list of them")
    return value


TEXT = {"type": "string"}
STEP_PATH_SCHEMA = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
StepPath = Annotated[Any, AfterValidator(_step_path), WithJsonSchema(STEP_PATH_SCHEMA)]


def read_json(request: HttpRequest) -> object:
    """The body's JSON; an empty body counts as `{}`. Raises ApiError 413 and 415, InvalidBody."""
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
    """The value as a model. Raises InvalidBody, with every issue."""
    if not isinstance(value, Mapping):
        raise InvalidBody([("root", "An object is needed.")])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidBody(_issues(error)) from None


def _issues(error: ValidationError) -> list[tuple[str, str]]:
    issues = {".".join(map(str, issue["loc"])) or "root": issue["msg"] for issue in error.errors()}
    return list(issues.items())


# --- Queries --------------------------------------------------------------------------------------


class ApiQuery(BaseModel):
    """The query of a URL. Unknown names are dropped."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _only_value(cls, values: list[str]) -> str:
        if len(values) > 1:
            raise issue("Given more than once.")
        return values[0]


def read_query(given: QueryDict, model: type[Query]) -> Query:
    """The query as a model. Raises InvalidQuery, with every issue in the order of the model's fields."""
    try:
        return model.model_validate({name: values for name, values in given.lists() if values})
    except ValidationError as error:
        raise InvalidQuery(_issues(error)) from None


def issue(sentence: str) -> PydanticCustomError:
    """The error of a validator, with this sentence as its whole message."""
    return PydanticCustomError("query", "{sentence}", {"sentence": sentence})


@dataclass(frozen=True)
class WholeNumber(GroupedMetadata):
    """Metadata of a field: its text is a whole number within these bounds."""

    least: int = 0
    most: int = LARGEST_NUMBER

    def __iter__(self) -> Iterator[object]:
        yield BeforeValidator(self._check)
        yield WithJsonSchema({"type": "integer", "minimum": self.least, "maximum": self.most})

    def _check(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise issue("A whole number is needed.") from None
        if not self.least <= number <= self.most:
            raise issue(f"A number from {self.least} to {self.most} is needed.")
        return number


class OneOf(GroupedMetadata):
    """Metadata of a field: its text is one of these words."""

    def __init__(self, *choices: str) -> None:
        self._choices = choices

    def __iter__(self) -> Iterator[object]:
        yield BeforeValidator(self._check)
        yield WithJsonSchema({"type": "string", "enum": list(self._choices)})

    def _check(self, text: str) -> str:
        if text not in self._choices:
            raise issue(f"One of {', '.join(self._choices)} is needed.")
        return text


def read_moment(text: object) -> datetime:
    """A moment in UTC; without a zone it is one of UTC."""
    try:
        moment = datetime.fromisoformat(str(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC, the first and the last hours of the calendar may lie outside it
        raise issue("A date such as 2026-11-22T14:00:00Z is needed.") from None


def read_object(text: str) -> dict[str, Any]:
    return _json(text, dict, "A JSON object is needed.")


def _read_list(text: str) -> list[Any]:
    return _json(text, list, "A JSON list is needed.")


def _json(text: str, kind: type, sentence: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, kind):
        raise issue(sentence)
    return value


AS_TEXT, AS_DATE = WithJsonSchema(TEXT), WithJsonSchema({"type": "string", "format": "date-time"})
Text = Annotated[str | None, AS_TEXT]
Number = Annotated[int | None, WholeNumber()]
Truth = Annotated[bool | None, OneOf("true", "false")]
Moment = Annotated[datetime | None, BeforeValidator(read_moment), AS_DATE]
JsonObject = Annotated[dict[str, Any] | None, BeforeValidator(read_object), AS_TEXT]
JsonList = Annotated[list[Any] | None, BeforeValidator(_read_list), AS_TEXT]


class RunIdQuery(ApiQuery):
    """The query that most routes of a run need."""

    runId: str


class NewRunIdQuery(ApiQuery):
    """The id of a run that is made; absent: a new one."""

    runId: Text = None
