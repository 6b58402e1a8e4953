"""Where an execution's span hangs: in a trace of its own, in that of a request, or in that of the run until now."""

from ..data.undefined import UNSET
from ..log.events import EventType
from ..trace.tracing import Origin, TraceLink, TraceSpan
from .execution import Execution


def start_span(ex: Execution) -> TraceSpan:
    """The span of this execution. After an answer it continues the trace; a new start has a trace of its own."""
    snapshot = ex.snapshot
    resumed: TraceLink | None = None
    options = snapshot.tracing_options
    input: object = UNSET
    untouched = snapshot.seq == snapshot.control_seq
    origin = Origin(snapshot.control_at if untouched else None, snapshot.trace_parent)
    if snapshot.control == EventType.RUN_RESUME and snapshot.resume is not None:
        input = snapshot.resume.data
        if snapshot.trace_id is not None and snapshot.span_id is not None:
            resumed = TraceLink(snapshot.trace_id, snapshot.span_id)
    elif not untouched and snapshot.trace_id is not None:  # taken up after a crash or a sleep: still the same trace
        options = {"traceId": snapshot.trace_id, **options}
        origin = origin._replace(continues=snapshot.span_id)
    elif snapshot.control == EventType.RUN_TIME_TRAVEL:
        input = snapshot.travel_input
    elif snapshot.control == EventType.RUN_START and untouched:
        input = snapshot.input
    return ex.tracing.start_run(
        workflow_id=ex.workflow.id,
        run_id=snapshot.run_id,
        resource_id=snapshot.resource_id,
        input=input,
        request_context=ex.request_context,
        options=options,
        tracing_context=ex.tracing_context,
        resumed=resumed,
        origin=origin,
        redactor=ex.redactor,
    )
