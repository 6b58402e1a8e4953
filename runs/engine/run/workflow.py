"""Workflow: steps put together to a graph, and the runs of it."""

import inspect
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Self

from ..commands.request import check_request
from ..commands.resuming import check_resume
from ..commands.time_travel import check_time_travel
from ..errors import InvalidWorkflow
from ..graph.conditions import Predicate
from ..graph.entries import Branch, Condition, Entry, ForEach, Loop, Parallel, Sleep, Then
from ..graph.graph import Graph, as_step
from ..graph.ids import RUN_RULE, is_address_id
from ..graph.mapping import MapConfig
from ..graph.step import Step
from ..graph.step_paths import check_ids
from ..graph.version_hash import content_hash
from ..log.records import RunSnapshot
from ..trace.tracing import EntryInfo
from ..walk.context import StepContext
from .run import Run
from .runs import RunBook


class Workflow(Graph):
    """A named graph of steps. Add entries, then `commit()`; then `create_run()` gives runs to start.

    `input`, `output`, `state`, `request_context`: a Pydantic model, a type or a JSON Schema; None accepts anything.
    `retries`: for steps that have none of their own. `timeout`: seconds that a run may take from its start on, with all
    that it waits for; of nested workflows, the outermost one's counts. `validate_outputs`: also check what steps
    return. `on_start` is called before the first step and may refuse the run by raising; `on_finish` at every end,
    `on_error` at a failure.
    `store`: where runs are stored; absent: in memory; None: not at all. A workflow can be a step of another one.
    """

    @cached_property
    def book(self) -> RunBook:
        """The runs of this workflow that have not ended in this process."""
        return RunBook(self)

    # Building

    def _add(self, entry: Entry) -> Self:
        self.entries.append(entry)
        self._redactor = None
        self.committed = False
        return self

    def then(self, step: Step | Graph, **opts: Any) -> Self:
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

    def parallel(self, steps: Sequence[Step | Graph], **opts: Any) -> Self:
        """All steps at once; their outputs come by step id."""
        return self._add(Parallel(tuple(as_step(step) for step in steps), _info(opts)))

    def branch(self, arms: Iterable[tuple[object, Step | Graph]], **opts: Any) -> Self:
        """All steps at once whose condition holds: a function, or a predicate as data."""
        pairs = [(_condition(condition), as_step(step)) for condition, step in arms]
        conditions, steps = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
        return self._add(Branch(conditions, steps, _info(opts)))

    def _loop(self, step: Step | Graph, condition: object, kind: Literal["dowhile", "dountil"], opts: Any) -> Self:
        return self._add(Loop(as_step(step), _condition(condition), kind, _info(opts)))

    def dowhile(self, step: Step | Graph, condition: object, **opts: Any) -> Self:
        """The step, and again while the condition holds."""
        return self._loop(step, condition, "dowhile", opts)

    def dountil(self, step: Step | Graph, condition: object, **opts: Any) -> Self:
        """The step, and again until the condition holds."""
        return self._loop(step, condition, "dountil", opts)

    def foreach(self, step: Step | Graph, *, concurrency: float | Callable[..., object] = 1, **opts: Any) -> Self:
        """The step once for each item of the list before it. Less than 1 at a time counts as 1."""
        return self._add(ForEach(as_step(step), concurrency, _info(opts)))

    def sleep(self, duration: float | Callable[..., object], *, id: str | None = None, **opts: Any) -> Self:
        """Add a pause of so many seconds, or of what the function returns."""
        return self._add(Sleep(id or self._sleep_id(), duration=duration, info=_info({"id": id, **opts})))

    def sleep_until(self, until: datetime | Callable[..., object], *, id: str | None = None, **opts: Any) -> Self:
        """Add a pause until a moment, or until what the function returns. A time without a zone is UTC."""
        return self._add(Sleep(id or self._sleep_id(), until=until, info=_info({"id": id, **opts})))

    def _sleep_id(self) -> str:
        """As the reference makes it, but the same in every process: a run that sleeps must find its sleep again."""
        return f"sleep_{uuid.uuid5(uuid.NAMESPACE_OID, f'{self.id}/{len(self.entries)}')}"

    def commit(self) -> Self:
        """The graph is complete. Raises InvalidWorkflow for ids by which a step cannot be found; see graph/ids.py."""
        check_ids(self)
        self.committed = True
        return self

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

    def content_hash(self) -> str:
        """Changes with what execution depends on: graph, schemas, code; not with words for people. Hexadecimal."""
        return content_hash(self)


def _info(opts: Mapping[str, Any]) -> EntryInfo | None:
    info = {key: opts.get(key) for key in ("id", "description", "metadata")}
    if unknown := [key for key in opts if key not in info]:
        raise InvalidWorkflow(f"An entry has no option {unknown[0]!r}; use id, description and metadata.")
    return EntryInfo(**info) if any(value is not None for value in info.values()) else None


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
