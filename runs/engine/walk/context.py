"""What the functions of a workflow are given: StepContext for steps, FunctionContext for conditions and the like."""

from collections.abc import Awaitable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ..data.json_value import to_json
from ..data.request_context import RequestContext
from ..data.schemas import STEP_STATE, STEP_SUSPEND, issues_text
from ..data.undefined import UNSET
from ..errors import StepRefused
from ..graph.conditions import truthy
from ..graph.step import Step
from ..log.records import Scope
from ..log.results import StepStatus
from ..trace.tracing import NO_SPAN, TracingContext
from ..trace.values import Value
from .cancellation import CancelToken

if TYPE_CHECKING:
    from ..data.schemas import Schema
    from .attempt import StepInvocation

I_co = TypeVar("I_co", covariant=True)


class Done:
    """An awaitable that is done already, so that a call may be awaited or not."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield  # makes it a generator


DONE = Done()


class Sink(Protocol):
    """Where chunks go."""

    def chunk(self, path: str, name: str, chunk: object, *, custom: bool) -> Awaitable[None]:
        """Store it, and hand it to whoever listens."""


class Writer:
    """Streams chunks out of a running step. They are kept in the run's log, in order, also when the step fails."""

    __slots__ = ("_name", "_path", "_sink")

    def __init__(self, sink: Sink, path: str, name: str) -> None:
        self._sink = sink
        self._path = path
        self._name = name

    def write(self, chunk: object) -> Awaitable[None]:
        """Stream any JSON value, named with the step. To be awaited in async functions. Raises NotJson."""
        return self._sink.chunk(self._path, self._name, chunk, custom=False)

    def custom(self, chunk: object) -> Awaitable[None]:
        """Stream a value as it is, such as `{"type": "data-note", "data": …}`. Raises NotJson."""
        return self._sink.chunk(self._path, self._name, chunk, custom=True)


def _own(value: object) -> object:
    """The value as an object of the caller's own: what it does to it must not change the run behind the log's back."""
    return value if value is UNSET or isinstance(value, str | int | float | None) else Value(value).copy()


def _own_state(scope: Scope) -> dict[str, object]:
    return {key: _own(value) for key, value in scope.state.items()}


def _output(scope: Scope, step: str | Step) -> object:
    record = scope.steps.get(step if isinstance(step, str) else step.id)
    return record.output if record is not None and record.status is StepStatus.SUCCESS else UNSET


class FunctionContext:
    """Given to conditions, mapping functions and functions that tell a duration or a concurrency."""

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

    def get_step_result(self, step: str | Step) -> object:
        """The output of a step that ended with success, else None."""
        output = _output(self._scope, step)
        return None if output is UNSET else _own(output)

    def abort(self) -> None:
        """Stop the run, as Run.cancel() does."""
        self.abort_signal.abort()


