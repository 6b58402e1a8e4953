"""The trace of the request that this thread serves: where a run that it starts or continues hangs."""

from opentelemetry import trace as otel

REQUEST_RUN = "workflow.run.id"  # the attribute of a request's span that names the run it has set going


def trace_parent() -> str | None:
    """The W3C traceparent of what this thread does now; None: it is in no trace."""
    place = otel.get_current_span().get_span_context()
    if not place.is_valid:
        return None
    return f"00-{place.trace_id:032x}-{place.span_id:016x}-{int(place.trace_flags) & 1:02x}"


def name_run(run_id: str) -> None:
    """Set the run's id on the request's span, which is stored for that."""
    otel.get_current_span().set_attribute(REQUEST_RUN, run_id)
