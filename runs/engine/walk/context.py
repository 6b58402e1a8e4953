"""What the functions of a workflow are given: StepContext for steps, FunctionContext for conditions and the like."""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from ..data.json_value import to_json
from ..data.request_context import RequestContext
from ..data.schemas import STEP_STATE, STEP_SUSPEND, Schema, issues_text
from ..data.undefined import UNSET
from ..errors import StepRefused
from ..graph.conditions import truthy
from ..graph.step import Step
from ..log.records import Scope
from ..log.results import StepStatus
from ..trace.tracing import NO_SPAN, TraceSpan, TracingContext
from ..trace.values import Value
from .cancellation import CancelToken
from .execution import Execution
from .invocation import StepInvocation
from .position import GraphFrame
from .writer import DONE, Writer

I_co = TypeVar("I_co", covariant=True)


def _own(value: object) -> object:
    """The value as an object of the caller's own: what it does to it must not change the run behind the log's back."""
    return value if value is UNSET or isinstance(value, str | int | float | None) else Value(value).copy()


def _own_state(scope: Scope) -> dict[str, object]:
    return {key: _own(value) for key, value in scope.state.items()}


def _output(scope: Scope, step: str | Step) -> object:
    record = scope.steps.get(step if isinstance(step, str) else step.id)
    return record.output if record is not None and record.status is StepStatus.SUCCESS else UNSET


class FunctionContext:
    """Given to conditions, mapping functions and functions that return a duration or a concurrency."""

    __slots__ = (
        "_scope",
        "abort_signal",
        "input_data",
        "iteration_count",
        "request_context",
        "resource_id",
        "retry_count",
        "run_id",
        "tracing",
        "workflow_id",
        "writer",
    )

    def __init__(
        self,
        scope: Scope,
        *,
        input_data: object,
        run_id: str,
        workflow_id: str,
        resource_id: str | None,
        request_context: RequestContext,
        abort_signal: CancelToken,
        writer: Writer,
        tracing: TracingContext,
        iteration_count: int | None = None,
    ) -> None:
        self._scope = scope
        self.input_data = input_data
        self.run_id = run_id
        self.workflow_id = workflow_id
        self.resource_id = resource_id
        self.request_context = request_context
        self.abort_signal = abort_signal
        self.writer = writer
        self.tracing = tracing
        self.iteration_count = iteration_count  # of a loop, from 1
        self.retry_count = -1

    @property
    def input(self) -> object:
        """The output of the entry before; same as `input_data`."""
        return self.input_data

    @property
    def init_data(self) -> object:
        """The input of this workflow."""
        return self._scope.input

    @property
    def state(self) -> dict[str, object]:
        """The run's state, as it is now."""
        return _own_state(self._scope)

    def get_init_data(self) -> object:
        """Same as `init_data`."""
        return _own(self._scope.input)

    def step_output(self, step_id: str) -> object:
        """The output of a step that ended with success, else UNSET."""
        return _output(self._scope, step_id)

    def get_step_result(self, step: str | Step) -> Any:
        """The output of a step that ended with success, else None."""
        output = _output(self._scope, step)
        return None if output is UNSET else _own(output)

    def abort(self) -> None:
        """Stop the run, as Run.cancel() does."""
        self.abort_signal.abort()


def function_context(
    ex: Execution, flow: GraphFrame, input_data: object, name: str, span: TraceSpan, iteration: int | None = None
) -> FunctionContext:
    """Return the context of a condition or another function of the graph; `name` is the step name of its chunks."""
    path = f"{flow.scope.path}.{name}" if flow.scope.path else name
    return FunctionContext(
        flow.scope,
        input_data=input_data,
        run_id=flow.run_id,
        workflow_id=flow.workflow.id,
        resource_id=ex.snapshot.resource_id,
        request_context=ex.request_context,
        abort_signal=ex.cancel,
        writer=Writer(ex, path, name),
        tracing=TracingContext(span if span is not NO_SPAN else None),
        iteration_count=iteration,
    )


