"""The database store for cases: one database for the whole folder, emptied after each case.

A SQLite file of its own, or the database that DATABASE_URL names.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable

from runs.engine.log.store import RunStore

from .calls import OpenStore


def prepare() -> OpenStore:
    """Set Django up on a new data folder, which goes with the process. To be called before an event loop runs."""
    folder = tempfile.mkdtemp(prefix="conformance-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["WFCONSOLE_DATA_DIR"] = folder
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from runs.store.database_store import DatabaseRunStore

    async def open_store() -> tuple[RunStore, Callable[[], Awaitable[None]]]:
        store = DatabaseRunStore()

        async def close() -> None:
            for card in await store.cards():
                await store.delete(card.run_id)
            store.close()

        return store, close

    return open_store
