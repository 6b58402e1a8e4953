"""Graph: the entries of a workflow with its id, schemas, limits and callbacks; and NestedStep, a graph as a step."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..data import user_code
from ..data.failures import log_failure
from ..data.undefined import UNSET, Unset
from ..errors import InvalidWorkflow
from ..log.deadline import BY_CODE, BY_CONSOLE, BY_START, Deadline, checked_limit
from ..log.store import MemoryRunStore, RunStore
from ..redaction.redactor import Redactor
from ..trace.tracing import Tracing
from .entries import Entry, Sleep, entry_ids, serialise
from .ids import WORKFLOW_RULE, is_address_id
from .lifecycle import RunEnd, RunInfo
from .step import RetryPolicy, Step, as_schema
from .step_info import StepInfo, described, schema_json

logger = logging.getLogger("wfconsole.engine")

Callback = Callable[[Any], object]


class Graph:
    """What is executed: entries in order, and what applies to all of them. Workflow adds the ways to build and run it.

    The commands and the walk know only this class. The parameters are described at Workflow.
    """

    def __init__(
        self,
        *,
        id: str,
        description: str | None = None,
        input: Any = None,
        output: Any = None,
        state: Any = None,
        request_context: Any = None,
        retries: int | RetryPolicy = 0,
        timeout: float | None = None,
        metadata: Mapping[str, object] | None = None,
        validate_inputs: bool = True,
        validate_outputs: bool = False,
        on_start: Callback | None = None,
        on_finish: Callback | None = None,
        on_error: Callback | None = None,
        store: RunStore | Unset | None = UNSET,
        tracing: Tracing | None = None,
    ) -> None:
        if not is_address_id(id):
            raise InvalidWorkflow(f"Workflow {id!r} cannot have this id. {WORKFLOW_RULE}")
        self.id = id
        self.description = description
        self.metadata = dict(metadata) if metadata is not None else None
        self.input_schema = as_schema(input)
        self.output_schema = as_schema(output)
        self.state_schema = as_schema(state)
        self.request_context_schema = as_schema(request_context)
        self.retries = retries if isinstance(retries, RetryPolicy) else RetryPolicy(attempts=retries)
        self.timeout = checked_limit(timeout, f"Workflow {id}")
        self.validate_inputs = validate_inputs
        self.validate_outputs = validate_outputs
        self.on_start = on_start
        self.on_finish = on_finish
        self.on_error = on_error
        self.entries: list[Entry] = []
        self.committed = False
        self._tracing = tracing
        self._redactor: Redactor | None = None
        self.store: RunStore | None = MemoryRunStore() if isinstance(store, Unset) else store

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    @property
    def listens(self) -> bool:
        """Whether the end of a run has to be announced to a callback."""
        return self.on_finish is not None or self.on_error is not None

    @property
    def tracing(self) -> Tracing:
        """The tracing of its runs: its own, else the process's OpenTelemetry tracer provider."""
        return self._tracing if self._tracing is not None else Tracing.from_global(redactor=self.redactor)

    @property
    def redactor(self) -> Redactor:
        """Redacts what its schemas, and those of its steps, mark as secret, and what has the name of a secret."""
        if self._redactor is None:
            described = self.describe_steps().values()
            own = (self.input_schema, self.output_schema, self.state_schema, self.request_context_schema)
            schemas = [schema for step in described for schema in (step.input_schema, step.output_schema)]
            schemas += [schema for step in described for schema in (step.resume_schema, step.suspend_schema)]
            self._redactor = Redactor.of(*(schema_json(schema) for schema in own), *schemas)
            roots = [schema_json(self.input_schema), *(step.resume_schema for step in described)]
            self._redactor.mark_whole(*roots)
            self._redactor.never_secret([self.id, *(part for step in described for part in (step.id, step.path))])
        return self._redactor

    def require_graph(self) -> None:
        """Raises InvalidWorkflow when there is nothing to run, or commit() was forgotten."""
        if not self.entries:
            raise InvalidWorkflow(
                "Execution flow of workflow is not defined. Add steps to the workflow via .then(), .branch(), etc."
            )
        if not self.committed:
            raise InvalidWorkflow("Uncommitted step flow changes detected. Call .commit() to register the steps.")

    def deadline(self, timeout: float | None, begins_at: int, *, of_console: float | None = None) -> Deadline | None:
        """When a run that begins then (epoch milliseconds) fails if it has not ended: None: it has all the time.

        The start's own limit wins over the console's, that over the workflow's. Raises InvalidWorkflow for a limit
        that is none.
        """
        limits = ((timeout, BY_START), (of_console, BY_CONSOLE), (self.timeout, BY_CODE))
        for limit, set_by in limits:
            if limit is not None and (seconds := checked_limit(limit, f"A start of {self.id}")) is not None:
                return Deadline.after(seconds, set_by, begins_at)
        return None

    # Callbacks

    async def announce(self, info: RunInfo) -> None:
        """Call on_start. Raises what it raises."""
        if self.on_start is not None:
            await user_code.call(self.on_start, info)

    async def notify_end(self, end: RunEnd) -> None:
        """Call on_finish, and on_error after a failure; what they raise is logged."""
        failed = end.status in ("failed", "tripwire")
        for callback in (self.on_finish, self.on_error if failed else None):
            if callback is None:
                continue
            try:
                await user_code.call(callback, end)
            except Exception as error:
                log_failure(logger, "A callback of workflow %s failed", self.id, error=error)

    # Description

    def serialized_step_graph(self) -> list[dict[str, object]]:
        """The graph as data, in the reference's form."""
        return [serialise(entry) for entry in self.entries]

    def describe_steps(self) -> dict[str, StepInfo]:
        """All steps by path, those of nested workflows included; items of a foreach have the step's own path."""
        found: dict[str, StepInfo] = {}
        self._describe("", found)
        return found

    def _describe(self, prefix: str, found: dict[str, StepInfo]) -> None:
        for entry in self.entries:
            if isinstance(entry, Sleep):
                description = entry.info.description if entry.info else None
                found[prefix + entry.id] = StepInfo(entry.id, prefix + entry.id, "sleep", description)
            for step in entry.steps:
                path = prefix + step.id
                found[path] = described(step, path, self.retries)
                if isinstance(step, NestedStep):
                    step.workflow._describe(f"{path}.", found)

    def step_ids(self) -> list[str]:
        """The ids at the top, in graph order."""
        return [step_id for entry in self.entries for step_id in entry_ids(entry)]

    def as_step(self) -> Step:
        """Return the workflow as a step of another one."""
        return NestedStep(self)


class NestedStep(Step):
    """A graph as a step of another one. Its input and output schemas are the graph's."""

    __slots__ = ("workflow",)

    def __init__(self, workflow: Graph) -> None:
        super().__init__(
            None,
            id=workflow.id,
            kind="workflow",
            description=workflow.description,
            input=workflow.input_schema,
            output=workflow.output_schema,
            metadata=workflow.metadata,
        )
        self.workflow = workflow

    def serialise(self) -> dict[str, object]:
        """As Step.serialise(), with the entries of the graph."""
        data: dict[str, object] = {"type": "workflow", "id": self.id, "workflowId": self.workflow.id}
        if self.description:
            data["description"] = self.description
        return data | {"serializedStepFlow": self.workflow.serialized_step_graph()}


def as_step(step: Step | Graph) -> Step:
    """Return a step, or a workflow as a step. Raises InvalidWorkflow for anything else."""
    if isinstance(step, Step):
        return step
    if isinstance(step, Graph):
        return step.as_step()
    raise InvalidWorkflow(f"{step!r} is neither a step nor a workflow. Make a function a step with @step.")
