"""Starts the runs that may end the process one at a time, and nothing beside each of them for a while."""

import asyncio
import logging
from collections.abc import Container

from django.conf import settings

from runs.store.database_store import DatabaseRunStore

from .crashes import Suspect, clear, suspects

logger = logging.getLogger(__name__)


class Quarantine:
    """Of one executor, for its event loop alone. See crashes.py for the rule."""

    def __init__(self, store: DatabaseRunStore, at_work: Container[str]) -> None:
        """`at_work`: the ids of the runs that are executed now."""
        self._store = store
        self._at_work = at_work
        self._waiting: list[Suspect] = []
        self._alone: Suspect | None = None
        self._until = 0.0  # by the loop's clock

    async def load(self) -> None:
        """Find the suspects. Before any run is begun."""
        self._waiting = await self._store.read(lambda connection: suspects(connection, settings.MAX_STEP_CRASHES))
        if self._waiting:
            ids = ", ".join(suspect.run_id for suspect in self._waiting)
            logger.warning(
                "The server process ended repeatedly while these runs were at work; each starts alone: %s", ids
            )

    @property
    def is_empty(self) -> bool:
        """Whether any run may start."""
        return self._alone is None and not self._waiting

    async def next(self) -> Suspect | None:
        """The next run to begin, alone. None: one is alone now, or there are no more."""
        if self._alone is not None:
            ended = self._alone.run_id not in self._at_work
            if not ended and asyncio.get_running_loop().time() < self._until:
                return None
            suspect, self._alone = self._alone, None
            await self._store.writer.perform(lambda connection: clear(connection, suspect, ended=ended))
        return self._waiting.pop(0) if self._waiting else None

    def begun(self, suspect: Suspect) -> None:
        """The run is at work now, and nothing else starts until it is cleared."""
        self._alone = suspect
        self._until = asyncio.get_running_loop().time() + suspect.alone_seconds
