"""Step and @step: one piece of a workflow's work, with what it needs and what it gives."""

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, overload

from ..data.schemas import Schema
from ..errors import InvalidWorkflow
from ..log.deadline import checked_limit

StepFunction = Callable[..., object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failing step is tried again, and when.

    `attempts`: further tries after the first. `delay`: seconds before the second try; each further one waits
    `backoff` times longer, at most `max_delay` seconds. `timeout`: seconds that one try may take; None: no limit.
    Raises InvalidWorkflow for negative numbers.
    """

    attempts: int = 0
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        for name in ("attempts", "delay", "backoff", "max_delay", "timeout"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InvalidWorkflow(f"Retries: {name} is {value}; it must be 0 or more.")

    def wait(self, failed: int) -> float:
        """Seconds to wait after so many failed tries."""
        if not self.delay:
            return 0.0
        seconds = self.delay * float(self.backoff) ** min(failed - 1, 64)
        return seconds if self.max_delay is None else min(seconds, self.max_delay)


NO_RETRIES = RetryPolicy()


class Step:
    """A named function with its schemas. Made by `@step`; see NestedStep for a workflow as a step."""

    __slots__ = (
        "description",
        "function",
        "id",
        "input_schema",
        "is_async",
        "kind",
        "metadata",
        "output_schema",
        "request_context_schema",
        "resume_schema",
        "retries",
        "state_schema",
        "suspend_schema",
        "timeout",
    )

    def __init__(
        self,
        function: StepFunction | None,
        *,
        id: str,
        kind: str = "step",
        description: str | None = None,
        input: Any = None,
        output: Any = None,
        resume: Any = None,
        suspend: Any = None,
        state: Any = None,
        request_context: Any = None,
        retries: int | RetryPolicy | None = None,
        timeout: float | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Each schema is a Pydantic model, a type, a JSON Schema or a Schema; None accepts anything, unchecked.

        `kind` is `step`, `mapping` or `workflow`. Raises InvalidWorkflow for an empty id or a broken schema.
        """
        if not id or not isinstance(id, str):
            raise InvalidWorkflow("A step needs an id, a text that is not empty.")
        self.id = id
        self.kind = kind
        self.function = function
        self.is_async = function is not None and is_async(function)
        self.description = description
        self.input_schema = as_schema(input)
        self.output_schema = as_schema(output)
        self.resume_schema = as_schema(resume)
        self.suspend_schema = as_schema(suspend)
        self.state_schema = as_schema(state)
        self.request_context_schema = as_schema(request_context)
        self.retries = retries
        self.timeout = checked_limit(timeout, f"Step {id}")
        self.metadata = dict(metadata) if metadata is not None else None

    def __repr__(self) -> str:
        return f"<Step {self.id}>"

    def __call__(self, context: object) -> object:
        """Run the function, as a test of the step alone would."""
        if self.function is None:
            raise TypeError(f"{self.id} is not a function")
        return self.function(context)

    @property
    def can_suspend(self) -> bool:
        """Whether the step says that it may wait for an answer."""
        return self.resume_schema is not None or self.suspend_schema is not None

    def serialise(self) -> dict[str, object]:
        """Return the step inside an entry, in the reference's serialised form."""
        data: dict[str, object] = {"id": self.id}
        if self.description:
            data["description"] = self.description
        if self.metadata:
            data["metadata"] = self.metadata
        return {"type": "step", "step": data | {"canSuspend": self.can_suspend}}

    def renamed(
        self, step_id: str, *, description: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> Self:
        """Return a copy of the step with another id, and with other words for people."""
        renamed = copy.copy(self)
        renamed.id, renamed.description = step_id, description
        renamed.metadata = dict(metadata) if metadata is not None else None
        return renamed

    def time_limit(self, of_workflow: RetryPolicy) -> float | None:
        """Seconds that one try may take: the step's own limit, or its policy's."""
        return self.timeout if self.timeout is not None else self.retry_policy(of_workflow).timeout

    def retry_policy(self, of_workflow: RetryPolicy) -> RetryPolicy:
        """The step's own policy wins; its own plain number takes the workflow's waits."""
        if self.retries is None:
            return of_workflow
        if isinstance(self.retries, RetryPolicy):
            return self.retries
        return RetryPolicy(
            attempts=self.retries,
            delay=of_workflow.delay,
            backoff=of_workflow.backoff,
            max_delay=of_workflow.max_delay,
            timeout=of_workflow.timeout,
        )


def is_async(function: Callable[..., object]) -> bool:
    """Whether calling it gives an awaitable; also of callable objects and functools.partial."""
    if inspect.iscoroutinefunction(function):
        return True
    inner = getattr(function, "func", None)
    if callable(inner):
        return is_async(inner)
    call = vars(type(function)).get("__call__")
    return inspect.iscoroutinefunction(call)


def as_schema(source: Any) -> Schema | None:
    """Return the schema of a model, a type or a JSON Schema; None for None. Raises InvalidWorkflow."""
    return None if source is None else Schema.of(source)


@overload
def step(function: StepFunction, /) -> Step: ...
@overload
def step(
    function: None = None,
    /,
    *,
    id: str | None = None,
    description: str | None = None,
    input: Any = None,
    output: Any = None,
    resume: Any = None,
    suspend: Any = None,
    state: Any = None,
    request_context: Any = None,
    retries: int | RetryPolicy | None = None,
    timeout: float | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Callable[[StepFunction], Step]: ...


def step(function: StepFunction | None = None, /, *, id: str | None = None, **options: Any) -> Any:
    """Make a step of `async def f(ctx)` or `def f(ctx)`; the latter runs in a thread of its own.

    The id is the function's name, the description the first paragraph of its docstring, unless given. `input`,
    `output`, `resume` (the answer), `suspend` (the question), `state` and `request_context` are Pydantic models, types
    or JSON Schemas. With a model, `ctx.input` is an instance of it. The function returns a model or plain JSON data;
    UNSET says "no output". `timeout`: seconds that one try may take; a function in a thread is left behind then, and
    interrupted as soon as Python allows.
    """

    def make(function: StepFunction) -> Step:
        described = options.pop("description", None) or first_paragraph(function)
        return Step(function, id=id or function.__name__, description=described, **options)

    return make if function is None else make(function)


def first_paragraph(function: object) -> str | None:
    """What a function's docstring says first, in one line."""
    words = inspect.getdoc(function)
    return " ".join(words.split("\n\n", 1)[0].split()) if words else None