class StepContext(Generic[I_co]):
    """Passed to a step's function, a new one for each attempt. Changes to its values do not change the run.

    `input`: an instance of the step's input model, else plain JSON data of the step's own. `resume_data`: the answer,
    UNSET when the step does not run on one. `suspend_data`: the question that was asked before. `retry_count` counts
    from 0. `idempotency_key` is the same in each attempt, also after a crash: hand it to services that must not act
    twice. `abort_signal` has `aborted` and `wait()` for the cancellation of the run.
    """

    # A step asks for little of what it is given: the rest is put together when it is asked for.
    __slots__ = (
        "_bailed",
        "_invocation",
        "_state_update",
        "_suspended",
        "input",
        "resume_data",
        "retry_count",
        "suspend_data",
        "writer",
    )

    def __init__(self, invocation: StepInvocation, number: int, input: I_co, resume_data: Any) -> None:
        self._invocation = invocation
        self.input = input
        self.resume_data = resume_data
        self.retry_count = number
        self.writer = Writer(invocation.sink, invocation.site.path, invocation.site.step.id)
        self.suspend_data: Any = _own(invocation.record.suspend_payload)
        self._state_update: dict[str, object] | None = None
        self._suspended: tuple[object, tuple[str, ...]] | None = None
        self._bailed: object = NOT_BAILED

    @property
    def _scope(self) -> Scope:
        return self._invocation.site.flow.scope

    @property
    def input_data(self) -> I_co:
        """Same as `input`."""
        return self.input

    @property
    def run_id(self) -> str:
        """The run; in a nested workflow, the nested run."""
        return self._invocation.site.flow.run_id

    @property
    def workflow_id(self) -> str:
        """The workflow that the step is part of."""
        return self._invocation.workflow_id

    @property
    def resource_id(self) -> str | None:
        """Whom or what the run is for, as its caller said."""
        return self._invocation.ex.snapshot.resource_id

    @property
    def request_context(self) -> RequestContext:
        """What the caller hands to every step; what a step changes in it, all later ones see."""
        return self._invocation.ex.request_context

    @property
    def path(self) -> str:
        """Such as `pack_lines[3]` or `inner.charge`."""
        return self._invocation.site.path

    @property
    def iteration(self) -> int | None:
        """Of a loop, from 1."""
        return self._invocation.site.iteration

    @property
    def idempotency_key(self) -> str:
        """`run:path`, with `:iteration` in a loop."""
        invocation = self._invocation
        iteration = "" if invocation.site.iteration is None else f":{invocation.site.iteration}"
        return f"{invocation.run_id}:{invocation.path}{iteration}"

    @property
    def restarted(self) -> bool:
        """Whether the step has begun before, and was interrupted."""
        return self._invocation.start.again

    @property
    def abort_signal(self) -> CancelToken:
        """The cancellation of the run."""
        return self._invocation.ex.cancel

    @property
    def tracing(self) -> TracingContext:
        """The step's place in its trace, for what is to hang below it."""
        span = self._invocation.span
        return TracingContext(None if span is NO_SPAN else span)

    @property
    def state(self) -> dict[str, object]:
        """The run's state, as it is now; what this step sets itself comes in when the step ends."""
        return _own_state(self._scope)

    @property
    def init_data(self) -> object:
        """Same as get_init_data()."""
        return self._scope.input

    def get_init_data(self) -> object:
        """The input of this workflow; in a nested one, the nested input."""
        return _own(self._scope.input)

    def step_output(self, step_id: str) -> object:
        """The output of a step that ended with success, else UNSET."""
        return _output(self._scope, step_id)

    def get_step_result(self, step: str | Step) -> Any:
        """The output of a step of this workflow that ended with success, else None."""
        output = _output(self._scope, step)
        return None if output is UNSET else _own(output)

    def set_state(self, state: Mapping[str, object] | None) -> Awaitable[None]:
        """Merge these keys into the run's state when the step ends; of several calls the last one counts.

        A failed attempt sets nothing. Raises StepRefused when the value does not fit the step's state schema.
        """
        if not truthy(state):
            return DONE
        value = self._checked(self._invocation.site.step.state_schema, state, STEP_STATE, _STATE_CODE)
        self._state_update = dict(value) if isinstance(value, Mapping) else None
        self._invocation.ex.redactor.learn(self._state_update)  # what the step says next may hold it
        return DONE

    def suspend(self, payload: object = UNSET, *, resume_label: str | Iterable[str] | None = None) -> Awaitable[None]:
        """Let the run wait for an answer. Does not stop the function: return afterwards.

        `payload` is the question, and `suspend_data` when the step runs again from its start; `resume_label` names it
        for resume(label=…). Raises StepRefused when the payload does not fit the step's suspend schema.
        """
        value: object = UNSET  # an empty question is none, as in the reference
        if truthy(payload):
            value = self._checked(self._invocation.site.step.suspend_schema, payload, STEP_SUSPEND, _SUSPEND_CODE)
        labels = () if resume_label is None else (resume_label,) if isinstance(resume_label, str) else resume_label
        self._suspended = (value, tuple(labels))
        return DONE

    def bail(self, result: object = UNSET) -> None:
        """End the workflow with success and this result, once the function has returned."""
        self._bailed = result

    def abort(self) -> None:
        """Stop the run, as Run.cancel() does."""
        self.abort_signal.abort()

    def _checked(self, schema: Schema | None, value: object, head: str, code: str | None) -> object:
        # Whether anything is checked, the outermost workflow decides, as in the reference.
        if schema is None or not self._invocation.ex.workflow.validate_inputs:
            return value if value is UNSET else to_json(value)
        parsed = schema.parse(value)
        if parsed.issues:
            raise StepRefused(issues_text(head, parsed.issues), code=code)
        return parsed.value


NOT_BAILED = object()
_SUSPEND_CODE = "WORKFLOW_STEP_SUSPEND_DATA_VALIDATION_FAILED"
_STATE_CODE = None  # the reference raises a plain error here
