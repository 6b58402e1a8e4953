"""What the templates of schema forms need beside the fields themselves."""

from functools import cache

from django import template
from django.template.base import Template
from django.template.engine import Engine
from django.utils.safestring import SafeString

from runs.forms.schema.composite_fields import ObjectField
from runs.forms.schema.fields import BooleanField, ChoiceField, Field
from runs.forms.schema.layout import Column, columns, placed

register = template.Library()
register.filter("placed", placed)
register.filter("columns", columns)


@cache
def _control(kind: str) -> Template:
    """A list of 200 lines draws a thousand controls: their templates are looked up once."""
    return Engine.get_default().get_template(f"runs/schema_form/_{kind}.html")


@register.filter
def row_key(row: Field) -> str:
    """The key of a row, as the names of its inputs hold it."""
    return row.pointer.rpartition("/")[2]


@register.filter
def cells(row: ObjectField, of_columns: list[Column]) -> list[tuple[Field, Column]]:
    return list(zip(row.children, of_columns, strict=True))


@register.simple_tag(takes_context=True)
def cell_control(context: template.Context, cell: Field) -> SafeString:
    """The bare control of a line, named for a screen reader by its label and the number of the line."""
    kind = "check" if isinstance(cell, BooleanField) else "select" if isinstance(cell, ChoiceField) else "input"
    name = f"{cell.label}, line {cell.row_number}" if cell.key else f"{cell.label} {cell.row_number}"
    with context.push(field=cell, name=name):
        return _control(kind).render(context)
