"""What a caller may say about a run's trace, and what of it is valid."""

import logging
import re
from collections.abc import Mapping
from typing import Self

from opentelemetry import trace as otel
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError
from pydantic.alias_generators import to_camel

from .errors import EngineError

logger = logging.getLogger("wfconsole.tracing")

_TRACE_ID = re.compile(r"[0-9a-f]{1,32}", re.IGNORECASE)
_TRACE_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SPAN_ID = re.compile(r"[0-9a-f]{1,16}", re.IGNORECASE)


class InvalidTracing(EngineError):
    """A tracing option is not usable. `field` is the option's camelCase name, with an index where it is in a list."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}")


class TracingOptions(BaseModel):
    """How a run appears in its trace. Keys may be camelCase, as in the reference, or snake_case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    trace_id: StrictStr | None = None  # 1 to 32 hexadecimal characters; shown as given, exported padded
    parent_span_id: StrictStr | None = None  # 1 to 16 hexadecimal characters
    tags: list[StrictStr] = Field(default_factory=list)  # kept as given, duplicates too
    metadata: dict[StrictStr, object] = Field(default_factory=dict)
    request_context_keys: list[StrictStr] = Field(default_factory=list)  # dotted, such as user.id
    root_span_name: StrictStr | None = None
    hide_input: StrictBool = False
    hide_output: StrictBool = False

    @classmethod
    def lenient(cls, given: "Mapping[str, object] | TracingOptions | None") -> Self:
        """The engine's way: an option of a wrong type is left out with a warning. Ids are looked at by the tracer."""
        if isinstance(given, cls):
            return given
        options = _by_field(given)
        while True:
            try:
                return cls.model_validate(options)
            except ValidationError as error:
                field = str(error.errors()[0]["loc"][0])
                logger.warning("Invalid %s: %s. Ignoring.", field, error.errors()[0]["msg"])
                options.pop(field)

    @classmethod
    def strict(cls, given: "Mapping[str, object] | TracingOptions | None") -> Self:
        """The way of form and API. Raises InvalidTracing for the first option that is not usable."""
        options = _by_field(given)
        try:
            checked = cls.model_validate(options)
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidTracing(".".join(str(part) for part in first["loc"]), first["msg"]) from None
        if checked.trace_id and (fault := id_fault(checked.trace_id, 32, "trace id")):
            raise InvalidTracing("traceId", fault)
        if checked.parent_span_id and (fault := id_fault(checked.parent_span_id, 16, "parent span id")):
            raise InvalidTracing("parentSpanId", fault)
        return checked

    def to_json(self) -> dict[str, object]:
        """The options that say something, in camelCase."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


NO_OPTIONS = TracingOptions()  # frozen: all runs without options share it


def _by_field(given: "Mapping[str, object] | TracingOptions | None") -> dict[str, object]:
    """The options under their camelCase names, without those that are None: None says nothing."""
    if given is None:
        return {}
    if isinstance(given, TracingOptions):
        return given.model_dump(by_alias=True, exclude_defaults=True)
    names = {name: str(field.alias) for name, field in TracingOptions.model_fields.items()}
    return {names.get(key, key): value for key, value in given.items() if value is not None}


def id_fault(text: str, length: int, what: str) -> str | None:
    """What is wrong with a trace or span id, in one sentence; None when it is usable."""
    if len(text) > length:
        return f"A {what} has 1 to {length} hexadecimal characters; this one has {len(text)}."
    wrong = next((character for character in text if character not in "0123456789abcdefABCDEF"), None)
    if wrong is not None:
        return f"A {what} has hexadecimal characters only (0-9, a-f); this one has {wrong!r}."
    if not text.strip("0"):
        return f"A {what} of zeros only means no id in W3C trace context; choose another, or leave it out."
    return None


def read_trace_parent(text: str | None) -> otel.SpanContext | None:
    """The place that a W3C traceparent tells; None for a text that is none, and for no text."""
    found = _TRACE_PARENT.fullmatch(text) if text else None
    if found is None:
        return None
    flags = otel.TraceFlags(int(found[3], 16) & otel.TraceFlags.SAMPLED)
    place = otel.SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=flags)
    return place if place.is_valid else None


def usable_trace_id(text: str | None) -> str | None:
    """The id if it can be used, else None and a warning; an empty text says nothing."""
    if not text:
        return None
    if not _TRACE_ID.fullmatch(text):
        logger.warning('Invalid traceId: must be 1-32 hexadecimal characters, got "%s". Generating new trace ID.', text)
        return None
    if not text.strip("0"):  # the reference takes it; no tracing backend would
        logger.warning('Invalid traceId: must not be all zeros, got "%s". Generating new trace ID.', text)
        return None
    return text


def usable_span_id(text: str | None) -> str | None:
    """The parent span id if it can be used, else None and a warning."""
    if not text:
        return None
    if not _SPAN_ID.fullmatch(text) or not text.strip("0"):
        logger.warning('Invalid externalParentSpanId: must be 1-16 hexadecimal characters, got "%s". Ignoring.', text)
        return None
    return text
