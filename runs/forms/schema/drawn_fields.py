"""The fields of a form from a JSON value, or from the defaults of its schema."""

from runs.engine.log.snapshot import UNSET

from .composite_fields import JsonField, ListField, ObjectField
from .exact_json import Number, exact, write_exact
from .field_spot import Spot
from .fields import BooleanField, ChoiceField, ConstField, Field, State, TextField, has_states, typable
from .json_schema import TYPED, Kind, Shape

MAX_FRESH_ROWS = 5  # drawn for a list that needs some
TOO_LONG = "Too long for a form: edited as JSON."
MISFIT = "This value does not fit its field, so it is shown as JSON."
UNNAMED = "Not in the schema: sent as it is; the workflow may refuse or drop it."


def draw(shape: Shape, tree: object, spot: Spot) -> Field:
    """The field for a value; UNSET is a form that nobody has filled in yet."""
    common = spot.common(shape)
    if tree is UNSET:
        default = shape.default
        if default is not UNSET and default is not None:
            return draw(shape, exact(default), spot)
        state = State.ABSENT if has_states(shape, spot.needed) and not spot.needed else State.VALUE
        return _content(shape, UNSET, spot, {**common, "state": state})
    if tree is None and shape.nullable and shape.kind is not Kind.JSON:
        return _content(shape, UNSET, spot, {**common, "state": State.NULL})
    field = _content(shape, tree, spot, common)
    if not isinstance(field, ObjectField | ListField | JsonField) and field.tree() != tree:
        return JsonField(**common, text=write_exact(tree), note=MISFIT)
    return field


def _draw_missing(shape: Shape, spot: Spot) -> Field:
    """The field for a key that the given object lacks. An optional one stays unsent until it is changed."""
    if has_states(shape, spot.needed) and not spot.needed:
        return _content(shape, UNSET, spot, {**spot.common(shape), "state": State.ABSENT})
    field = draw(shape, UNSET, spot)
    if not spot.needed:
        field.implied = field.tree()
    return field


def _content(shape: Shape, tree: object, spot: Spot, common: dict) -> Field:
    match shape.kind:
        case Kind.OBJECT if tree is UNSET or isinstance(tree, dict):
            return _draw_object(shape, tree, spot, common)
        case Kind.LIST if tree is UNSET or isinstance(tree, list):
            return _draw_list(shape, tree, spot, common)
        case Kind.BOOLEAN:
            return BooleanField(**common, checked=tree is True)
        case Kind.CONST:
            return ConstField(**common)
        case Kind.CHOICE:
            field = ChoiceField(**common)
            field.code = "" if tree is UNSET else field.code_of(tree)
            # A text beyond the choices that no control gives back: the comparison in draw() shows it as JSON.
            field.code = field.code if typable(field.code, one_line=True) else ""
            return field
        case kind if kind in TYPED:
            return _draw_text(tree, common)
    note = MISFIT if shape.kind is not Kind.JSON else ""
    return JsonField(**common, text="" if tree is UNSET else write_exact(tree), note=note)


def _draw_text(tree: object, common: dict) -> Field:
    if isinstance(tree, Number):
        return TextField(**common, text=tree.text)
    shape = common["shape"]
    one_line = shape.secret or shape.kind is not Kind.TEXT
    if isinstance(tree, str) and typable(tree, one_line=one_line):
        return TextField(**common, text=tree, blank_is_absent=tree != "", as_text=True)
    return TextField(**common)  # what is no text fails the comparison in draw(), and is shown as JSON


def _draw_object(shape: Shape, tree: object, spot: Spot, common: dict) -> ObjectField:
    given = tree if isinstance(tree, dict) else {}
    children = []
    for key, part in shape.properties.items():
        needed = key in shape.required
        child = spot.child(key, part, needed)
        missing = tree is not UNSET and key not in given
        children.append(_draw_missing(part, child) if missing else draw(part, given.get(key, UNSET), child))
    unnamed = {key: item for key, item in given.items() if key not in shape.properties}
    others = others_field(shape, spot, write_exact(unnamed)) if unnamed else None
    if others is None and shape.open:
        others = others_field(shape, spot, "")
    return ObjectField(**common, children=children, others=others, blank_is_absent=tree is UNSET)


def others_field(shape: Shape, spot: Spot, text: str) -> JsonField:
    free = Shape(Kind.JSON, {"description": "" if not shape.open else "A JSON object of further keys"})
    return JsonField(
        shape=free,
        key="",
        label="Other keys",
        pointer=f"{spot.pointer}/~others",  # no key is written so: ~ stands only before 0 and 1
        where=spot.where,
        needed=True,
        text=text,
        note="" if shape.open else UNNAMED,
    )


def _draw_list(shape: Shape, tree: object, spot: Spot, common: dict) -> Field:
    if shape.items is None or (isinstance(tree, list) and not spot.room.take(shape.items, tree)):
        return JsonField(**common, text=write_exact(tree), note=TOO_LONG)
    if tree is UNSET:
        wanted = int(shape.schema.get("minItems", 0)) if spot.needed else 0  # 2.0 is an integer to JSON Schema
        trees: list[object] = [UNSET] * min(wanted, MAX_FRESH_ROWS)
    else:
        trees = list(tree) if isinstance(tree, list) else []
    field = ListField(**common)
    field.rows = [
        draw_item(shape.items, item, spot.row(str(index), index, field.noun)) for index, item in enumerate(trees)
    ]
    field.blank = draw_item(shape.items, UNSET, spot.row(field.placeholder, len(field.rows), field.noun))
    settle_cells(field)
    return field


def draw_item(shape: Shape, tree: object, spot: Spot) -> Field:
    field = draw(shape, tree, spot)
    if isinstance(field, TextField):
        field.blank_is_absent = False  # an empty line of a list of texts is an empty text
    return field


def settle_cells(field: ListField) -> None:
    """Tell the cells of a grid that they are cells, and the fields of stacked rows that they are not."""
    grid = field.is_grid
    for row in [*field.rows, *([field.blank] if field.blank else [])]:
        if isinstance(row, ObjectField):
            for cell in row.children:
                cell.in_cell = grid
        else:
            row.in_cell = field.is_plain
