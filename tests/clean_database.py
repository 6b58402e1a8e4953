"""Between two tests that commit: what they wrote goes, what the migrations wrote stays.

Django's own way deletes from every table and then makes permissions, content types and roles anew, which takes fifty
times as long.
"""

from collections.abc import Iterable

from django.db import connection, transaction

Rows = list[tuple[object, ...]]


class Seeded:
    """Remembers a database as it stands, and brings it back to that."""

    def __init__(self) -> None:
        tables = [name for name in connection.introspection.table_names() if name != "django_migrations"]
        with connection.cursor() as cursor:
            rows = {name: _rows(cursor, name) for name in tables}
        self._kept = {name: found for name, found in rows.items() if found}
        self._empty = [name for name in tables if name not in self._kept]

    def restore(self) -> None:
        """Delete what was added, and put back what was changed or deleted. Connections of other processes may stay."""
        with transaction.atomic(), connection.cursor() as cursor:
            for name in _filled(cursor, self._empty):
                cursor.execute(f"DELETE FROM {_quoted(name)}")
            for name, kept in self._kept.items():
                if _rows(cursor, name) != kept:
                    cursor.execute(f"DELETE FROM {_quoted(name)}")
                    places = ", ".join(["%s"] * len(kept[0]))
                    cursor.executemany(f"INSERT INTO {_quoted(name)} VALUES ({places})", kept)


def _rows(cursor, name: str) -> Rows:
    cursor.execute(f"SELECT * FROM {_quoted(name)} ORDER BY 1")
    return cursor.fetchall()


def _filled(cursor, names: Iterable[str]) -> list[str]:
    """Those of the tables that have a row; one question for all of them."""
    cursor.execute(
        " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {_quoted(name)})" for name in names)
    )
    return [name for (name,) in cursor.fetchall()]


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
