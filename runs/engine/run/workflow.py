"""Workflow: steps put together to a graph, and the runs of it."""

import inspect
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self

from ..commands.request import check_request
from ..commands.resuming import check_resume
from ..commands.time_travel import check_time_travel
from ..data import user_code
from ..data.failures import log_failure
from ..data.undefined import UNSET, Unset
from ..errors import InvalidWorkflow
from ..graph.conditions import Predicate
from ..graph.entries import Branch, Condition, Entry, ForEach, Loop, Parallel, Sleep, Then, entry_ids, serialise
from ..graph.ids import RUN_RULE, WORKFLOW_RULE, check_ids, is_address_id
from ..graph.lifecycle import RunEnd, RunInfo
from ..graph.mapping import MapConfig
from ..graph.step import RetryPolicy, Step, _schema
from ..graph.step_info import StepInfo, described, schema_json
from ..graph.version_hash import content_hash
from ..log.deadline import BY_CODE, BY_CONSOLE, BY_START, Deadline, checked_limit
from ..log.records import RunSnapshot
from ..log.store import MemoryRunStore, RunStore
from ..redaction.redactor import Redactor
from ..trace.tracing import EntryInfo, Tracing
from ..walk.context import StepContext
from .run import Run
from .runs import RunBook

logger = logging.getLogger("wfconsole.engine")

Callback = Callable[[Any], object]