class StepContext(Generic[I_co]):
    """Given to a step's function, anew for each attempt. Nothing that is done to its values changes the run.

    `input`: an instance of the step's input model, else plain JSON data of the step's own. `resume_data`: the answer,
    UNSET when the step does not run on one. `suspend_data`: the question that was asked before. `retry_count` counts
    from 0. `idempotency_key` is the same in each attempt, also after a crash: hand it to services that must not act
    twice. `abort_signal` tells, by `aborted` and `wait()`, that the run was canceled.
    """

    # A step asks for little of what it is given: the rest is put together when it is asked for.
    __slots__ = (
        "_bailed",
        "_body",
        "_state_update",
        "_suspended",
        "input",
        "resume_data",
        "retry_count",
        "suspend_data",
        "writer",
    )

    def __init__(self, body: "StepInvocation", number: int, input: I_co, resume_data: Any) -> None:
        self._body = body
        self.input = input
        self.resume_data = resume_data
        self.retry_count = number
        self.writer = Writer(body.sink, body.site.path, body.site.step.id)
        self.suspend_data: Any = _own(body.record.suspend_payload)
        self._state_update: dict[str, object] | None = None
        self._suspended: tuple[object, tuple[str, ...]] | None = None
        self._bailed: object = NOT_BAILED

    @property
    def _scope(self) -> Scope:
        return self._body.site.flow.scope

    @property
    def input_data(self) -> I_co:
        """Same as `input`."""
        return self.input

    @property
    def run_id(self) -> str:
        """The run; in a nested workflow, the nested run."""
        return self._body.site.flow.run_id

    @property
    def workflow_id(self) -> str:
        """The workflow that the step stands in."""
        return self._body.workflow_id

    @property
    def resource_id(self) -> str | None:
        """Whom or what the run is for, as its caller said."""
        return self._body.ex.snapshot.resource_id

    @property
    def request_context(self) -> RequestContext:
        """What the caller hands to every step; what a step changes in it, all later ones see."""
        return self._body.ex.request_context

    @property
    def path(self) -> str:
        """Such as `pack_lines[3]` or `inner.charge`."""
        return self._body.site.path

    @property
    def iteration(self) -> int | None:
        """Of a loop, from 1."""
        return self._body.site.iteration

    @property
    def idempotency_key(self) -> str:
        """`run:path`, with `:iteration` in a loop."""
        body = self._body
        iteration = "" if body.site.iteration is None else f":{body.site.iteration}"
        return f"{body.run_id}:{body.path}{iteration}"

    @property
    def restarted(self) -> bool:
        """Whether the step has begun before, and was interrupted."""
        return self._body.start.again

    @property
    def abort_signal(self) -> CancelToken:
        """Tells that the run was canceled."""
        return self._body.ex.cancel

    @property
    def tracing(self) -> TracingContext:
        """The step's place in its trace, for what is to hang below it."""
        span = self._body.span
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

    def get_step_result(self, step: str | Step) -> object:
        """The output of a step of this workflow that ended with success, else None."""
        output = _output(self._scope, step)
        return None if output is UNSET else _own(output)

    def set_state(self, state: Mapping[str, object] | None) -> Awaitable[None]:
        """Merge these keys into the run's state when the step ends; of several calls the last one counts.

        A failed attempt sets nothing. Raises StepRefused when the value does not fit the step's state schema.
        """
        if not truthy(state):
            return DONE
        value = self._checked(self._body.site.step.state_schema, state, STEP_STATE, _STATE_CODE)
        self._state_update = dict(value) if isinstance(value, Mapping) else None
        self._body.ex.redactor.learn(self._state_update)  # what the step says next may hold it
        return DONE

    def suspend(self, payload: object = UNSET, *, resume_label: str | Iterable[str] | None = None) -> Awaitable[None]:
        """Let the run wait for an answer. Does not stop the function: return afterwards.

        `payload` is the question, and `suspend_data` when the step runs again from its start; `resume_label` names it
        for resume(label=…). Raises StepRefused when the payload does not fit the step's suspend schema.
        """
        value: object = UNSET  # an empty question is none, as in the reference
        if truthy(payload):
            value = self._checked(self._body.site.step.suspend_schema, payload, STEP_SUSPEND, _SUSPEND_CODE)
        labels = () if resume_label is None else (resume_label,) if isinstance(resume_label, str) else resume_label
        self._suspended = (value, tuple(labels))
        return DONE

    def bail(self, result: object = UNSET) -> None:
        """End the workflow with success and this result, once the function has returned."""
        self._bailed = result

    def abort(self) -> None:
        """Stop the run, as Run.cancel() does."""
        self.abort_signal.abort()

    def _checked(self, schema: "Schema | None", value: object, head: str, code: str | None) -> object:
        # Whether anything is checked, the outermost workflow decides, as in the reference.
        if schema is None or not self._body.ex.workflow.validate_inputs:
            return value if value is UNSET else to_json(value)
        parsed = schema.parse(value)
        if parsed.issues:
            raise StepRefused(issues_text(head, parsed.issues), code=code)
        return parsed.value


NOT_BAILED = object()
_SUSPEND_CODE = "WORKFLOW_STEP_SUSPEND_DATA_VALIDATION_FAILED"
_STATE_CODE = None  # the reference raises a plain error here
