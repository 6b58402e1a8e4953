"""The engine's RunStore over the models: hot statements in plain SQL, committed together by the writer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import orjson
from django.conf import settings

from runs.engine.data.clock import now_ms
from runs.engine.errors import NonRetryableError, RunAlreadyExists, RunNotFound
from runs.engine.log.events import CHUNK_TYPES, Event, put_back
from runs.engine.log.results import RunStatus
from runs.engine.log.store import CardChange, RunCard
from runs.models import WorkflowDefinition, WorkflowVersion

from .background import Background
from .claims import CARD, holds_epoch, insert, take
from .connection import Connection, connect, is_database_error, milliseconds, moment
from .deletion import delete_run
from .event_rows import RUNS
from .history import select_events
from .large_values import encoded_event
from .pending_writes import PendingWrites
from .writer import Writer

T = TypeVar("T")

DEFINITIONS = WorkflowDefinition._meta.db_table
VERSIONS = WorkflowVersion._meta.db_table
HURRY_EVENTS = 1000


class DatabaseRunLog(PendingWrites):
    """The open log of one run. Its writes are stored only until another owner claims the run."""

    __slots__ = ("_max_events", "_status", "_writer")

    def __init__(
        self, writer: Writer, run_id: str, epoch: int, last_seq: int, *, status: RunStatus | None = None
    ) -> None:
        """`status`: that of the card, if it is known; it is written only when it changes."""
        super().__init__(run_id, epoch, last_seq)
        self._writer = writer
        self._status = status
        self._max_events: int = settings.MAX_CHUNKS  # read once: each access to Django's settings is slow

    def append(
        self, type: str, data: Mapping[str, object] | bytes, *, at: int | None = None, card: CardChange | None = None
    ) -> int:
        """Queue one event for the next commit, and give its seq. Never waits.

        Raises NotJson, and NonRetryableError for a chunk of a run that has written too many.
        """
        if self.last_seq >= self._max_events and type in CHUNK_TYPES:
            raise NonRetryableError(f"The run has written {self.last_seq} events; a chunk more is not taken.")
        text, large = encoded_event(data)
        seq = self.last_seq = self.last_seq + 1
        events = self.events
        # str.__str__: the databases want a plain text, and the words of events are an enumeration.
        events.append(Event(seq, str.__str__(type), at or now_ms(), text, large))
        if card:
            self._change_card(card)
        if len(events) == 1:
            self._writer.enqueue(self)
        elif len(events) >= HURRY_EVENTS:
            self._writer.flush_now()
        return seq

    def _change_card(self, card: CardChange) -> None:
        status = card.get("status")
        if status is not None and status == self._status and "status" not in self.card:
            card = card.copy()
            del card["status"]
        self._status = status or self._status
        self.card = {**self.card, **card}

    async def commit(self) -> None:
        """Wait until all that was appended is durable. Raises Fenced when another owner has the run."""
        if self.error is not None:
            raise self.error
        if self.events or self.write is not None:
            await self._writer.committed(self)


class DatabaseRunStore:
    """Runs and their logs in the database. For one event loop; `close()` it at its end."""

    def __init__(self, writer: Writer | None = None) -> None:
        self.writer = writer or Writer()
        self._reader: Connection | None = None
        self._thread: Background | None = None
        self._versions: dict[str, int] = {}

    async def create(self, card: RunCard) -> None:
        """Store a new pending run. Raises RunAlreadyExists."""
        made = await self.writer.perform(lambda connection: self._insert(connection, card), _is_made(card))
        if made is False:
            raise RunAlreadyExists(f"There is a run {card.run_id} already.")

    async def begin(self, card: RunCard) -> DatabaseRunLog | None:
        """Store a new pending run and take it, in one act: its log. None: there is a run of this id."""
        taken = replace(card, epoch=card.epoch + 1)
        if await self.writer.perform(lambda connection: self._insert(connection, taken), _is_made(taken)) is False:
            return None
        return DatabaseRunLog(self.writer, taken.run_id, taken.epoch, taken.last_seq)

    async def claim(
        self, run_id: str, *, expected: Sequence[RunStatus], status: RunStatus | None = None
    ) -> DatabaseRunLog | None:
        """Take the run, if its status is one of `expected`: its log under a new epoch. None: somebody was first.

        Raises RunNotFound.
        """
        taken = await self.writer.perform(
            lambda connection: take(connection, run_id, expected, status), holds_epoch(run_id)
        )
        if taken is None:
            await self.card(run_id)
            return None
        return DatabaseRunLog(self.writer, run_id, *taken, status=status)

    async def load(self, run_id: str, *, after: int = 0) -> list[Event]:
        """The events after that seq, in order, with large and repeated values put back. Raises RunNotFound."""

        def read(connection: Connection) -> list[Event]:
            events = select_events(connection.execute, run_id)
            if not events and connection.execute(f"SELECT 1 FROM {RUNS} WHERE id = %s", (run_id,)).fetchone() is None:  # noqa: S608
                raise RunNotFound(f"There is no run {run_id}.")
            return events

        events = put_back(await self.read(read))
        return [event for event in events if event.seq > after] if after else events

    async def card(self, run_id: str) -> RunCard:
        """The run's card. Raises RunNotFound."""
        sql = f"SELECT {CARD} FROM {RUNS} WHERE id = %s"  # noqa: S608
        row = await self.read(lambda connection: connection.execute(sql, (run_id,)).fetchone())
        if row is None:
            raise RunNotFound(f"There is no run {run_id}.")
        return _card(row)

    async def cards(
        self, *, workflow_id: str | None = None, status: RunStatus | None = None, resource_id: str | None = None
    ) -> list[RunCard]:
        """The cards that match, newest first."""
        wanted = {"workflow_id": workflow_id, "status": status and str.__str__(status), "resource_id": resource_id}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = %s" for column in given) or "1 = 1"
        sql = f"SELECT {CARD} FROM {RUNS} WHERE {where} ORDER BY created_at DESC, id DESC"  # noqa: S608
        rows = await self.read(lambda connection: connection.execute(sql, list(given.values())).fetchall())
        return [_card(row) for row in rows]

    async def delete(self, run_id: str) -> None:
        """Forget the run and its log. Raises RunNotFound."""
        if not await self.writer.perform(lambda connection: delete_run(connection, run_id), _is_gone(run_id)):
            raise RunNotFound(f"There is no run {run_id}.")

    async def read(self, question: Callable[[Connection], T]) -> T:
        """The answer of the database as it stands. SQLite is asked on the loop, a server in a thread."""
        if not settings.ON_POSTGRESQL:
            return self._ask(question)
        self._thread = self._thread or Background("store-reader")
        return await self._thread.ask(lambda: self._ask(question))

    def _ask(self, question: Callable[[Connection], T]) -> T:
        self._reader = self._reader or connect()
        try:
            return question(self._reader)
        except Exception as error:
            if is_database_error(error) and not self._reader.is_usable:
                self._reader.close()
                self._reader = None
            raise

    def close(self) -> None:
        """Commit what is left and let the database go."""
        self.writer.close()
        if self._thread is not None:
            self._thread.close(1)
        if self._reader is not None:
            self._reader.close()
        self._reader = self._thread = None

    def _insert(self, connection: Connection, card: RunCard) -> bool:
        """False: the id is in use."""
        return insert(connection, card, self._version(connection, card.workflow_id))

    def _version(self, connection: Connection, workflow_id: str) -> int:
        """The version that a new run of this workflow points to. A workflow that nobody has registered gets one."""
        known = self._versions.get(workflow_id)
        if known is None:
            known = _current_version(connection, workflow_id)
            if known is None:  # not remembered: the transaction may still fail
                return _unregistered_version(connection, workflow_id)
            # A later version of the code comes with a later process; until then this stays right.
            self._versions[workflow_id] = known
        return known


