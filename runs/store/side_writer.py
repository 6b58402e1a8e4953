"""Rows that are written beside the runs, from a thread of their own: spans, log lines."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from django.conf import settings

from .connection import Connection, connect

HAND_SECONDS = 1.0  # how long an act may lie with the executor before it is asked whether that still lives

T = TypeVar("T")


class Committer(Protocol):
    """Whoever commits often in this process: its executor."""

    @property
    def leads(self) -> bool:
        """Whether it is at work."""
        ...

    def perform(self, act: Callable[[Connection], Any]) -> "Future[Any] | None":
        """Carry out an act with its next commit. None: it is not at work."""
        ...


class SideWriter:
    """Carries out acts in a transaction each: on SQLite within the next commit of the executor in this process, so that
    two writers never wait for each other; else by a connection of its own. For one thread.

    `closing` is set when this process ends: nobody is waited for then.
    """

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._connection: Connection | None = None

    def write(self, act: Callable[[Connection], T], committer: Committer | None) -> T:
        """What the act gives, once that is committed. The act may be called more than once.

        Raises what the database said. After trouble with it, close() makes the next call connect anew.
        """
        future = None if committer is None or settings.ON_POSTGRESQL else committer.perform(act)
        if committer is not None and future is not None:
            while not self._closing.is_set() and committer.leads:
                with suppress(TimeoutError):
                    return future.result(HAND_SECONDS)
            if not future.cancel():  # it is done
                return future.result()
        return self._write(act)

    def _write(self, act: Callable[[Connection], T]) -> T:
        connection = self._connection = self._connection or connect()
        connection.begin()
        try:
            outcome = act(connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return outcome

    def close(self) -> None:
        """Let go of the connection, if there is one. A later write() makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
