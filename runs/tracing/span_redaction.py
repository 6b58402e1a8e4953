"""Redaction of spans before they are stored or sent: a step, and a library it calls, may set any attribute."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from runs.engine.redaction.redactor import Redactor

REDACTOR = "wfconsole_redactor"  # an attribute of the SDK's spans that hang below a run's: the run's redactor
OURS = "workflow."  # attributes with this prefix are the engine's, redacted by name already
QUERIES = ("url.query", "http.query", "url.fragment")
NAMES_ALONE = Redactor()


def redactor_of_span(span: Any) -> Redactor:
    """The redactor of the run that the span belongs to, or one that knows names and addresses alone."""
    return getattr(span, REDACTOR, None) or NAMES_ALONE


def redacted_attributes(attributes: Mapping[str, Any] | None, redactor: Redactor) -> dict[str, Any]:
    """Attributes without what is secret: by name, by value, and in addresses."""
    return {key: _value(key, value, redactor) for key, value in (attributes or {}).items()}


def _value(key: str, value: Any, redactor: Redactor) -> Any:
    if not key.startswith(OURS) and (rule := redactor.rule(key, value)) is not None:
        return f"[masked: {rule}]"
    if isinstance(value, str):
        if key in QUERIES:  # no question mark tells that it is one
            return redactor.text(f"?{value}")[1:]
        return redactor.text(value)
    if isinstance(value, list | tuple):
        return [redactor.text(item) if isinstance(item, str) else item for item in value]
    return redactor.apply(value) if isinstance(value, int | float) else value


def redacted_span(span: ReadableSpan) -> ReadableSpan:
    """The span as it may leave the process."""
    redactor = redactor_of_span(span)
    status = span.status
    if status.description:
        status = Status(status.status_code, redactor.text(status.description))
    return ReadableSpan(
        name=redactor.text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=redacted_attributes(span.attributes, redactor),
        events=[Event(one.name, redacted_attributes(one.attributes, redactor), one.timestamp) for one in span.events],
        links=[Link(one.context, redacted_attributes(one.attributes, redactor)) for one in span.links],
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
