"""The options of a call such as start() beside its data, and the result of a run that has ended."""

from collections.abc import Mapping

from ..data.request_context import RequestContext
from ..log.records import RunSnapshot
from ..log.results import WorkflowResult
from ..log.step_result import run_result, shown_steps
from ..trace.tracing import TracingContext, TracingOptions
from .execution import OutputWriter

Context = RequestContext | Mapping[str, object] | None
Options = Mapping[str, object] | TracingOptions | None


class CallOptions:
    """The options of a call such as start(), beside its data."""

    __slots__ = ("context", "output_options", "output_writer", "per_step", "tracing_context", "tracing_options")

    def __init__(
        self,
        context: RequestContext | None,
        tracing_options: Options,
        output_options: Mapping[str, object] | None,
        per_step: bool,
        output_writer: OutputWriter | None,
        tracing_context: TracingContext | None,
    ) -> None:
        self.context = context
        self.tracing_options = tracing_options
        self.output_options = output_options
        self.per_step = per_step
        self.output_writer = output_writer
        self.tracing_context = tracing_context

    def shown_context(self) -> dict[str, object]:
        """The request context as plain data."""
        return self.context.to_dict() if self.context is not None else {}

    def data(self) -> dict[str, object]:
        """Return the options as keys of the event that starts or continues the run."""
        data: dict[str, object] = {}
        if options := options_of(self.tracing_options):
            data["tracingOptions"] = options
        if self.output_options:
            data["outputOptions"] = dict(self.output_options)
        if self.per_step:
            data["perStep"] = True
        return data


def options_of(options: Options) -> dict[str, object]:
    if options is None:
        return {}
    if isinstance(options, TracingOptions):
        return options.to_json()
    return dict(options)


def as_context(given: Context) -> RequestContext:
    """The caller's own RequestContext, or one of these values."""
    return given if isinstance(given, RequestContext) else RequestContext(given)


def stored_result(snapshot: RunSnapshot) -> WorkflowResult:
    """The result of a run that has ended, as restart() gives it: with all payloads, without a trace."""
    result = run_result(snapshot, trace_id=None, span_id=None)
    result.steps = shown_steps(snapshot.scopes[""], whole=True)
    result.state = dict(snapshot.state) if snapshot.state else None
    result.resume_labels = snapshot.resume_labels
    return result
