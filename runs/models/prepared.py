"""Statements that are asked for with every request, written once.

To put a query together takes Django ten times as long as SQLite needs to answer it. What is asked is still said in the
words of the models, where it can be read and checked; only the text that comes of it is kept.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models
from django.db.models.expressions import Value

Converter = Callable[[Any], Any]


class Place(Value):
    """Where a value goes that each call gives."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list["Place"]]:
        return "%s", [self]


class Prepared:
    """A query with places for values: `Prepared(lambda name: Tag.objects.filter(name=name).values_list("pk"), field)`.

    `make` is called once, with a Place for each of `fields`; it must give a queryset of values_list(), and ask for
    nothing that may be another thing at the next call. Calls take the values, and give the rows.
    """

    def __init__(self, make: Callable[..., models.QuerySet], *fields: models.Field) -> None:
        self._make = make
        self._fields = fields
        self._made: tuple[str, list[Any], list[tuple[int, Converter]]] | None = None

    def __call__(self, *values: object) -> list[tuple]:
        sql, parameters, converters = self._made or self._prepare()
        given = [field.get_db_prep_value(value, connection) for field, value in zip(self._fields, values, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(sql, [given[each.value] if isinstance(each, Place) else each for each in parameters])
            rows = cursor.fetchall()
        if not converters:
            return rows
        values = list(map(list, rows))
        for place, convert in converters:
            for row in values:
                row[place] = convert(row[place])
        return list(map(tuple, values))

    def _prepare(self) -> tuple[str, list[Any], list[tuple[int, Converter]]]:
        places = [Place(number, output_field=field) for number, field in enumerate(self._fields)]
        compiler = self._make(*places).query.get_compiler(connection.alias)
        sql, parameters = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select[: compiler.col_count]]
        found = compiler.get_converters(columns)
        converters = [(place, _converter(functions, column)) for place, (functions, column) in found.items()]
        self._made = sql, list(parameters), converters
        return self._made


def _converter(functions: Sequence[Callable[..., Any]], column: Any) -> Converter:
    """Makes the models' value of the database's."""
    if connection.vendor == "sqlite" and isinstance(column.output_field, models.DateTimeField):
        return _moment  # faster by far than Django's own, which takes other forms than the one it writes, too

    def convert(value: Any) -> Any:
        for function in functions:
            value = function(value, column, connection)
        return value

    return convert


def _moment(value: datetime | str | None) -> datetime | None:
    if value is None:
        return None
    # The column of a union is text; one of a table has been read by the connection.
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).replace(tzinfo=UTC)


class Insertion:
    """Stores new rows of a model, without what `save()` does around it: no signal, no key that the database makes."""

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model
        self._made: tuple[str, list[models.Field]] | None = None

    def __call__(self, row: models.Model) -> None:
        """Raises IntegrityError."""
        sql, fields = self._made or self._prepare()
        values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
        row._state.adding, row._state.db = False, connection.alias

    def _prepare(self) -> tuple[str, list[models.Field]]:
        meta, quoted = self._model._meta, connection.ops.quote_name
        fields = [field for field in meta.concrete_fields if not isinstance(field, models.AutoField)]
        names = ", ".join(quoted(field.column) for field in fields)
        marks = ", ".join(["%s"] * len(fields))
        self._made = f"INSERT INTO {quoted(meta.db_table)} ({names}) VALUES ({marks})", fields  # noqa: S608
        return self._made
