"""The tab of a run's page that shows its trace."""

from datetime import timedelta

from django.utils import timezone

from runs.models import Span, WorkflowRun
from runs.tracing.trace import read_trace

from .request import Request
from .run_page import RunPage
from .trace_view import Context, runs_of, trace_context

MOST_COUNTED = 100_000
MOST_EARLIER = 20
FRESH = timedelta(seconds=3)  # a span is stored a moment after its end


def trace_tab(page: RunPage, request: Request) -> Context:
    """The whole trace, other runs in it included; without a stored span only why there is none."""
    trace = read_trace(page.run.trace_id) if page.run.trace_id else None
    context: Context = {"trace": trace, "earlier": _other_traces(page.run)}
    if trace is None:
        ended = page.run.ended_at
        return context | {"is_fresh": ended is not None and timezone.now() - ended < FRESH}
    context |= trace_context(trace, request, keep="tab=trace&")
    return context | {"others": [run for run in runs_of(trace) if run.pk != page.run.pk]}


def _other_traces(run: WorkflowRun) -> list[str]:
    """Ids of the traces in which the run stood before: one sent back to a step begins a new one."""
    roots = Span.objects.roots().filter(run_id=run.pk).order_by("start_ns").values_list("trace_id", flat=True)
    found = dict.fromkeys(bytes(trace_id).hex() for trace_id in roots[:MOST_EARLIER])
    return [trace_id for trace_id in found if trace_id != run.trace_id.lower().rjust(32, "0")]


def span_count(run: WorkflowRun) -> int:
    """How many spans are stored of the run's trace."""
    try:
        return Span.objects.of_trace(run.trace_id).order_by()[:MOST_COUNTED].count() if run.trace_id else 0
    except ValueError:  # an id of another program's, that is no hexadecimal number
        return 0
