"""A schema in words, as a tree for the page: `qty  integer, 1 to 999, required`."""

import json
from dataclasses import dataclass, field

from .json_schema import Kind, Shape, shape_of

MOST_DEFAULT = 40  # characters of a default that are shown
MOST_CHOICES = 6  # named one by one; of more, the first ones
TEXT_FORMATS = {"date": "date", "date-time": "date and time", "uuid": "UUID", "email": "e-mail", "uri": "URL"}


@dataclass(frozen=True, slots=True)
class SchemaTwig:
    """One key of a schema: its name, what may stand there, and the keys below it."""

    key: str
    words: str
    description: str = ""
    twigs: list["SchemaTwig"] = field(default_factory=list)


def schema_twigs(schema: object) -> list[SchemaTwig]:
    """The keys of a schema's root; for a root that is no object one twig named `value`. None: anything is accepted."""
    if schema in (None, {}, True):
        return []
    shape = shape_of(schema)
    if shape.kind is Kind.OBJECT:
        return _below(shape)
    return [_twig("value", shape, required=True)]


def _below(shape: Shape) -> list[SchemaTwig]:
    if shape.kind is Kind.LIST and shape.items is not None:
        return _below(shape.items)
    return [_twig(key, part, required=key in shape.required) for key, part in shape.properties.items()]


def _twig(key: str, shape: Shape, *, required: bool) -> SchemaTwig:
    words = [_kind(shape), "secret" if shape.secret else "", "required" if required else _absent(shape)]
    return SchemaTwig(key, ", ".join(word for word in words if word), shape.description, _below(shape))


def _absent(shape: Shape) -> str:
    """What happens when the key is not sent."""
    default = shape.default
    if shape.secret or not isinstance(default, str | int | float) or default == "":
        return "optional"
    text = default if isinstance(default, str) else json.dumps(default)
    return f"default {text if len(text) <= MOST_DEFAULT else text[:MOST_DEFAULT] + '…'}"


def _kind(shape: Shape) -> str:
    schema = shape.schema
    or_null = " or null" if shape.nullable else ""
    match shape.kind:
        case Kind.CHOICE:
            shown = ", ".join(str(choice) for choice in shape.choices[:MOST_CHOICES])
            more = f" and {len(shape.choices) - MOST_CHOICES} more" if len(shape.choices) > MOST_CHOICES else ""
            return f"one of {shown}{more}{or_null}"
        case Kind.LIST:
            of = _kind(shape.items) if shape.items else "anything"
            return f"{_range(schema, 'minItems', 'maxItems') or 'list'} of {of}{or_null}"
        case Kind.OBJECT:
            return f"object{or_null}, {len(shape.properties)} key{'' if len(shape.properties) == 1 else 's'}"
        case Kind.TEXT:
            name = TEXT_FORMATS.get(str(schema.get("format")), "string")
            length = _range(schema, "minLength", "maxLength")
            return f"{name}{or_null}" + (f", {length} characters" if length else "")
        case Kind.INTEGER | Kind.NUMBER | Kind.DECIMAL:
            name = "int64" if schema.get("format") == "int64" else str(shape.kind.value)
            span = _range(schema, "minimum", "maximum") if schema.get("format") != "int64" else ""
            return f"{name}{or_null}" + (f", {span}" if span else "")
        case Kind.CONST:
            return f"always {schema.get('const')!r}"
        case Kind.JSON:
            return "any JSON"
    return f"{shape.kind.value}{or_null}"


def _range(schema, least: str, most: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low:
        return f"{low} or more"
    return f"at most {high}" if high is not None else ""
