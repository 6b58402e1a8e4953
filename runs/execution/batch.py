"""What one transaction writes for many runs, and the statements that write it."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

import orjson

from runs.engine.events import Event
from runs.engine.store import CardChange
from runs.models import Payload, RunEvent, WorkflowRun
from runs.models.event import PayloadUse

from .connection import Connection, PostgresConnection, moment
from .large_values import PayloadRow, event_rows
from .outbox import TOLD, note_ends

RUNS = WorkflowRun._meta.db_table
EVENTS = RunEvent._meta.db_table
PAYLOADS = Payload._meta.db_table
PAYLOAD_USES = PayloadUse._meta.db_table

INSERT_EVENT = f"INSERT INTO {EVENTS} (run_id, seq, type, at, data, large) VALUES (%s, %s, %s, %s, %s, %s)"  # noqa: S608
MANY = 50
INSERT_MANY = f"{INSERT_EVENT}{', (%s, %s, %s, %s, %s, %s)' * (MANY - 1)}"
INSERT_EVENTS = (  # PostgreSQL: one statement for all
    f"INSERT INTO {EVENTS} (run_id, seq, type, at, data, large) SELECT run_id, seq, type, at, data, large::jsonb"  # noqa: S608
    " FROM unnest(%s::text[], %s::int[], %s::text[], %s::bigint[], %s::bytea[], %s::text[])"
    " AS new(run_id, seq, type, at, data, large)"
)
INSERT_PAYLOAD = f"INSERT INTO {PAYLOADS} (sha256, data, parts) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"  # noqa: S608
# PostgreSQL: to touch a row that is there already keeps a purge from deleting it before this use of it is committed.
TOUCH_PAYLOAD = (
    f"INSERT INTO {PAYLOADS} (sha256, data, parts) VALUES (%s, %s, %s)"  # noqa: S608
    " ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256"
)
INSERT_USE = f"INSERT INTO {PAYLOAD_USES} (sha256, run_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"  # noqa: S608
ADVANCE_MANY = (
    f"UPDATE {RUNS} AS run SET last_seq = new.last_seq, updated_at = %s"  # noqa: S608
    " FROM unnest(%s::text[], %s::int[], %s::int[]) AS new(id, epoch, last_seq)"
    " WHERE run.id = new.id AND run.epoch = new.epoch RETURNING run.id"
)
TIMES = frozenset({"started_at", "ended_at", "wake_at"})
DETAIL_LENGTH = WorkflowRun._meta.get_field("detail").max_length


@dataclass(slots=True, eq=False)
class Write:
    """What the log of one run adds: events, and what they change on the card."""

    log: Any  # DatabaseRunLog
    run_id: str
    epoch: int
    last_seq: int
    events: list[Event]
    card: CardChange
    waiters: list[asyncio.Future[None]]
    fenced: bool = False
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Act:
    """A statement or two of the store: create a run, claim one. Its outcome is what `perform` gives or raises.

    `witness`: whether the database holds what the act did, by its outcome; None: doing it twice is as good as once.
    """

    perform: Callable[[Connection], object]
    waiter: asyncio.Future[Any] | None
    witness: Callable[[Connection, Any], bool] | None = None
    outcome: object = None
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Batch:
    """The work of one transaction."""

    writes: list[Write] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
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
            if self.writes:
                self._advance(connection, on_postgresql)
                self._insert(connection, on_postgresql)
                ended = [each.run_id for each in self.writes if each.card.get("status") in TOLD and not each.fenced]
                if ended:
                    note_ends(connection.execute, ended)
            self.in_doubt = True
            connection.commit()
        except BaseException:
            connection.rollback()
            raise

    def _advance(self, connection: Connection, on_postgresql: bool) -> None:
        """Move the cards on, each only under the epoch that its writer holds."""
        now = moment(time.time_ns() // 1_000_000)
        alike: dict[tuple[str, ...], list[Write]] = {}
        for write in self.writes:
            alike.setdefault(tuple(write.card), []).append(write)
        for columns, writes in alike.items():
            writes.sort(key=attrgetter("run_id"))  # two writers that lock in one order never wait for each other
            if on_postgresql and not columns:
                _advance_at_once(connection, writes, now)
            else:
                _change_cards(connection, columns, writes, now)

    def _insert(self, connection: Connection, on_postgresql: bool) -> None:
        rows: list[tuple] = []
        payloads: dict[str, tuple[PayloadRow, set[str]]] = {}  # by SHA-256, with the runs that use each
        for write in self.writes:
            if not write.fenced:
                run_id = write.run_id
                for seq, type, at, data, large in write.events:
                    if large:
                        found, large, write.log.known = event_rows(large, write.log.known)
                        for row in found:
                            payloads.setdefault(row.sha256, (row, set()))[1].add(run_id)
                    rows.append((run_id, seq, type, at, data, large))
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
            if act.witness is not None and act.error is None:
                return act.witness(connection, act.outcome)
        return False


def _is_stored(connection: Connection, run_id: str, event: Event) -> bool:
    """Whether this very event stands in the log; another owner's would have another time or other data."""
    row = connection.execute(
        f"SELECT type, at, data FROM {EVENTS} WHERE run_id = %s AND seq = %s",  # noqa: S608
        (run_id, event.seq),
    ).fetchone()
    return row is not None and (row[0], row[1], bytes(row[2])) == (event.type, event.at, event.data)


