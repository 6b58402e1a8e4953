"""Whether the console itself is well: who executes runs, what waits, what the database takes."""

import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import django
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from runs.executor import dispatch
from runs.models import WorkflowDefinition
from runs.tracing.figures import exports_spans, span_figures

from .access import SEE
from .metrics import database_bytes
from .request import Request
from .status import database_trouble, executor_trouble

STARTED_AT = timezone.now()  # of this process: the module is imported with the URLs


class Disk(NamedTuple):
    """Of the data folder, in bytes."""

    database: int
    free: int


@require_GET
def system(request: Request) -> HttpResponse:
    """One sentence first: all is well, or what is not."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied("Your account may not see how the console is.")
    trouble = database_trouble()
    if not trouble:
        trouble = executor_trouble()
    context = {
        "trouble": trouble,
        "executor": None if trouble else dispatch.executor_state(),
        "concurrency": settings.CONCURRENCY,
        "disk": Disk(database_bytes(), shutil.disk_usage(settings.DATA_DIR).free),
        "database": _database(),
        "broken": WorkflowDefinition.objects.exclude(problem="").order_by("id"),
        "versions": _versions(),
        "started_at": STARTED_AT,
        "max_body_bytes": settings.MAX_BODY_BYTES,
        "max_chunks": settings.MAX_CHUNKS,
        "spans": span_figures(),
        "exports": exports_spans(),
    }
    return render(request, "runs/system/page.html", context)


def _database() -> str:
    if settings.ON_POSTGRESQL:
        number: int = connection.pg_version  # type: ignore[attr-defined]  # of PostgreSQL's own wrapper
        return f"PostgreSQL {number // 10_000}.{number % 10_000}"
    import sqlite3

    kept = settings.ENV.wfconsole_sqlite_synchronous
    return f"SQLite {sqlite3.sqlite_version}, {'survives the loss of power' if kept == 'full' else 'survives kill -9'}"


def _versions() -> list[tuple[str, str]]:
    return [
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        *((name, _version(package)) for name, package in (("Channels", "channels"), ("Daphne", "daphne"))),
        ("System", f"{platform.system()} {platform.machine()}, {sys.platform}"),
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
