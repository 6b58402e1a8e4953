"""Moves what SQLite's write-ahead log holds into the database file, out of the way of every commit."""

import logging
import threading
from pathlib import Path

from django.db import connection as django_connection

from .connection import Connection, connect, is_database_error

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LOG_BYTES = 4 * 1024 * 1024  # a shorter log is left as it is
# Readers and an unbroken stream of commits keep the log from starting anew. Beyond this, commits wait for a moment.
LONG_LOG_BYTES = 64 * 1024 * 1024
LONG_WAIT_MS = 200


class Checkpoints:
    """A thread that does what a commit would otherwise do now and then, in five milliseconds instead of a tenth."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2)

    def _run(self) -> None:
        log = Path(f"{django_connection.settings_dict['NAME']}-wal")
        connection: Connection | None = None
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                size = log.stat().st_size if log.exists() else 0
                if size >= LOG_BYTES:
                    connection = connection or _connected()
                    _checkpoint(connection, size)
            except Exception as error:
                if not is_database_error(error):
                    logger.exception("The write-ahead log could not be moved on; it is tried again.")
        if connection is not None:
            connection.close()


def _connected() -> Connection:
    connection = connect()
    connection.execute(f"PRAGMA busy_timeout = {LONG_WAIT_MS}")
    return connection


def _checkpoint(connection: Connection, size: int) -> None:
    # The file keeps its length when the log starts anew, so its size alone does not tell how much there is to do.
    # PASSIVE waits for nobody, and is quick when there is nothing to move.
    _, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if size >= LONG_LOG_BYTES and 0 <= moved < frames:
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
