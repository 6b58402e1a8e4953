"""The runs of a workflow: those under way in this process, and those in its store, in the reference's form."""

import asyncio
import logging
import os
import uuid
from collections.abc import Sequence

from ..errors import EngineError, RunNotFound
from ..graph.graph import Graph
from ..log.events import Event
from ..log.fold import fold
from ..log.results import RunStatus
from ..log.store import MemoryRunStore, RunCard, RunStore, now_ms
from .run import Run
from .run_state import run_state, snapshot_form
from .stored_run import StoredRun

logger = logging.getLogger("wfconsole.engine")

RESTARTS_AT_ONCE = 10


def new_run_id() -> str:
    """A UUID of version 7: it begins with the time, so that ids sort by it."""
    number = (now_ms() << 80) | int.from_bytes(os.urandom(10))
    number = (number & ~(0xF << 76)) | (7 << 76)
    number = (number & ~(0x3 << 62)) | (2 << 62)
    return str(uuid.UUID(int=number))


class RunBook:
    """The runs of a workflow: the open ones of this process, and those of its store."""

    def __init__(self, workflow: Graph) -> None:
        self._workflow = workflow
        self._open: dict[str, Run] = {}

    @property
    def _store(self) -> RunStore:
        return self._workflow.store if self._workflow.store is not None else MemoryRunStore()

    def open(self, run_id: str | None, resource_id: str | None) -> Run:
        """The run of that id, the same object until it has ended."""
        key = run_id or new_run_id()
        run = self._open.get(key)
        if run is None:
            run = self._open[key] = Run(self._workflow, key, resource_id, self._ended)
        return run

    def _ended(self, run: StoredRun) -> None:
        """Forget a run that has ended: a further one of its id is another object."""
        if self._open.get(run.run_id) is run:
            del self._open[run.run_id]

    async def state(self, run_id: str, fields: Sequence[str] | None) -> dict[str, object] | None:
        """See Workflow.get_run."""
        run = self._open.get(run_id)
        if self._workflow.store is None:
            return None if run is None else self._in_memory(run)
        if run is not None:
            await run.prepare()
        try:
            card, events = await self._load(run_id)
        except RunNotFound:
            return None
        snapshot = fold(run_id, self._workflow.id, events)
        return run_state(self._workflow.serialized_step_graph(), card, snapshot, fields)

    def _in_memory(self, run: Run) -> dict[str, object]:
        at = now_ms()
        state: dict[str, object] = {"runId": run.run_id, "workflowName": self._workflow.id}
        if run.resource_id is not None:
            state["resourceId"] = run.resource_id
        state |= {"createdAt": at, "updatedAt": at, "isFromInMemory": True}
        return state | {"status": run.status.value, "steps": {}}

    async def _load(self, run_id: str) -> tuple[RunCard, list[Event]]:
        card = await self._store.card(run_id)
        if card.workflow_id != self._workflow.id:
            raise RunNotFound(f"There is no run {run_id} of workflow {self._workflow.id}.")
        return card, await self._store.load(run_id)

    async def snapshot_form(self, run_id: str) -> dict[str, object]:
        """See Workflow.load_snapshot."""
        card, events = await self._load(run_id)
        graph = self._workflow.serialized_step_graph()
        return snapshot_form(graph, card, fold(run_id, self._workflow.id, events))

    async def listed(
        self,
        *,
        status: RunStatus | str | None = None,
        resource_id: str | None = None,
        from_date: int | None = None,
        to_date: int | None = None,
        page: int | None = None,
        per_page: int | None = None,
    ) -> dict[str, object]:
        """See Workflow.list_runs. Dates are epoch milliseconds, bounds included; pages count from 0."""
        if self._workflow.store is None:
            return {"runs": [], "total": 0}
        for run in list(self._open.values()):
            await run.prepare()
        wanted = RunStatus(status) if status is not None else None
        cards = await self._store.cards(workflow_id=self._workflow.id, status=wanted, resource_id=resource_id)
        cards = [
            card
            for card in cards
            if (from_date is None or card.created_at >= from_date) and (to_date is None or card.created_at <= to_date)
        ]
        total = len(cards)
        if per_page is not None:
            first = (page or 0) * per_page
            cards = cards[first : first + per_page]
        return {"runs": [_row(card) for card in cards], "total": total}

    async def delete(self, run_id: str) -> None:
        """See Workflow.delete_run."""
        self._open.pop(run_id, None)
        try:
            await self._store.delete(run_id)
        except RunNotFound:
            return

    async def restart_all(self) -> None:
        """See Workflow.restart_all_active_runs."""
        limit = asyncio.Semaphore(RESTARTS_AT_ONCE)

        async def restart(run_id: str) -> None:
            async with limit:
                try:
                    self._workflow.require_graph()
                    await self.open(run_id, None).restart()
                except EngineError as error:
                    logger.error("Run %s could not be restarted: %s", run_id, error)

        active = [
            card.run_id
            for status in (RunStatus.RUNNING, RunStatus.WAITING)
            for card in await self._store.cards(workflow_id=self._workflow.id, status=status)
        ]
        await asyncio.gather(*(restart(run_id) for run_id in active))


def _row(card: RunCard) -> dict[str, object]:
    row: dict[str, object] = {"runId": card.run_id, "workflowName": card.workflow_id, "status": card.status.value}
    if card.resource_id is not None:
        row["resourceId"] = card.resource_id
    return row | {"createdAt": card.created_at, "updatedAt": card.updated_at}
