"""The process's tracer provider: the SDK's, but for the spans of runs."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from opentelemetry import trace as otel
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.util.types import Attributes

from runs.engine.trace.tracing import forced_trace_id

from .run_span import Links, Place, RunSpan
from .span_redaction import REDACTOR

ENGINE = "wfconsole.engine"  # the name by which the engine asks for its tracer


class RunIds(RandomIdGenerator):
    """Random ids, but for the root of a run whose caller gave a trace id without a parent span."""

    def generate_trace_id(self) -> int:
        return forced_trace_id.get() or super().generate_trace_id()

    def is_trace_id_random(self) -> bool:
        return forced_trace_id.get() is None


class SpanWatcher(Protocol):
    """Who is told of the spans of runs. Neither call may raise or wait."""

    def began(self, span: RunSpan) -> None: ...

    def ended(self, span: RunSpan) -> None: ...


class ConsoleTracerProvider(TracerProvider):
    """The SDK's provider, whose tracer for the engine makes the console's own spans."""

    def __init__(self, watcher: SpanWatcher, **options: Any) -> None:
        super().__init__(id_generator=RunIds(), shutdown_on_exit=False, **options)
        self._engine_tracer = RunTracer(self, watcher)

    def get_tracer(self, instrumenting_module_name: str, *arguments: Any, **options: Any) -> otel.Tracer:
        tracer = super().get_tracer(instrumenting_module_name, *arguments, **options)
        if instrumenting_module_name != ENGINE or isinstance(tracer, otel.NoOpTracer):  # OTEL_SDK_DISABLED
            return tracer
        return self._engine_tracer

    def export_by(self, take: Callable[[ReadableSpan], None]) -> None:
        """Hand the ended spans of runs to an exporter's queue as well."""
        self._engine_tracer.take = take


class RunTracer(otel.Tracer):
    """Makes the spans of runs. Whether a trace is kept is asked once for each execution."""

    def __init__(self, provider: TracerProvider, watcher: SpanWatcher) -> None:
        self._provider = provider
        self._watcher = watcher
        self._scope = InstrumentationScope(ENGINE)
        self.take: Callable[[ReadableSpan], None] | None = None

    def start_span(
        self,
        name: str,
        context: Place = None,
        kind: otel.SpanKind = otel.SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Links = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> otel.Span:
        above = otel.get_current_span(context)
        told = attributes if type(attributes) is dict else dict(attributes or {})
        if isinstance(above, RunSpan):
            span = RunSpan(self._ended, name, above.trace_number, above.span_number, told, root=above.root)
        else:
            root = self._root(name, context, above.get_span_context(), told)
            if not isinstance(root, RunSpan):
                return root
            span = root
        if links:
            span.links.extend(links)
        if start_time:
            span.start_time = start_time
        self._watcher.began(span)
        return span

    @contextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Place = None,
        kind: otel.SpanKind = otel.SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Links = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[otel.Span]:
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with otel.use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span

    def _root(
        self, name: str, context: Place, above: otel.SpanContext, attributes: dict[str, Any]
    ) -> RunSpan | otel.NonRecordingSpan:
        """The first span of an execution; one that records nothing when the trace is not sampled."""
        under = above if above.is_valid else None
        trace_number = under.trace_id if under else forced_trace_id.get() or random.getrandbits(128) or 1
        sampler = self._provider.sampler
        decision = sampler.should_sample(context, trace_number, name, otel.SpanKind.INTERNAL, attributes)
        if decision.decision is not Decision.RECORD_AND_SAMPLE:
            place = otel.SpanContext(trace_number, random.getrandbits(64) or 1, is_remote=False)
            return otel.NonRecordingSpan(place)
        parent_id = under.span_id if under else None
        remote = under is not None and under.is_remote
        return RunSpan(self._ended, name, trace_number, parent_id, attributes, parent_is_remote=remote)

    def _ended(self, span: RunSpan) -> None:
        self._watcher.ended(span)
        if self.take is not None:
            self.take(self.readable(span))

    def readable(self, span: RunSpan) -> ReadableSpan:
        """The span as exporters know it."""
        parent = None
        if span.parent_id is not None:
            flags = otel.TraceFlags(otel.TraceFlags.SAMPLED)
            parent = otel.SpanContext(span.trace_number, span.parent_id, span.parent_is_remote, flags)
        readable = ReadableSpan(
            name=span.name,
            context=span.get_span_context(),
            parent=parent,
            resource=self._provider.resource,
            attributes=span.attributes,
            events=[Event(name, attributes, at) for at, name, attributes in span.events],
            links=span.links,
            kind=span.kind,
            status=span.status or otel.Status(),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=self._scope,
        )
        setattr(readable, REDACTOR, span.redactor)
        return readable
