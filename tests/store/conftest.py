"""Every test of this folder runs over every RunStore. On PostgreSQL: see test_postgresql.py."""

from collections.abc import AsyncIterator

import pytest

from runs.engine.log.store import RunStore
from runs.store.database_store import DatabaseRunStore
from runs.store.writer import Writer


@pytest.fixture(params=["memory", "database", "database by a thread"])
async def store(request: pytest.FixtureRequest, transactional_db: None) -> AsyncIterator[RunStore]:
    """An empty store."""
    if request.param == "memory":
        from runs.engine import MemoryRunStore

        yield MemoryRunStore()
        return
    store = DatabaseRunStore(Writer(in_loop=False) if request.param == "database by a thread" else None)
    yield store
    store.close()
