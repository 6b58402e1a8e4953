"""What a caller may say about a run's trace, and what of it is valid."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from opentelemetry import trace as otel

from ..errors import EngineError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingOptions:
    """How a run appears in its trace. Raises InvalidTracing for a value of a wrong type."""

    trace_id: str | None = None  # 1 to 32 hexadecimal characters; shown as given, exported padded
    parent_span_id: str | None = None  # 1 to 16 hexadecimal characters
    tags: list[str] = field(default_factory=list)  # stored as passed, duplicates too
    metadata: dict[str, object] = field(default_factory=dict)
    request_context_keys: list[str] = field(default_factory=list)  # dotted, such as user.id
    root_span_name: str | None = None
    hide_input: bool = False
    hide_output: bool = False

    def __post_init__(self) -> None:
        for name in _CAMEL:
            if fault := _type_fault(name, getattr(self, name)):
                raise fault

    @classmethod
    def lenient(cls, given: "Mapping[str, object] | TracingOptions | None") -> Self:
        """The engine's way: an option of a wrong type is left out with a warning. Ids are looked at by the tracer."""
        if isinstance(given, cls):
            return given
        options = _by_field(given)
        for name in _CAMEL:
            if name in options and (fault := _type_fault(name, options[name])):
                logger.warning("Invalid %s: %s. Ignoring.", _CAMEL[name], fault.message)
                del options[name]
        return cls(**options)

    @classmethod
    def strict(cls, given: "Mapping[str, object] | TracingOptions | None") -> Self:
        """The way of form and API. Raises InvalidTracing for the first option that is not usable."""
        checked = cls(**_by_field(given))
        if checked.trace_id and (fault := id_fault(checked.trace_id, 32, "trace id")):
            raise InvalidTracing("traceId", fault)
        if checked.parent_span_id and (fault := id_fault(checked.parent_span_id, 16, "parent span id")):
            raise InvalidTracing("parentSpanId", fault)
        return checked

    def to_json(self) -> dict[str, object]:
        """The options that say something, in camelCase."""
        return {camel: value for name, camel in _CAMEL.items() if (value := getattr(self, name))}


_CAMEL = {
    "trace_id": "traceId",
    "parent_span_id": "parentSpanId",
    "tags": "tags",
    "metadata": "metadata",
    "request_context_keys": "requestContextKeys",
    "root_span_name": "rootSpanName",
    "hide_input": "hideInput",
    "hide_output": "hideOutput",
}
_FIELDS = {spelling: name for name, camel in _CAMEL.items() for spelling in (name, camel)}


def _by_field(given: "Mapping[str, object] | TracingOptions | None") -> dict[str, Any]:
    """The options that there are, by the name of the field; keys may be camelCase, as in the reference, or snake_case.
    What is None says nothing."""
    options = given.to_json() if isinstance(given, TracingOptions) else given or {}
    return {_FIELDS[key]: value for key, value in options.items() if key in _FIELDS and value is not None}


def _type_fault(name: str, value: object) -> InvalidTracing | None:
    """What is wrong with the type of a field's value; None when it fits."""
    camel = _CAMEL[name]
    if name in ("tags", "request_context_keys"):
        if not isinstance(value, list | tuple):
            return InvalidTracing(camel, "Input should be a valid list")
        wrong = next((index for index, item in enumerate(value) if not isinstance(item, str)), None)
        return None if wrong is None else InvalidTracing(f"{camel}.{wrong}", "Input should be a valid string")
    if name == "metadata":
        if not isinstance(value, Mapping):
            return InvalidTracing(camel, "Input should be a valid dictionary")
        wrong_key = next((key for key in value if not isinstance(key, str)), None)
        return None if wrong_key is None else InvalidTracing(f"{camel}.{wrong_key}", "Keys should be valid strings")
    if name in ("hide_input", "hide_output"):
        return None if isinstance(value, bool) else InvalidTracing(camel, "Input should be a valid boolean")
    return None if value is None or isinstance(value, str) else InvalidTracing(camel, "Input should be a valid string")


NO_OPTIONS = TracingOptions()  # frozen: all runs without options share it


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
    """Return the parent that a W3C traceparent names; None for a text that is none, and for no text."""
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
