"""The spans of runs: OpenTelemetry's interface, with no more behind it than they need.

A run has a span for each of its steps. The SDK's spans cost five times as much: they copy and check every attribute,
take a lock for each call and make objects that nobody looks at. These are made when the engine asks for one, are
stored as they stand, and become the SDK's only for an exporter. Spans that a step makes itself are the SDK's own.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.util.types import Attributes, AttributeValue

from runs.engine.redaction.redactor import Redactor

SAMPLED = otel.TraceFlags(otel.TraceFlags.SAMPLED)


class RunSpan(otel.Span):
    """One span. `root`: the outermost span of the same execution, or itself. `on_end`: called once, when it ends."""

    __slots__ = (
        "_context",
        "attributes",
        "end_time",
        "events",
        "is_stored",
        "kind",
        "links",
        "name",
        "on_end",
        "parent_id",
        "parent_is_remote",
        "redactor",
        "root",
        "span_number",
        "start_time",
        "status",
        "trace_number",
    )

    def __init__(
        self,
        on_end: "Callable[[RunSpan], None]",
        name: str,
        trace_number: int,
        parent_id: int | None,
        attributes: dict[str, Any],
        *,
        root: "RunSpan | None" = None,
        parent_is_remote: bool = False,
    ) -> None:
        self.on_end = on_end
        self.name = name
        self.trace_number = trace_number
        self.span_number = random.getrandbits(64) or 1
        self.parent_id = parent_id
        self.parent_is_remote = parent_is_remote
        self.attributes = attributes
        self.root = root or self
        self.redactor: Redactor | None = root.redactor if root is not None else None
        self.events: list[tuple[int, str, Mapping[str, Any]]] = []
        self.links: list[otel.Link] = []
        self.status: otel.Status | None = None
        self.kind = otel.SpanKind.INTERNAL
        self.is_stored = False  # as an open one
        self.end_time: int | None = None
        self._context: otel.SpanContext | None = None
        self.start_time = time.time_ns()

    def get_span_context(self) -> otel.SpanContext:
        if self._context is None:
            self._context = otel.SpanContext(self.trace_number, self.span_number, is_remote=False, trace_flags=SAMPLED)
        return self._context

    def redact_with(self, redactor: Redactor | None) -> None:
        """Take out of this span, and of those below it, what is secret in their run: a step may set any attribute."""
        self.redactor = redactor

    def is_recording(self) -> bool:
        return self.end_time is None

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        if self.end_time is None:
            self.attributes.update(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        if self.end_time is None:
            self.attributes[key] = value

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        if self.end_time is None:
            self.events.append((timestamp or time.time_ns(), name, dict(attributes or {})))

    def add_link(self, context: otel.SpanContext, attributes: Attributes = None) -> None:
        if self.end_time is None:
            self.links.append(otel.Link(context, attributes))

    def update_name(self, name: str) -> None:
        if self.end_time is None:
            self.name = name

    def set_status(self, status: otel.Status | otel.StatusCode, description: str | None = None) -> None:
        if self.end_time is None:
            self.status = status if isinstance(status, otel.Status) else otel.Status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        told = {"exception.type": type(exception).__qualname__, "exception.message": str(exception)}
        self.add_event("exception", {**told, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        if self.end_time is None:
            self.end_time = end_time or time.time_ns()
            self.on_end(self)

    @property
    def failed(self) -> bool:
        return self.status is not None and self.status.status_code is otel.StatusCode.ERROR


Links = Sequence[otel.Link] | None
Place = Context | None
