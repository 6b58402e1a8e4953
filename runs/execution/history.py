"""The read side: what a run's log tells, for pages and programs."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import orjson
from django.db import connection

from runs.engine.errors import RunNotFound
from runs.engine.events import REFERENCES, Event, put_back
from runs.engine.snapshot import RunSnapshot, fold
from runs.models import WorkflowRun
from runs.models.event import put_together

from .batch import EVENTS, PAYLOADS

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
    """The run as its log tells it. Raises RunNotFound."""
    workflow_id = WorkflowRun.objects.filter(pk=run_id).values_list("workflow_id", flat=True).first()
    if workflow_id is None:
        raise RunNotFound(f"There is no run {run_id}.")
    with connection.cursor() as cursor:
        return fold(run_id, workflow_id, select_events(_executor(cursor), run_id))


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
    large = {seq: orjson.loads(digests) for seq, _, _, _, digests in rows if digests}
    payloads = read_payloads(execute, {digest for digests in large.values() for digest in digests.values()})
    return [
        Event(
            seq,
            type,
            at,
            bytes(data),
            {key: payloads[digest] for key, digest in large[seq].items()} if seq in large else None,
        )
        for seq, type, at, data, _ in rows
    ]


def read_payloads(execute: Execute, digests: Collection[str]) -> dict[str, bytes]:
    """The values that are kept apart, whole, by their SHA-256."""
    rows = _payload_rows(execute, digests)
    inner = _payload_rows(execute, {digest for _, parts in rows.values() for _, digest in parts})
    members = {digest: data for digest, (data, _) in inner.items()}
    return {digest: put_together(data, parts, members) for digest, (data, parts) in rows.items()}


def _payload_rows(execute: Execute, digests: Collection[str]) -> dict[str, tuple[bytes, list]]:
    wanted = list(digests)
    rows: dict[str, tuple[bytes, list]] = {}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[start : start + IDS_AT_ONCE]
        sql = f"SELECT sha256, data, parts FROM {PAYLOADS} WHERE sha256 IN ({', '.join(['%s'] * len(some))})"  # noqa: S608
        for digest, data, parts in execute(sql, some).fetchall():
            rows[digest] = (bytes(data), orjson.loads(parts) if parts else [])
    return rows


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
    data = orjson.loads(event.data) | {key: orjson.Fragment(text) for key, text in event.large.items()}
    return event._replace(data=orjson.dumps(data), large=None)


def _referred(events: Collection[Event]) -> set[int]:
    """The seqs that `…From` keys name. A look at the bytes first: few events have one, and chunks never."""
    seqs = set()
    for event in events:
        if b'From":' in event.data:
            seqs |= {
                value for key, value in orjson.loads(event.data).items() if key in REFERENCES and isinstance(value, int)
            }
    return seqs


def _executor(cursor: Any) -> Execute:
    """Django's cursor gives nothing back when it executes; the connections of the writer do."""

    def execute(sql: str, values: Sequence[object]) -> Any:
        cursor.execute(sql, values)
        return cursor

    return execute
