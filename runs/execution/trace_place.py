"""Where in a trace a run begins: in the request that asks for it, and by which words its trace is found."""

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace as otel

from runs.engine import RequestContext, Workflow
from runs.engine.tracing_options import TracingOptions

REQUEST_RUN = "workflow.run.id"  # the attribute by which a request's span tells which run it has started


def trace_parent() -> str | None:
    """The W3C traceparent of whatever this thread is doing now; None: it is in no trace."""
    place = otel.get_current_span().get_span_context()
    if not place.is_valid:
        return None
    return f"00-{place.trace_id:032x}-{place.span_id:016x}-{int(place.trace_flags) & 1:02x}"


def trace_of(parent: str | None, tracing: TracingOptions) -> str:
    """The id of the trace that the run will be part of; "" when it gets one of its own."""
    if tracing.trace_id or tracing.parent_span_id or parent is None:
        return tracing.trace_id or ""
    return parent.split("-")[1]


def tell_request(run_id: str) -> None:
    """Have the request's span, which is stored for that, name the run that it has started."""
    otel.get_current_span().set_attribute(REQUEST_RUN, run_id)


def labels_for(workflow: Workflow, tracing: TracingOptions, context: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a run of this workflow shall be found by: the metadata of its trace, without secrets."""
    if not tracing.metadata and not tracing.request_context_keys:
        return {}
    extracted = RequestContext(dict(context)).extract(tracing.request_context_keys)
    hidden = workflow.mask.apply({**extracted, **tracing.metadata})
    return hidden if isinstance(hidden, Mapping) else {}
