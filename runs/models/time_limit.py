"""An end to questions that would keep the database too long."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from django.db import OperationalError, connection, transaction

CHECKED_EVERY = 10_000  # instructions of SQLite's machine, about a tenth of a millisecond


class TookTooLong(Exception):
    """The database was stopped before it had found everything."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let the reads of this block take so long together; on PostgreSQL, each of them. Raises TookTooLong."""
    connection.ensure_connection()
    try:
        if connection.vendor == "sqlite":
            with _sqlite_limit(seconds):
                yield
        else:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT set_config('statement_timeout', %s, true)", [str(max(1, round(seconds * 1000)))]
                    )  # 0: no limit
                yield
    except OperationalError as error:
        if "interrupted" in str(error) or "statement timeout" in str(error):
            raise TookTooLong from error
        raise


@contextmanager
def _sqlite_limit(seconds: float) -> Iterator[None]:
    deadline = monotonic() + seconds
    raw = connection.connection
    raw.set_progress_handler(lambda: monotonic() > deadline, CHECKED_EVERY)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
