"""Which one of several servers executes runs: of those on one data folder, or on one PostgreSQL database."""

import fcntl
import os
import time
from contextlib import suppress
from typing import IO

from django.conf import settings

from runs.store.connection import Connection, connect

LOCK_FILE = "executor.lock"
LOCK_KEY = 0x77_66_63_6F_6E_73_6F_6C  # any number that nobody else in this database uses: "wfconsol"
TRIES, TRY_SECONDS = 5, 0.01
LEASE_SECONDS = 15.0  # longer than a step should block the loop that beats every second
FRESH_SECONDS = 10.0  # a leader that has not been heard of for longer than this is not at work


class FileLeadership:
    """A lock on a file of the data folder. The system frees it when its process ends, in whatever way.

    A process that is stopped, or hangs, keeps its lock. When it has said nothing for LEASE_SECONDS the next one puts a
    new file into the lock's place and leads; the old one sees by its next beat that its file is not the one any more.
    What it writes until then carries an epoch that is over.
    """

    def __init__(self) -> None:
        self._path = settings.DATA_DIR / LOCK_FILE
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Become the leader, unless somebody is."""
        if self._is_stale():
            self._path.unlink(missing_ok=True)
        file = self._path.open("a")
        for _ in range(TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(TRY_SECONDS)  # perhaps a page only asks, in heard_of_leader(), whether anybody leads
            else:
                self._file = file
                return self.beat()
        file.close()
        return False

    def beat(self) -> bool:
        """Refresh the lease. False: this process leads no longer."""
        if self._file is None:
            return False
        os.utime(self._file.fileno())
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file.fileno()), self._path.stat()):
                return True
        self.release()
        return False

    def _is_stale(self) -> bool:
        """Whether the last leader has not been heard of for too long, whatever its lock says."""
        try:
            return time.time() - self._path.stat().st_mtime > LEASE_SECONDS
        except FileNotFoundError:
            return False

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class DatabaseLeadership:
    """An advisory lock of PostgreSQL. It ends with its connection."""

    def __init__(self) -> None:
        self._connection: Connection | None = None

    def take(self) -> bool:
        connection = connect()
        if connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()[0]:
            self._connection = connection
            return True
        connection.close()
        return False

    def beat(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except Exception:  # whatever it is: without this connection the lock is gone
            self.release()
            return False
        return True

    def release(self) -> None:
        if self._connection is not None:
            with suppress(Exception):  # with a connection that is gone, the lock is gone already
                self._connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK_KEY,))
            self._connection.close()
            self._connection = None


def leadership() -> FileLeadership | DatabaseLeadership:
    return DatabaseLeadership() if settings.ON_POSTGRESQL else FileLeadership()


def heard_of_leader() -> float | None:
    """When the leader of some process was last at work, in epoch seconds; None: there is none."""
    if settings.ON_POSTGRESQL:
        return _heard_through_database()
    path = settings.DATA_DIR / LOCK_FILE
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except OSError:
        return path.stat().st_mtime
    return None


def last_seen() -> float | None:
    """When a leader that is gone was last at work, in epoch seconds; None: nobody knows, as on PostgreSQL."""
    with suppress(FileNotFoundError):
        if not settings.ON_POSTGRESQL:
            return (settings.DATA_DIR / LOCK_FILE).stat().st_mtime
    return None


def _heard_through_database() -> float | None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND classid = %s AND objid = %s",
            [LOCK_KEY >> 32, LOCK_KEY & 0xFFFF_FFFF],
        )
        return time.time() if cursor.fetchone()[0] else None
