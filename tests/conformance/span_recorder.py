"""Rebuilds the reference's span trees from what OpenTelemetry is given."""

import json

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import Tracer

from runs.engine.trace.tracing import forced_trace_id

_JSON = ("attributes", "metadata", "input", "output", "request_context", "error")
_NAMES = {"request_context": "requestContext", "error": "errorInfo"}


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        return forced_trace_id.get() or super().generate_trace_id()

    def is_trace_id_random(self) -> bool:
        return forced_trace_id.get() is None


class SpanRecorder(SpanProcessor):
    """Keeps every span from its start on, in order: a span that never ends is seen too."""

    def __init__(self, *, sampled: bool = True) -> None:
        self.started: list[ReadableSpan] = []
        provider = TracerProvider(
            id_generator=_Ids(), sampler=ALWAYS_ON if sampled else ALWAYS_OFF, shutdown_on_exit=False
        )
        provider.add_span_processor(self)
        self.tracer: Tracer = provider.get_tracer("conformance")

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.started.append(span)

    def take(self) -> list[dict[str, object]]:
        """The trees of all spans started since the last call, children in order of start."""
        spans, self.started = self.started, []
        built: dict[int, dict[str, object]] = {}
        trees: list[dict[str, object]] = []
        for span in spans:
            node = built[span.context.span_id] = _node(span)
            above = built.get(span.parent.span_id) if span.parent else None
            if above is None:
                _place(node, span)
                trees.append(node)
            else:
                above["children"].append(node)
        return trees


def _node(span: ReadableSpan) -> dict[str, object]:
    attributes = dict(span.attributes or {})
    node: dict[str, object] = {"name": span.name, "type": attributes["workflow.span.type"]}
    for key in ("Type", "Id", "Name"):
        if text := attributes.get(f"workflow.entity.{key.lower()}"):
            node[f"entity{key}"] = text
    node["isRootSpan"] = bool(attributes.get("workflow.root"))
    if span.end_time is None:
        node["ended"] = False
    if tags := attributes.get("workflow.tags"):
        node["tags"] = list(tags)
    for key in _JSON:
        if (text := attributes.get(f"workflow.{key}")) is not None:
            node[_NAMES.get(key, key)] = json.loads(text)
    if (status := attributes.get("workflow.status")) is not None:
        node.setdefault("attributes", {})["status"] = status
    node["children"] = []
    return node


def _place(node: dict[str, object], span: ReadableSpan) -> None:
    """The ids that the reference's record shows on the top of a tree."""
    attributes = span.attributes or {}
    node["traceId"] = attributes.get("workflow.trace_id") or f"{span.context.trace_id:032x}"
    node["spanId"] = f"{span.context.span_id:016x}"
    if text := attributes.get("workflow.external_parent_span_id"):
        node["externalParentSpanId"] = text
    elif span.parent is not None:
        node["parentSpanId"] = f"{span.parent.span_id:016x}"