def store_payloads(
    executemany: Callable[[str, Sequence[Sequence]], object],
    payloads: Mapping[str, tuple[PayloadRow, Collection[str]]],
    *,
    on_postgresql: bool,
) -> None:
    """Store rows of large values, by SHA-256, each with the runs that use it from now on.

    A run that uses a row uses its parts, too, and hands them in with it: a purge may delete them in any order.
    """
    ordered = sorted(payloads.items())  # in one order, so that two writers never wait for each other
    executemany(
        TOUCH_PAYLOAD if on_postgresql else INSERT_PAYLOAD,
        [
            (row.sha256, row.data, None if row.parts is None else orjson.dumps(row.parts).decode())
            for _, (row, _) in ordered
        ],
    )
    executemany(INSERT_USE, [(sha256, run_id) for sha256, (_, runs) in ordered for run_id in sorted(runs)])


def _insert_rows(connection: Connection, rows: list[tuple]) -> None:
    """SQLite: a statement with many rows takes two thirds of the time of as many statements with one."""
    whole = len(rows) - len(rows) % MANY
    for first in range(0, whole, MANY):
        connection.execute(INSERT_MANY, list(chain.from_iterable(rows[first : first + MANY])))
    if whole < len(rows):
        connection.executemany(INSERT_EVENT, rows[whole:])


def _advance_at_once(connection: Connection, writes: Sequence[Write], now: object) -> None:
    """PostgreSQL: one statement for all cards of which nothing else changes."""
    columns = zip(*((write.run_id, write.epoch, write.last_seq) for write in writes), strict=True)
    held = {row[0] for row in connection.execute(ADVANCE_MANY, (now, *map(list, columns))).fetchall()}
    for write in writes:
        write.fenced = write.run_id not in held


def _change_cards(connection: Connection, columns: Sequence[str], writes: Sequence[Write], now: object) -> None:
    """Change the same columns of many cards."""
    sql = _card_change(*columns)
    rows = [
        (write.last_seq, now, *map(card_value, write.card, write.card.values()), write.run_id, write.epoch)
        for write in writes
    ]
    if connection.executemany(sql, rows) < len(rows):  # whose it is not
        for write, row in zip(writes, rows, strict=True):
            write.fenced = connection.execute(sql, row).rowcount == 0


@lru_cache(maxsize=256)
def _card_change(*columns: str) -> str:
    sets = "".join(f", {column} = %s" for column in columns)
    return f"UPDATE {RUNS} SET last_seq = %s, updated_at = %s{sets} WHERE id = %s AND epoch = %s"  # noqa: S608


def card_value(column: str, value: Any) -> object:
    """What a card's change is in the row."""
    if column in TIMES:
        return moment(value)
    if column == "detail":
        # One line, as long as the column; PostgreSQL takes no NUL in a text.
        line = " ".join(str(value).replace("\x00", "").split())
        return line if len(line) <= DETAIL_LENGTH else line[: DETAIL_LENGTH - 1] + "…"
    return "" if value is None else str.__str__(value)