class Workflow:
    """A named graph of steps. Add entries, then `commit()`; then `create_run()` gives runs to start.

    `input`, `output`, `state`, `request_context`: a Pydantic model, a type or a JSON Schema; None accepts anything.
    `retries`: for steps that have none of their own. `timeout`: seconds that a run may take from its start on, with all
    that it waits for; of nested workflows, the outermost one's counts. `validate_outputs`: also check what steps
    return. `on_start` is called before the first step and may refuse the run by raising; `on_finish` at every end,
    `on_error` at a failure.
    `store`: where runs are kept; absent: in memory; None: not at all. A workflow can be a step of another one.
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
        self.input_schema = _schema(input)
        self.output_schema = _schema(output)
        self.state_schema = _schema(state)
        self.request_context_schema = _schema(request_context)
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
        self.book = RunBook(self)

    def __repr__(self) -> str:
        return f"<Workflow {self.id}>"

    @property
    def listens(self) -> bool:
        """Whether anybody wants to hear of a run's end."""
        return self.on_finish is not None or self.on_error is not None

    @property
    def tracing(self) -> Tracing:
        """How its runs are traced: as given, else by the process's OpenTelemetry tracer provider."""
        return self._tracing if self._tracing is not None else Tracing.from_global(redactor=self.redactor)

    @property
    def redactor(self) -> Redactor:
        """What its schemas, and those of its steps, mark as secret, beside what is called like a secret."""
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

    # Building

    def _add(self, entry: Entry) -> Self:
        self.entries.append(entry)
        self._redactor = None
        self.committed = False
        return self

    def then(self, step: "Step | Workflow", **opts: Any) -> Self:
        """One step, which gets the output before it."""
        return self._add(Then(as_step(step), info=_info(opts)))

    def map(
        self, config: Mapping[str, object] | Callable[..., object] | MapConfig, *, id: str | None = None, **opts: Any
    ) -> Self:
        """The next input, put together from earlier outputs, state and context, or by a function.

        Raises InvalidWorkflow for a source or a template that cannot be read.
        """
        mapping = MapConfig.parse(config) if isinstance(config, Mapping) else config
        own = (
            id
            or f"mapping_{self.id}_{sum(isinstance(entry, Then) and entry.map is not None for entry in self.entries)}"
        )
        step = Step(_mapper(mapping), id=own, kind="mapping")
        return self._add(Then(step, mapping, _info({"id": id, **opts})))

    def parallel(self, steps: Sequence["Step | Workflow"], **opts: Any) -> Self:
        """All steps at once; their outputs come by step id."""
        return self._add(Parallel(tuple(as_step(step) for step in steps), _info(opts)))

    def branch(self, arms: Iterable[tuple[object, "Step | Workflow"]], **opts: Any) -> Self:
        """All steps at once whose condition holds: a function, or a predicate as data."""
        pairs = [(_condition(condition), as_step(step)) for condition, step in arms]
        conditions, steps = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
        return self._add(Branch(conditions, steps, _info(opts)))

    def _loop(self, step: "Step | Workflow", condition: object, kind: Literal["dowhile", "dountil"], opts: Any) -> Self:
        return self._add(Loop(as_step(step), _condition(condition), kind, _info(opts)))

    def dowhile(self, step: "Step | Workflow", condition: object, **opts: Any) -> Self:
        """The step, and again while the condition holds."""
        return self._loop(step, condition, "dowhile", opts)

    def dountil(self, step: "Step | Workflow", condition: object, **opts: Any) -> Self:
        """The step, and again until the condition holds."""
        return self._loop(step, condition, "dountil", opts)

    def foreach(self, step: "Step | Workflow", *, concurrency: float | Callable[..., object] = 1, **opts: Any) -> Self:
        """The step once for each item of the list before it. Less than 1 at a time counts as 1."""
        return self._add(ForEach(as_step(step), concurrency, _info(opts)))

    def sleep(self, duration: float | Callable[..., object], *, id: str | None = None, **opts: Any) -> Self:
        """Wait for so many seconds, or for what the function tells."""
        return self._add(Sleep(id or self._sleep_id(), duration=duration, info=_info({"id": id, **opts})))

    def sleep_until(self, until: datetime | Callable[..., object], *, id: str | None = None, **opts: Any) -> Self:
        """Wait until a moment, or until what the function tells. A time without a zone is UTC."""
        return self._add(Sleep(id or self._sleep_id(), until=until, info=_info({"id": id, **opts})))

    def _sleep_id(self) -> str:
        """As the reference makes it, but the same in every process: a run that sleeps must find its sleep again."""
        return f"sleep_{uuid.uuid5(uuid.NAMESPACE_OID, f'{self.id}/{len(self.entries)}')}"

    def commit(self) -> Self:
        """The graph is complete. Raises InvalidWorkflow for ids by which a step cannot be found; see graph/ids.py."""
        check_ids(self)
        self.committed = True
        return self

    def require_graph(self) -> None:
        """Raises InvalidWorkflow when there is nothing to run, or commit() was forgotten."""
        if not self.entries:
            raise InvalidWorkflow(
                "Execution flow of workflow is not defined. Add steps to the workflow via .then(), .branch(), etc."
            )
        if not self.committed:
            raise InvalidWorkflow("Uncommitted step flow changes detected. Call .commit() to register the steps.")

    # Checks of requests, for all ways in

    def check_request(self, request: Mapping[str, object]) -> dict[str, object]:
        """`{inputData, initialState, requestContext}` as a run gets them: parsed, defaults filled in.

        Raises InvalidInput: nothing was stored, nothing has run.
        """
        return check_request(self, request)

    def check_resume(self, snapshot: RunSnapshot, request: Mapping[str, object]) -> dict[str, object]:
        """The data of the `workflow-resume` event. Raises NotSuspended, InvalidInput: the run stays suspended."""
        return check_resume(self, snapshot, request)

    def check_time_travel(self, snapshot: RunSnapshot, request: Mapping[str, object]) -> dict[str, object]:
        """The data of the `workflow-time-travel` event. Raises CannotTimeTravel, InvalidInput: nothing was changed."""
        return check_time_travel(self, snapshot, request)

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

    # Runs

    def create_run(self, *, run_id: str | None = None, resource_id: str | None = None) -> Run:
        """A run to start. Of an id that has not ended yet it is the same object. Raises InvalidWorkflow."""
        self.require_graph()
        if run_id and not is_address_id(run_id):
            raise InvalidWorkflow(RUN_RULE)
        return self.book.open(run_id, resource_id)

    async def get_run(self, run_id: str, fields: Sequence[str] | None = None) -> dict[str, object] | None:
        """A stored run in the reference's form (getWorkflowRunById), or None."""
        return await self.book.state(run_id, fields)

    async def list_runs(self, **filters: Any) -> dict[str, object]:
        """`{"runs": […], "total"}`, newest first. Filters: status, resource_id, from_date, to_date, page, per_page."""
        return await self.book.listed(**filters)

    async def delete_run(self, run_id: str) -> None:
        """Forget a run; nothing happens when there is none."""
        await self.book.delete(run_id)

    async def restart_all_active_runs(self) -> None:
        """Restart every run that was left in the middle. One that fails to is logged."""
        await self.book.restart_all()

    async def load_snapshot(self, run_id: str) -> dict[str, object]:
        """The run as the reference would store it. Raises RunNotFound."""
        return await self.book.snapshot_form(run_id)

    # Callbacks

    async def announce(self, info: RunInfo) -> None:
        """Call on_start; what it raises comes through."""
        if self.on_start is not None:
            await user_code.call(self.on_start, info)

    async def notify_end(self, end: RunEnd) -> None:
        """Call on_finish, and on_error after a failure. What they raise is logged."""
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
                if step.workflow is not None:
                    step.workflow._describe(f"{path}.", found)

    def step_ids(self) -> list[str]:
        """The ids at the top, in graph order."""
        return [step_id for entry in self.entries for step_id in entry_ids(entry)]

    def content_hash(self) -> str:
        """Changes with what execution depends on: graph, schemas, code; not with words for people. Hexadecimal."""
        return content_hash(self)

    def as_step(self) -> Step:
        """The workflow as a step of another one."""
        return Step(
            None,
            id=self.id,
            kind="workflow",
            description=self.description,
            input=self.input_schema,
            output=self.output_schema,
            metadata=self.metadata,
            workflow=self,
        )


def as_step(step: "Step | Workflow") -> Step:
    """A step, or a workflow as a step. Raises InvalidWorkflow for anything else."""
    if isinstance(step, Step):
        return step
    if isinstance(step, Workflow):
        return step.as_step()
    raise InvalidWorkflow(f"{step!r} is neither a step nor a workflow. Make a function a step with @step.")


def _info(opts: Mapping[str, Any]) -> EntryInfo | None:
    told = {key: opts.get(key) for key in ("id", "description", "metadata")}
    if unknown := [key for key in opts if key not in told]:
        raise InvalidWorkflow(f"An entry has no option {unknown[0]!r}; use id, description and metadata.")
    return EntryInfo(**told) if any(value is not None for value in told.values()) else None


def _condition(condition: object) -> Condition:
    if isinstance(condition, Predicate) or callable(condition):
        return condition
    return Predicate.parse(condition)


def _mapper(mapping: MapConfig | Callable[..., object]) -> Callable[..., object]:
    async def apply(context: StepContext[Any]) -> object:
        async def call(function: Callable[..., object]) -> object:
            outcome = function(context)
            return await outcome if inspect.isawaitable(outcome) else outcome

        return await mapping.apply(context, call) if isinstance(mapping, MapConfig) else await call(mapping)

    return apply
