"""The statements that store spans, for either database."""

from collections.abc import Sequence

from runs.models import Span
from runs.store.connection import Connection, PostgresConnection

from .rows import Row

SPANS = Span._meta.db_table
COLUMNS = ", ".join(Row._fields)
MARKS = ", ".join(["%s"] * len(Row._fields))
INSERT = f"INSERT INTO {SPANS} ({COLUMNS}) VALUES ({MARKS})"  # noqa: S608
MANY = 64
INSERT_ROWS = f"INSERT INTO {SPANS} ({COLUMNS}) VALUES {', '.join([f'({MARKS})'] * MANY)}"  # noqa: S608
TYPES = ("bytea", *["bigint"] * 2, *["smallint"] * 2, "boolean", *["text"] * 3, *["bigint"] * 2, "text")
INSERT_MANY = (  # PostgreSQL: one statement for all
    f"INSERT INTO {SPANS} ({COLUMNS}) SELECT * FROM unnest({', '.join(f'%s::{type}[]' for type in TYPES)})"  # noqa: S608
)
# By the index of traces: the start tells the span's place in it.
RENEW = (
    f"UPDATE {SPANS} SET state = %s, name = %s, end_ns = %s, data = %s"  # noqa: S608
    " WHERE trace_id = %s AND start_ns = %s AND span_id = %s"
)


def write_rows(connection: Connection, new: Sequence[Row], renewed: Sequence[Row]) -> None:
    """Insert the new ones, and bring those that are stored already to their end. In the caller's transaction."""
    if new and isinstance(connection, PostgresConnection):
        connection.execute(INSERT_MANY, [list(column) for column in zip(*new, strict=True)])
    elif new:
        # SQLite: a statement with many rows takes two thirds of the time of as many statements with one.
        whole = len(new) - len(new) % MANY
        for first in range(0, whole, MANY):
            connection.execute(INSERT_ROWS, [value for row in new[first : first + MANY] for value in row])
        connection.executemany(INSERT, new[whole:])
    if renewed:
        connection.executemany(
            RENEW,
            [(row.state, row.name, row.end_ns, row.data, row.trace_id, row.start_ns, row.span_id) for row in renewed],
        )
