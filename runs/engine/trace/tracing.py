"""Tracing of runs: the trace and the parent of a run's span, and the options of a caller.

The spans themselves, and the attributes they carry, are in trace_span.py.
"""

import random
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from opentelemetry import trace as otel
from opentelemetry.context import Context

from ..data.request_context import RequestContext
from ..data.undefined import UNSET
from ..redaction.redactor import Redactor
from .entry_info import EntryInfo
from .span_payload import block_error_info, call_error_info, condition_error_info, run_error_info, step_error_info
from .trace_span import NO_SPAN, Trace, TraceSpan, hex_id, start_span
from .tracing_options import (
    NO_OPTIONS,
    InvalidTracing,
    TracingOptions,
    read_trace_parent,
    usable_span_id,
    usable_trace_id,
)

__all__ = [
    "NO_SPAN",
    "EntryInfo",
    "InvalidTracing",
    "Origin",
    "TraceLink",
    "TraceSpan",
    "Tracing",
    "TracingContext",
    "TracingOptions",
    "block_error_info",
    "call_error_info",
    "condition_error_info",
    "forced_trace_id",
    "run_error_info",
    "step_error_info",
]

# The trace id that the SDK's id generator must give to the next root span; None: a random one.
forced_trace_id: ContextVar[int | None] = ContextVar("forced_trace_id", default=None)


class TraceLink(NamedTuple):
    """The ids of a suspended run in its trace: the texts of its result."""

    trace_id: str
    span_id: str


class Origin(NamedTuple):
    """Where an execution comes from."""

    queued_at: int | None = None  # epoch milliseconds: when it was asked for
    trace_parent: str | None = None  # the W3C traceparent of the request that started the run
    continues: str | None = None  # the span id of the execution of this run that was broken off before


@dataclass(slots=True)
class TracingContext:
    """The place in a trace where something new is to hang: a span of ours, or any OpenTelemetry span."""

    current_span: "TraceSpan | otel.Span | None" = None


NOWHERE = Origin()


