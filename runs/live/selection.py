"""Some of a log: by kind of event, by step, by words, forwards or backwards. Everything is looked for in the database,
over the whole run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from django.db import DatabaseError, connection

from runs.engine.log.events import UNREADABLE
from runs.store.database_errors import database_error_of
from runs.store.redaction import RunRedactor

from .log import EVENTS, Line, lines_of, portions


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are wanted. Empty parts want all."""

    types: tuple[str, ...] = ()
    step: str = ""  # a step's path: itself, the items of its foreach, the steps of its inner workflow
    words: str = ""  # text that stands in the event's data, whatever its case

    def conditions(self) -> tuple[str, list[object]]:
        """As SQL, each beginning with AND, and its values."""
        sql, values = "", []
        if self.types:
            sql += f" AND type IN ({', '.join(['%s'] * len(self.types))})"
            values += self.types
        if self.step:
            sql += f" AND ({STEP[connection.vendor]} = %s OR substr({STEP[connection.vendor]}, 1, %s) IN (%s, %s))"
            values += [self.step, len(self.step) + 1, f"{self.step}[", f"{self.step}."]
        if self.words:
            sql += f" AND {LIKE[connection.vendor]} %s ESCAPE '~'"
            values.append(f"%{_escaped(self._needle)}%")
        return sql, values

    def finds(self, row: Sequence[Any]) -> bool:
        """The conditions, for a row that the database cannot search; one that cannot be read itself is found."""
        data = orjson.loads(row[3])
        if UNREADABLE in data:
            return True
        path = str(data.get("id") or "")
        in_step = path == self.step or path.startswith((f"{self.step}[", f"{self.step}."))
        return (not self.types or row[1] in self.types) and (not self.step or in_step)

    def shows(self, line: Line) -> bool:
        """Whether the words are still there once secrets are hidden: a search must not find out a secret."""
        return not self.words or self._needle.lower().encode() in line.text.decode().lower().encode()

    @property
    def _needle(self) -> str:
        """The words as JSON writes them."""
        return orjson.dumps(self.words).decode()[1:-1]


# `json`, not `jsonb`, on PostgreSQL: the binary form refuses a NUL that a chunk may hold.
STEP = {
    "sqlite": "json_extract(CAST(data AS TEXT), '$.id')",
    "postgresql": "(convert_from(data, 'UTF8')::json ->> 'id')",
}
LIKE = {"sqlite": "CAST(data AS TEXT) LIKE", "postgresql": "convert_from(data, 'UTF8') ILIKE"}


def _escaped(words: str) -> str:
    return words.replace("~", "~~").replace("%", "~%").replace("_", "~_")


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a log that is looked at: seqs beyond `after`, up to `last`; its end first if `backwards`."""

    after: int
    last: int
    limit: int
    max_bytes: int
    backwards: bool = False


def select_lines(run_id: str, redactor: RunRedactor, stretch: Stretch, selection: Selection) -> tuple[list[Line], int]:
    """As _select(). With words, the answer is made of the lines that show them alone: neither it nor its cursor tells
    of an event whose secret has them."""
    if not selection.words:
        return _select(run_id, redactor, stretch, selection)
    found: list[Line] = []
    rest, at_end = stretch, False
    while not at_end and len(found) < stretch.limit and sum(len(line.text) for line in found) < stretch.max_bytes:
        lines, cursor = _select(run_id, redactor, rest, selection)
        if stretch.backwards:
            found = [*lines, *found]
            rest, at_end = replace(rest, last=cursor - 1), cursor <= stretch.after + 1
        else:
            found += lines
            rest, at_end = replace(rest, after=cursor), cursor >= stretch.last
    if stretch.backwards:
        found = found[-stretch.limit :]
        return found, (stretch.after + 1 if at_end else found[0].seq)
    found = found[: stretch.limit]
    return found, (max(stretch.after, stretch.last) if at_end else found[-1].seq)


def _select(run_id: str, redactor: RunRedactor, stretch: Stretch, selection: Selection) -> tuple[list[Line], int]:
    """The lines, in order, and the cursor from which to go on: everything up to there was looked at.

    (Backwards: the seq before which to go on.) Looks at `limit` events at most, and at no more once their data is
    `max_bytes` together.
    """
    conditions, values = selection.conditions()
    order = "DESC" if stretch.backwards else "ASC"
    sql = (
        f"SELECT seq, type, at, data, large FROM {EVENTS} WHERE run_id = %s AND seq > %s AND seq <= %s{conditions}"  # noqa: S608
        f" ORDER BY seq {order} LIMIT %s"
    )
    stored = [run_id, stretch.after, stretch.last]
    try:
        return _read(sql, [*stored, *values, stretch.limit], redactor, stretch, selection)
    except DatabaseError as error:
        if not conditions or database_error_of(error) is not None:
            raise
    # The database cannot search an event that is not JSON: every event is read, and looked at here.
    plain = sql.replace(conditions, "")
    return _read(plain, [*stored, stretch.limit], redactor, stretch, selection, search=True)


def _read(
    sql: str,
    values: list[object],
    redactor: RunRedactor,
    stretch: Stretch,
    selection: Selection,
    *,
    search: bool = False,
) -> tuple[list[Line], int]:
    lines: list[Line] = []
    size = looked_at = 0
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        for rows in portions(cursor, stretch.max_bytes):
            looked_at += len(rows)
            size += sum(len(row[3]) for row in rows)
            end = rows[-1][0]
            found = [row for row in rows if not search or selection.finds(row)]
            lines += filter(selection.shows, lines_of(redactor, found))
        came_to_end = looked_at < stretch.limit and size < stretch.max_bytes
    if stretch.backwards:
        return lines[::-1], (stretch.after + 1 if came_to_end else end)
    return lines, (max(stretch.after, stretch.last) if came_to_end else end)