def _is_made(card: RunCard) -> Callable[[Connection, bool], bool]:
    """The witness of a new run: its row is there, of that very moment."""

    def told(connection: Connection, made: bool) -> bool:
        sql = f"SELECT created_at FROM {RUNS} WHERE id = %s"  # noqa: S608
        row = connection.execute(sql, (card.run_id,)).fetchone() if made else None
        return row is not None and milliseconds(row[0]) == card.created_at

    return told


def _card(row: Sequence) -> RunCard:
    (run_id, workflow_id, status, created, updated, resource, epoch, last_seq, tags, wake_at, detail) = row
    return RunCard(
        run_id=run_id,
        workflow_id=workflow_id,
        status=RunStatus(status),
        created_at=milliseconds(created) or 0,
        updated_at=milliseconds(updated) or 0,
        resource_id=resource or None,
        epoch=epoch,
        last_seq=last_seq,
        tags=tuple(orjson.loads(tags)),
        wake_at=milliseconds(wake_at),
        detail=detail,
    )


def _is_gone(run_id: str) -> Callable[[Connection, bool], bool]:
    """The witness of a deletion."""

    def told(connection: Connection, deleted: bool) -> bool:
        sql = f"SELECT 1 FROM {RUNS} WHERE id = %s"  # noqa: S608
        return deleted and connection.execute(sql, (run_id,)).fetchone() is None

    return told


def _current_version(connection: Connection, workflow_id: str) -> int | None:
    sql = f"SELECT current_id FROM {DEFINITIONS} WHERE id = %s"  # noqa: S608
    row = connection.execute(sql, (workflow_id,)).fetchone()
    return row[0] if row else None


def _unregistered_version(connection: Connection, workflow_id: str) -> int:
    """A definition and a version for runs of a program that uses the engine with this store, without the console."""
    now = moment(now_ms())
    connection.execute(
        f"INSERT INTO {DEFINITIONS} (id, origin, description, enabled, problem, created_at, updated_at)"  # noqa: S608
        " VALUES (%s, 'code', '', %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (workflow_id, False, "It was run by a program, and is not in WFCONSOLE_WORKFLOWS.", now, now),
    )
    row = connection.execute(
        f"INSERT INTO {VERSIONS} (definition_id, number, content_hash, graph, steps, change, created_at)"  # noqa: S608
        " VALUES (%s, 1, '', '[]', '{}', '', %s) ON CONFLICT DO NOTHING RETURNING id",
        (workflow_id, now),
    ).fetchone()
    row = (
        row
        or connection.execute(
            f"SELECT id FROM {VERSIONS} WHERE definition_id = %s ORDER BY number DESC",  # noqa: S608
            (workflow_id,),
        ).fetchone()
    )
    connection.execute(
        f"UPDATE {DEFINITIONS} SET current_id = %s WHERE id = %s AND current_id IS NULL",  # noqa: S608
        (row[0], workflow_id),
    )
    return row[0]
