"""For machines: whether the process is up, and whether it is ready for work."""

import logging
import os

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs.executor import dispatch
from runs.store.connection import is_database_error
from runs.store.database_file import file_trouble
from runs.store.writer import UNREACHABLE, database_error_words

logger = logging.getLogger(__name__)

LOCK_WAIT_MS = 1_000
LEAST_FREE_BYTES = 4 * 1024 * 1024


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of the database, so that a busy one is not restarted for it.

    503 when the executor of this process has died: the process is about to end, and must be started again.
    """
    if reason := dispatch.executor_death():
        return JsonResponse({"status": "down", "reason": reason}, status=503)
    return JsonResponse({"status": "up"})


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether a run started now would be stored and executed: 200, or 503 with the reasons."""
    reasons = [*database_trouble(), *executor_trouble()]
    return JsonResponse({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)


def database_trouble() -> list[str]:
    """Why the database cannot take a run, in sentences that tell no host, path or password."""
    if moved := file_trouble():
        return [moved]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM runs_workflowrun LIMIT 1")
            if settings.ON_POSTGRESQL:
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone()[0] == "on":
                    return ["The database is read-only."]
                return []
            return _sqlite_trouble(cursor)
    except DatabaseError as error:
        logger.warning("The database does not answer as it should: %s", error)
        if "no such table" in str(error) or "does not exist" in str(error):
            return ["The database has no tables: run manage.py migrate."]
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        words = database_error_words(cause) if is_database_error(cause) else UNREACHABLE
        return [words]


def _sqlite_trouble(cursor) -> list[str]:
    left = os.statvfs(settings.DATA_DIR)
    if left.f_bavail * left.f_frsize < LEAST_FREE_BYTES:
        return ["The disk of the data folder is full."]
    # Taking the write lock finds a read-only file and a lock that is never given back, and writes nothing.
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
    try:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("ROLLBACK")
    except DatabaseError as error:
        if "locked" in str(error):
            return ["The database is locked by another program."]
        return ["The database is read-only."]
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {int(connection.settings_dict['OPTIONS']['timeout']) * 1_000}")
    return []


def executor_trouble() -> list[str]:
    """Why nothing would execute a run."""
    try:
        state = dispatch.executor_state()
    except DatabaseError:
        return []  # reported already, as an error of the database
    if state.trouble:
        return [state.trouble]
    if state.alive:
        return []
    if state.kind == "workers":
        return ["No worker is alive: start one with make worker."]
    return ["The executor is not running."]
