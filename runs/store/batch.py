"""What one transaction writes for many runs, and the statements that write it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from runs.engine.log.events import Event

from .connection import Connection, PostgresConnection
from .event_rows import EVENTS, INSERT_EVENT, INSERT_EVENTS, INSERT_MANY, MANY, store_payloads
from .large_values import PayloadRow, event_rows
from .pending_writes import Write
from .transitions import settle_runs, write_rows


@dataclass(slots=True, eq=False)
class Operation:
    """A statement or two of the store: create a run, claim one. Its outcome is what `perform` gives or raises.

    `was_applied`: whether the database holds what the act did, by its outcome; None: doing it twice is as good as once.
    """

    perform: Callable[[Connection], object]
    waiter: asyncio.Future[Any] | None
    was_applied: Callable[[Connection, Any], bool] | None = None
    outcome: object = None
    published: list[tuple[str, Event]] = field(default_factory=list)  # to be announced once it is committed
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Batch:
    """The work of one transaction."""

    writes: list[Write] = field(default_factory=list)
    acts: list[Operation] = field(default_factory=list)
    in_doubt: bool = False  # a COMMIT was sent, and its answer was no success: it may have been carried out

    def __bool__(self) -> bool:
        return bool(self.writes or self.acts)

    def alone(self) -> list["Batch"]:
        """Each part as a batch of its own: to find the one that the database refuses."""
        return [*(Batch(acts=[act]) for act in self.acts), *(Batch(writes=[write]) for write in self.writes)]

    def commit(self, connection: Connection) -> None:
        """Write everything, or nothing. Runs that have another owner by now are marked as fenced and left out."""
        on_postgresql = isinstance(connection, PostgresConnection)
        connection.begin()
        try:
            for act in self.acts:
                act.outcome = act.perform(connection)
                act.published = connection.take_published()
            if self.writes:
                write_rows(connection, self.writes)
                self._insert(connection, on_postgresql)
                settle_runs(connection, self.writes)
            self.in_doubt = True
            connection.commit()
        except BaseException:
            connection.rollback()
            raise

    def _insert(self, connection: Connection, on_postgresql: bool) -> None:
        rows: list[tuple] = []
        payloads: dict[str, tuple[PayloadRow, set[str]]] = {}  # by SHA-256, with the runs that use each
        for write in self.writes:
            if not write.fenced:
                run_id = write.run_id
                for seq, type, at, data, large in write.events:
                    names = None
                    if large:
                        found, names, write.log.known = event_rows(large, write.log.known)
                        for row in found:
                            payloads.setdefault(row.sha256, (row, set()))[1].add(run_id)
                    rows.append((run_id, seq, type, at, data, names))
        if payloads:
            store_payloads(connection.executemany, payloads, on_postgresql=on_postgresql)
        if rows and on_postgresql:
            connection.execute(INSERT_EVENTS, [list(column) for column in zip(*rows, strict=True)])
        elif rows:
            _insert_rows(connection, rows)

    def was_committed(self, connection: Connection) -> bool:
        """Whether the last try was carried out although its answer was lost with the connection.

        Told by what is stored: an id of a transaction may be given out anew by a server that died. One witness is
        enough, for the whole batch is one transaction.
        """
        if not self.in_doubt:
            return False
        for write in self.writes:
            if write.events and not write.fenced:
                return _is_stored(connection, write.run_id, write.events[-1])
        for act in self.acts:
            if act.was_applied is not None and act.error is None:
                return act.was_applied(connection, act.outcome)
        return False


def _is_stored(connection: Connection, run_id: str, event: Event) -> bool:
    """Whether this very event stands in the log; another owner's would have another time or other data."""
    row = connection.execute(
        f"SELECT type, at, data FROM {EVENTS} WHERE run_id = %s AND seq = %s",  # noqa: S608
        (run_id, event.seq),
    ).fetchone()
    return row is not None and (row[0], row[1], bytes(row[2])) == (event.type, event.at, event.data)


def _insert_rows(connection: Connection, rows: list[tuple]) -> None:
    """SQLite: a statement with many rows takes two thirds of the time of as many statements with one."""
    whole = len(rows) - len(rows) % MANY
    for first in range(0, whole, MANY):
        connection.execute(INSERT_MANY, list(chain.from_iterable(rows[first : first + MANY])))
    if whole < len(rows):
        connection.executemany(INSERT_EVENT, rows[whole:])
