"""The read side: what a run's log tells, for pages and programs."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection

from runs.engine.errors import MissingValue, RunNotFound, UnreadableEvent
from runs.engine.log.events import REFERENCES, Event, put_back
from runs.engine.log.fold import fold_readable
from runs.engine.log.records import RunSnapshot
from runs.models import WorkflowRun
from runs.models.event import put_together

from .event_rows import EVENTS, PAYLOADS

Execute = Callable[[str, Sequence[object]], Any]
IDS_AT_ONCE = 500


def read_events(
    run_id: str,
    after: int = 0,
    limit: int | None = None,
    types: Collection[str] | None = None,
    seqs: Collection[int] | None = None,
) -> list[Event]:
    """The events beyond a seq, in order and whole: values kept apart, and values equal to an earlier event's, are back
    inside `data`. An empty list for a run without such events, or for no run at all."""
    with connection.cursor() as cursor:
        execute = _executor(cursor)
        events = select_events(execute, run_id, after=after, limit=limit, types=types, seqs=seqs)
        return _whole(execute, run_id, events)


def snapshot(run_id: str) -> RunSnapshot:
    """The run as its log tells it. Raises RunNotFound and UnreadableEvent."""
    found, unreadable = readable_snapshot(run_id)
    if unreadable:
        raise unreadable[0]
    return found


def readable_snapshot(run_id: str) -> tuple[RunSnapshot, list[UnreadableEvent]]:
    """The run without the events that cannot be read, and what is wrong with these. Raises RunNotFound."""
    workflow_id = WorkflowRun.objects.filter(pk=run_id).values_list("workflow_id", flat=True).first()
    if workflow_id is None:
        raise RunNotFound(f"There is no run {run_id}.")
    with connection.cursor() as cursor:
        return fold_readable(run_id, workflow_id, select_events(_executor(cursor), run_id))


def stored_events(run_id: str, types: Collection[str] | None = None) -> list[Event]:
    """The events as they are stored, for a fold: it puts values back by itself, at half the cost of read_events()."""
    with connection.cursor() as cursor:
        return select_events(_executor(cursor), run_id, types=types)


def select_events(
    execute: Execute,
    run_id: str,
    *,
    after: int = 0,
    limit: int | None = None,
    types: Collection[str] | None = None,
    seqs: Collection[int] | None = None,
) -> list[Event]:
    """The events as they are stored; values kept apart stand in `large`."""
    conditions, values = ["run_id = %s", "seq > %s"], [run_id, after]
    for column, wanted in (("type", types), ("seq", seqs)):
        if wanted is not None:
            conditions.append(f"{column} IN ({', '.join(['%s'] * len(wanted))})")
            values += map(str.__str__, wanted) if column == "type" else wanted
    end = "" if limit is None else f" LIMIT {int(limit)}"
    rows = execute(
        f"SELECT seq, type, at, data, large FROM {EVENTS} WHERE {' AND '.join(conditions)} ORDER BY seq{end}",  # noqa: S608
        values,
    ).fetchall()
    large = {seq: _digests(text) for seq, _, _, _, text in rows if text}
    wanted = {digest for digests in large.values() for digest in digests.values()}
    payloads = _payload_rows(execute, wanted) if wanted else {}
    return [
        Event(seq, type, at, as_bytes(data), LargeValues(large[seq], payloads) if seq in large else None)
        for seq, type, at, data, _ in rows
    ]


Rows = dict[str, tuple[bytes, list]]


class LargeValues(Mapping[str, bytes]):
    """The large values of an event as JSON, by key of its data.

    Each is put together when it is asked for: the events of a run share their rows, and a thousand values of a
    megabyte that differ in a field take little more than a megabyte.
    """

    __slots__ = ("_digests", "_rows")

    def __init__(self, digests: dict[str, str], rows: Rows) -> None:
        self._digests = digests
        self._rows = rows

    def __getitem__(self, key: str) -> bytes:
        """Raises MissingValue."""
        digest = self._digests[key]
        try:
            return put_together(digest, self._rows)
        except KeyError as error:
            name = str(error.args[0])
            part = "is not stored" if name == digest else f"lacks the part {name[:12]}…"
            raise MissingValue(part) from None
        except (ValueError, TypeError):
            raise MissingValue("is damaged") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)


def as_bytes(data: object) -> bytes:
    """What a column of bytes has. SQLite gives back whatever another program has put there."""
    return bytes(data) if isinstance(data, bytes | memoryview) else str(data).encode()


def _digests(text: str | bytes) -> dict[str, str]:
    """The names of an event's large values, by key. Damaged ones are names of nothing."""
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError:
        names = None
    return {key: str(name) for key, name in names.items()} if isinstance(names, dict) else {"large": "damaged"}


def _payload_rows(execute: Execute, digests: Collection[str]) -> Rows:
    """These rows of large values and all their parts, a query a level. Missing and damaged ones are left out."""
    rows: Rows = {}
    wanted, asked = set(digests), set(digests)
    while wanted:
        found = _rows_named(execute, sorted(wanted))
        rows |= found
        wanted = {member for _, parts in found.values() for _, member in parts} - asked
        asked |= wanted
    return rows


def _rows_named(execute: Execute, digests: Sequence[str]) -> Rows:
    rows: Rows = {}
    for start in range(0, len(digests), IDS_AT_ONCE):
        some = digests[start : start + IDS_AT_ONCE]
        sql = f"SELECT sha256, data, parts FROM {PAYLOADS} WHERE sha256 IN ({', '.join(['%s'] * len(some))})"  # noqa: S608
        for digest, data, text in execute(sql, some).fetchall():
            parts = _parts(text) if text else []
            if parts is not None:
                rows[digest] = (as_bytes(data), parts)
    return rows


def _parts(text: str | bytes) -> list | None:
    """The parts of a row, checked; None: they are damaged."""
    try:
        return [(int(place), str(member)) for place, member in orjson.loads(text)]
    except (ValueError, TypeError):
        return None


def _whole(execute: Execute, run_id: str, events: list[Event]) -> list[Event]:
    """Put back what the events refer to, wherever in the log it stands."""
    known = {event.seq for event in events}
    others: dict[int, Event] = {}
    wanted = _referred(events) - known
    while wanted:  # what is referred to may itself refer to an earlier event
        found = {event.seq: event for event in select_events(execute, run_id, seqs=sorted(wanted))}
        others |= found
        wanted = _referred(found.values()) - known - others.keys()
    together = sorted([*others.values(), *events])
    return [_with_large(event) for event in put_back(together) if event.seq in known]


def _with_large(event: Event) -> Event:
    """A large chunk: nothing ever refers to it, so `put_back` leaves it as it is."""
    if not event.large:
        return event
    try:
        data = event.small() | {key: orjson.Fragment(text) for key, text in event.large_texts().items()}
    except UnreadableEvent:  # for whoever decodes it
        return event
    return event._replace(data=orjson.dumps(data), large=None)


def _referred(events: Collection[Event]) -> set[int]:
    """The seqs that `…From` keys name. A look at the bytes first: few events have one, and chunks never."""
    seqs = set()
    for event in events:
        if b'From":' in event.data and _is_object(event):
            seqs |= {value for key, value in event.small().items() if key in REFERENCES and isinstance(value, int)}
    return seqs


def _is_object(event: Event) -> bool:
    try:
        event.small()
    except UnreadableEvent:
        return False
    return True


def _executor(cursor: Any) -> Execute:
    """Django's cursor gives nothing back when it executes; the connections of the writer do."""

    def execute(sql: str, values: Sequence[object]) -> Any:
        cursor.execute(sql, values)
        return cursor

    return execute
