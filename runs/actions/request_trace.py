"""Where in a trace a run begins: in the request that asks for it, and by which words its trace is found."""

from collections.abc import Mapping
from typing import Any

from runs.engine import RequestContext, Workflow
from runs.engine.trace.tracing_options import TracingOptions


def trace_of(parent: str | None, tracing: TracingOptions) -> str:
    """The id of the trace that the run will be part of; "" when it gets one of its own."""
    if tracing.trace_id or tracing.parent_span_id or parent is None:
        return tracing.trace_id or ""
    return parent.split("-")[1]


def labels_for(
    workflow: Workflow, tracing: TracingOptions, context: Mapping[str, Any], input: object
) -> Mapping[str, Any]:
    """What a run of this workflow shall be found by: the metadata of its trace, without secrets."""
    if not tracing.metadata and not tracing.request_context_keys:
        return {}
    extracted = RequestContext(dict(context)).extract(tracing.request_context_keys)
    redactor = workflow.redactor.fork()
    redactor.learn_run(input, dict(context), tracing.metadata)
    hidden = redactor.apply({**extracted, **tracing.metadata})
    return hidden if isinstance(hidden, Mapping) else {}
