"""The log of a run as lines: the one text that sockets, pages, downloads and digests share.

A line is an event as it is stored, `{"seq":1,"type":"…","at":…,"data":{…}}`, never parsed and never written anew
unless it names a secret, which is hidden in the same way everywhere; so whoever hashes lines gets one digest. A value
over 64 KiB stands in a place of its own; the line names it by its SHA-256, `"large":{"output":"<64 hexadecimal
digits>"}`, so the digest covers it, too.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple, ParamSpec, TypeVar

import orjson
from django.db import close_old_connections, connection

from runs.engine.errors import UnreadableEvent
from runs.engine.log.events import UNREADABLE, Event
from runs.engine.log.results import FINAL_STATUSES, RunStatus
from runs.models import RunEvent, WorkflowRun
from runs.store.history import as_bytes
from runs.store.redaction import RunRedactor

logger = logging.getLogger(__name__)

EVENTS = RunEvent._meta.db_table
RUNS = WorkflowRun._meta.db_table
FETCH_ROWS = 100  # rows taken from the cursor at once, or fewer, when they are large:
FEWEST_ROWS = 10  # what is read beyond `max_bytes` is at most this much
HEADS_AT_ONCE = 500  # runs asked for in one query

P = ParamSpec("P")
T = TypeVar("T")


class Line(NamedTuple):
    """One event of a log, as text."""

    seq: int
    type: str
    text: bytes  # one JSON object, UTF-8, without a line break


class Head(NamedTuple):
    """How far a run's log reaches, and whether the run has ended. Of one moment."""

    last_seq: int
    ended: bool
    status: str


def lines_of(redactor: RunRedactor, events: Sequence[Sequence]) -> list[Line]:
    """The lines of events, or of rows of the table: seq, type, at, data, large."""
    if not events:
        return []
    if not redactor.follow(events):
        redactor.reach(max(events[0][0], events[-1][0]))
    texts = redactor.texts([bytes(event[3]) for event in events])
    together = b"".join(texts)
    if b"\n" in together or b"\r" in together:  # between tokens only: within a string, JSON has no raw line break
        texts = [text.replace(b"\r", b" ").replace(b"\n", b" ") for text in texts]
    return [
        Line(
            seq,
            type,
            b'{"seq":%d,"type":%b,"at":%d,"data":%b%b'
            % (seq, _quoted(type), at, text, _apart(large) if large else b"}"),
        )
        for (seq, type, at, _, large), text in zip(events, texts, strict=True)
    ]


def _apart(large: object) -> bytes:
    """How a line ends that has values kept apart: with their digests, by key of data."""
    digests = orjson.loads(large) if isinstance(large, str | bytes) else large  # text on SQLite and PostgreSQL alike
    return b',"large":%b}' % orjson.dumps(digests, option=orjson.OPT_SORT_KEYS)


@cache
def _quoted(type: str) -> bytes:
    return orjson.dumps(type)


def read_lines(
    run_id: str, redactor: RunRedactor, after: int, *, limit: int, max_bytes: int, upto: int | None = None
) -> list[Line]:
    """The lines beyond a cursor, in order: at most `limit`, and no more once they are `max_bytes` together.

    Never stays inside a read transaction: the statement is closed before this returns.
    """
    lines: list[Line] = []
    bound = "" if upto is None else " AND seq <= %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT seq, type, at, data, large FROM {EVENTS}"  # noqa: S608
            f" WHERE run_id = %s AND seq > %s{bound} ORDER BY seq LIMIT %s",
            [run_id, after, *([] if upto is None else [upto]), limit],
        )
        for rows in portions(cursor, max_bytes):
            lines += lines_of(redactor, rows)
    return lines


def portions(cursor: Any, max_bytes: int) -> Iterator[list[Sequence]]:
    """Rows of the table (seq, type, at, data, large), some at a time, until their data is `max_bytes` together."""
    size = count = 0
    wanted = FEWEST_ROWS
    while size < max_bytes and (found := cursor.fetchmany(wanted)):
        rows = legible(found)
        size += sum(len(row[3]) for row in rows)
        count += len(rows)
        yield rows
        wanted = min(FETCH_ROWS, max(FEWEST_ROWS, (max_bytes - size) * count // (size or 1)))


def legible(rows: Sequence[Any]) -> Sequence[Any]:
    """Rows, or events, each with data that is a JSON object: of one that cannot be read, a sentence that says so.

    All are parsed at once, which costs a third of parsing each.
    """
    try:
        values = orjson.loads(b"[%b]" % b",".join([row[3] for row in rows]))
        whole = len(values) == len(rows) and all(type(value) is dict for value in values)
        whole = whole and all(type(row[1]) is str and type(row[2]) is int for row in rows)
    except (TypeError, orjson.JSONDecodeError):
        whole = False
    if whole and not any(row[4] for row in rows):
        return rows
    return [_legible(row) for row in rows]


def _legible(row: Sequence[Any]) -> Sequence[Any]:
    seq, type, at, data, large = row[0], *typed(row[1], row[2]), as_bytes(row[3]), row[4]
    names = orjson.dumps({}) if isinstance(large, Mapping) or not large else large
    try:
        if (type, at) != (row[1], row[2]):
            raise UnreadableEvent(seq, type, "its type or its time is damaged")
        Event(seq, type, at, data).small()
        if not isinstance(orjson.loads(names), dict):
            raise UnreadableEvent(seq, type, "the names of its large values are damaged")
        if isinstance(large, Mapping):
            Event(seq, type, at, data, large).decoded()
    except (UnreadableEvent, TypeError, orjson.JSONDecodeError) as error:
        problem = error if isinstance(error, UnreadableEvent) else UnreadableEvent(seq, type, "it is damaged")
        return seq, type, at, orjson.dumps({UNREADABLE: str(problem)}), None
    return seq, type, at, data, large


def typed(type: object, at: object) -> tuple[str, int]:
    """The type and the time of an event. SQLite gives back whatever another program has put into their columns."""
    return (type if isinstance(type, str) else "damaged"), (at if isinstance(at, int) else 0)


def read_heads(run_ids: Iterable[str]) -> dict[str, Head]:
    """Where these runs stand, by run id. A run that does not exist is left out."""
    ids = list(run_ids)
    heads: dict[str, Head] = {}
    for start in range(0, len(ids), HEADS_AT_ONCE):
        some = ids[start : start + HEADS_AT_ONCE]
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * len(some))
            cursor.execute(f"SELECT id, last_seq, status FROM {RUNS} WHERE id IN ({marks})", some)  # noqa: S608
            for run_id, last_seq, status in cursor.fetchall():
                heads[run_id] = Head(last_seq, RunStatus(status) in FINAL_STATUSES, status)
    return heads


# Readers of the live pages have threads of their own: Django's thread for async code is one for the whole process,
# and a page that waits for its log must not wait for another page's sign-in.
_readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live-reader")


async def in_reader(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that reads the database in a reader's thread."""

    def call() -> T:
        close_old_connections()  # one that the server has dropped
        return function(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_readers, call)
