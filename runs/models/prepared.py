"""Statements that are asked for with every request, written once.

To put a query together takes Django ten times as long as SQLite needs to answer it. What is asked is still said in the
words of the models, where it can be read and checked; only the text that comes of it is kept.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection, models
from django.db.models.expressions import Value


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
        self._made: tuple[str, list[Any], list[tuple[int, list, Any]]] | None = None

    def __call__(self, *values: object) -> list[tuple]:
        sql, parameters, converters = self._made or self._prepare()
        given = [field.get_db_prep_value(value, connection) for field, value in zip(self._fields, values, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(sql, [given[each.value] if isinstance(each, Place) else each for each in parameters])
            rows = cursor.fetchall()
        return [_converted(row, converters) for row in rows]

    def _prepare(self) -> tuple[str, list[Any], list[tuple[int, list, Any]]]:
        places = [Place(number, output_field=field) for number, field in enumerate(self._fields)]
        compiler = self._make(*places).query.get_compiler(connection.alias)
        sql, parameters = compiler.as_sql()
        found = compiler.get_converters([column for column, _, _ in compiler.select])
        converters = [(place, *one) for place, one in found.items()]
        self._made = sql, list(parameters), converters
        return self._made


def _converted(row: tuple, converters: list[tuple[int, list, Any]]) -> tuple:
    """A row as the models have it: the database keeps no times with a zone, and no lists."""
    values = list(row)
    for place, functions, expression in converters:
        for function in functions:
            values[place] = function(values[place], expression, connection)
    return tuple(values)


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