class Tracing:
    """Starts the spans of runs. Without a tracer it does nothing, at no cost.

    `request_context_keys`: keys whose values become metadata of every run. `redactor`: what
    takes secrets out of what spans show; None: nothing does.
    """

    __slots__ = ("_keys", "_redactor", "_tracer")

    def __init__(
        self,
        tracer: otel.Tracer | None = None,
        *,
        request_context_keys: Sequence[str] = (),
        redactor: Redactor | None = None,
    ) -> None:
        self._tracer = tracer
        self._keys = tuple(request_context_keys)
        self._redactor = redactor

    @classmethod
    def from_global(cls, *, redactor: Redactor | None = None) -> "Tracing":
        """Spans of the process's tracer provider; off when no SDK is installed."""
        return cls(_global_tracer(otel.get_tracer_provider()), redactor=redactor or Redactor())

    @property
    def is_on(self) -> bool:
        """Whether spans are made at all."""
        return self._tracer is not None

    def start_span(self, name: str) -> "TraceSpan":
        """A root span of the application's own, to run workflows under."""
        if self._tracer is None:
            return NO_SPAN
        span = self._tracer.start_span(name, context=Context(), attributes=_GENERIC)
        if not span.get_span_context().is_valid:
            return NO_SPAN
        trace_id = hex_id(span.get_span_context().trace_id, 32)
        trace = Trace(self._tracer, trace_id, RequestContext(), self._keys, redactor=self._redactor)
        return TraceSpan(span, trace, ("", "", ""), "", {})

    def start_run(
        self,
        *,
        workflow_id: str,
        run_id: str,
        resource_id: str | None = None,
        input: object = UNSET,
        request_context: RequestContext | None = None,
        options: TracingOptions | Mapping[str, object] | None = None,
        tracing_context: TracingContext | None = None,
        resumed: TraceLink | None = None,
        origin: Origin = NOWHERE,
        redactor: Redactor | None = None,
    ) -> "TraceSpan":
        """The span of a run, or NO_SPAN. `redactor`: of the run; None: one is made that knows input and context.

        An id that cannot be used is replaced or ignored, with a warning. `resumed` continues the trace of a suspended
        run, unless the options name another one; so does the request of `origin`. Below a `tracing_context` ids, tags
        and keys have no effect.
        """
        if self._tracer is None:
            return NO_SPAN
        options = TracingOptions.lenient(options) if options else NO_OPTIONS
        context = request_context if request_context is not None else RequestContext()
        outer = tracing_context.current_span if tracing_context else None
        own = {"runId": run_id} | ({"resourceId": resource_id} if resource_id is not None else {}) | options.metadata
        if resumed is not None:
            own |= {"resumed": True, "resumedFromSpanId": resumed.span_id}
        if self._redactor is None:
            redactor = None
        elif redactor is None:
            redactor = self._redactor.fork((workflow_id, run_id))
            redactor.learn([input, context.to_dict()])
        name = options.root_span_name or f"workflow run: '{workflow_id}'" + (" (resumed)" if resumed else "")
        if outer is not None and outer is not NO_SPAN:
            return self._below(outer, name, workflow_id, own, input, context, redactor)
        return self._root(name, workflow_id, own, input, context, options, resumed, origin, redactor)

    def _below(
        self,
        outer: "TraceSpan | otel.Span",
        name: str,
        workflow_id: str,
        own: dict[str, object],
        input: object,
        context: RequestContext,
        redactor: Redactor | None,
    ) -> "TraceSpan":
        assert self._tracer is not None  # noqa: S101 (start_run looked)
        above = outer.otel if isinstance(outer, TraceSpan) else outer
        keys, inherited = (outer.trace.keys, outer.metadata) if isinstance(outer, TraceSpan) else (self._keys, {})
        place = above.get_span_context()
        text = outer.trace.trace_id if isinstance(outer, TraceSpan) else hex_id(place.trace_id, 32)
        trace = Trace(self._tracer, text, context, keys, redactor=redactor)
        if isinstance(outer, TraceSpan):
            trace.hide_input, trace.hide_output = outer.trace.hide_input, outer.trace.hide_output
        metadata = {**inherited, **context.extract(keys), **own}
        entity = ("workflow_run", workflow_id, workflow_id)
        return start_span(
            trace, otel.set_span_in_context(above), name, "workflow_run", entity, workflow_id, metadata, input
        )

    def _root(
        self,
        name: str,
        workflow_id: str,
        own: dict[str, object],
        input: object,
        context: RequestContext,
        options: TracingOptions,
        resumed: TraceLink | None,
        origin: Origin,
        redactor: Redactor | None,
    ) -> "TraceSpan":
        assert self._tracer is not None  # noqa: S101
        keys = (*self._keys, *options.request_context_keys)
        wanted, parent_text = usable_trace_id(options.trace_id), usable_span_id(options.parent_span_id)
        parent_id = int(parent_text, 16) if parent_text else None
        extra: dict[str, object] = {"workflow.root": True}
        flags = otel.TraceFlags(otel.TraceFlags.SAMPLED)
        request = read_trace_parent(origin.trace_parent)
        if resumed is not None and not options.trace_id and not options.parent_span_id:
            wanted, parent_id = (
                usable_trace_id(resumed.trace_id),
                int(usable_span_id(resumed.span_id) or "0", 16) or None,
            )
            extra["workflow.resumed_from"] = resumed.span_id
        elif request is not None and not parent_text and (not wanted or int(wanted, 16) == request.trace_id):
            wanted, parent_id, flags = hex_id(request.trace_id, 32), request.span_id, request.trace_flags
        trace_number = int(wanted, 16) if wanted else (random.getrandbits(128) or 1 if parent_id else None)
        trace = Trace(self._tracer, "", context, keys, options.hide_input, options.hide_output, redactor)
        metadata = {**context.extract(keys), **own}
        extra |= _told(origin)
        if options.tags:
            extra["workflow.tags"] = tuple(options.tags)
        if parent_text:
            extra["workflow.external_parent_span_id"] = parent_text
        place, forced = _remote(trace_number, parent_id, flags)
        token = forced_trace_id.set(forced)
        try:
            entity = ("workflow_run", workflow_id, workflow_id)
            span = start_span(trace, place, name, "workflow_run", entity, workflow_id, metadata, input, extra=extra)
        finally:
            forced_trace_id.reset(token)
        number = span.otel.get_span_context().trace_id
        trace.trace_id = wanted if wanted and int(wanted, 16) == number else hex_id(number, 32)
        if wanted and wanted != hex_id(number, 32) and span.is_recording:
            span.otel.set_attribute("workflow.trace_id", trace.trace_id)
        return span


def _told(origin: Origin) -> dict[str, object]:
    attributes = {"workflow.queued_at": origin.queued_at, "workflow.resumed_from": origin.continues}
    return {key: value for key, value in attributes.items() if value is not None}


def _remote(trace_number: int | None, parent_id: int | None, flags: otel.TraceFlags) -> tuple[Context, int | None]:
    """The context of a root span, and the trace id to force: a remote parent brings its own."""
    if trace_number is None or parent_id is None:
        return Context(), trace_number
    place = otel.SpanContext(trace_number, parent_id, is_remote=True, trace_flags=flags)
    return otel.set_span_in_context(otel.NonRecordingSpan(place), Context()), None


@lru_cache(maxsize=1)
def _global_tracer(provider: otel.TracerProvider) -> otel.Tracer | None:
    """Cached: the SDK takes longer to hand out a tracer than to make a span."""
    return None if isinstance(provider, otel.ProxyTracerProvider) else provider.get_tracer("wfconsole.engine")


_GENERIC: dict[str, str | bool] = {"workflow.span.type": "generic", "workflow.root": True}
