"""Connections of the execution: Django's settings, without Django's work around each statement.

Hot statements are written once, with `%s` for a value as on PostgreSQL, and run on either database.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings
from django.db import connection as django_connection
from django.db import connections, transaction

from runs.engine.log.events import Event

from .announcements import announce


class Unit(Protocol):
    """A transaction that is open, on either kind of connection."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Run one statement; the result has `rowcount`, `fetchone()` and `fetchall()`."""

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> Any:
        """Run a statement for each of the rows."""

    def publish(self, run_id: str, event: Event) -> None:
        """Announce the event to live pages once the transaction is committed."""


class DjangoUnit:
    """The open transaction of Django's own connection in this thread."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        cursor = django_connection.cursor()
        cursor.execute(sql, values)
        return cursor

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> Any:
        with django_connection.cursor() as cursor:
            return cursor.executemany(sql, list(rows))

    def publish(self, run_id: str, event: Event) -> None:
        transaction.on_commit(lambda: announce({run_id: [event]}))


class Connection:
    """One connection outside Django's own, for one thread at a time. Statements commit themselves until begin()."""

    BEGIN = "BEGIN"

    def __init__(self) -> None:
        self._django = _opened()
        self._raw: Any = self._django.connection
        self._published: list[tuple[str, Event]] = []

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Run one statement. What it gives tells the row count, and has the rows; read them before the next one."""
        raise NotImplementedError

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        """Run a statement for each of the rows. How many rows of the table that concerned, in all."""
        raise NotImplementedError

    def begin(self) -> None:
        """Begin a transaction that may write. On SQLite it takes the one write lock at once."""
        self._published.clear()
        self.execute(self.BEGIN)

    def publish(self, run_id: str, event: Event) -> None:
        """Note an event of the open transaction: whoever commits it announces what take_published() returns."""
        self._published.append((run_id, event))

    def take_published(self) -> list[tuple[str, Event]]:
        """The events noted since the last call, or since the transaction began."""
        published, self._published = self._published, []
        return published

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo; a connection that is gone has done so already."""
        with suppress(Exception):
            self.execute("ROLLBACK")

    @property
    def is_usable(self) -> bool:
        return True

    def close(self) -> None:
        with suppress(Exception):
            self._raw.close()  # not by Django's wrapper, which refuses to in a thread that has a loop


class SqliteConnection(Connection):
    BEGIN = "BEGIN IMMEDIATE"

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._raw.execute(_with_question_marks(sql), values)

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        return self._raw.executemany(_with_question_marks(sql), rows).rowcount


class PostgresConnection(Connection):
    def __init__(self) -> None:
        import psycopg

        super().__init__()
        # Django's own cursors write the values into the text of each statement; these are prepared once.
        self._raw.prepare_threshold = 3
        self._cursor = psycopg.Cursor(self._raw)

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        return self._cursor.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> int:
        self._cursor.executemany(sql, rows)
        return self._cursor.rowcount

    @property
    def is_usable(self) -> bool:
        return not self._raw.closed


def connect() -> Connection:
    """A new connection. Raises the database's own error when there is none to be had."""
    return PostgresConnection() if settings.ON_POSTGRESQL else SqliteConnection()


def _opened() -> Any:
    """Django's wrapper of a new connection. Made in a thread of its own: Django refuses to in one that has a loop."""
    outcome: list[Any] = []

    def open() -> None:
        django = connections.create_connection("default")
        django.inc_thread_sharing()
        try:
            django.ensure_connection()
        except Exception as error:
            outcome.append(error)
        else:
            outcome.append(django)

    thread = threading.Thread(target=open, name="connect", daemon=True)
    thread.start()
    thread.join()
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@lru_cache(maxsize=256)
def _with_question_marks(sql: str) -> str:
    return sql.replace("%s", "?")


def is_database_error(error: BaseException) -> bool:
    """Whether the database, and not the statement, is at fault: the same transaction may succeed later."""
    from django.db import OperationalError

    if isinstance(error, OperationalError):  # raised while connecting
        return True
    if isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
        return True
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR  # a missing table, a word misspelt
    if settings.ON_POSTGRESQL:
        import psycopg

        # The connection is gone, a deadlock, the disk is full, the server goes down, or takes no writes.
        return isinstance(
            error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction
        )
    return False


@lru_cache(maxsize=1024)
def moment(milliseconds: int | None) -> object:
    """A time of an event, as the cards' columns take it. The events of one commit have few different ones."""
    if milliseconds is None:
        return None
    if settings.ON_POSTGRESQL:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}000" if rest else _second(seconds)


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    """As Django writes it on SQLite. One second comes many times over."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def milliseconds(value: datetime | str | None) -> int | None:
    """The other way round: what a raw statement reads from a column of time."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return round(value.timestamp() * 1000)
