"""A value as a form made from its JSON Schema: drawn from JSON or from what was posted, read back as JSON.

Every input is named by a letter for what it tells, and a JSON pointer: `v:` a value, `s:` the state of an optional
field, `e:` that an empty one is sent all the same, `n:` the rows of a list, `j:` a part as JSON, `f:` a file, `k:` that
a decimal is sent as a text. In a list the pointer holds the key of the row, which stays when rows before it go.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.snapshot import UNSET

from .composite_fields import JsonField, ListField, ObjectField
from .exact_json import Number, exact, write_exact
from .fields import BooleanField, ChoiceField, ConstField, Field, State, TextField, has_states, typable
from .json_schema import TYPED, Kind, Shape, label_of

MAX_ROWS = 500  # of a list; longer ones are edited as JSON
MAX_FRESH_ROWS = 5  # drawn for a list that needs some
TOO_LONG = f"More than {MAX_ROWS} items: edited as JSON."
MISFIT = "This value does not fit its field, so it is shown as JSON."
UNNAMED = "Not in the schema: sent as it is; the workflow may refuse or drop it."


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a field stands: among the form's inputs, and in the value."""

    pointer: str
    where: tuple[str | int, ...] = ()
    key: str = ""
    label: str = ""
    needed: bool = True

    def child(self, key: str, shape: Shape, needed: bool) -> "Spot":
        part = key.replace("~", "~0").replace("/", "~1")
        return Spot(f"{self.pointer}/{part}", (*self.where, key), key, label_of(key, shape.title), needed)

    def row(self, row_key: str, index: int, noun: str) -> "Spot":
        return Spot(f"{self.pointer}/{row_key}", (*self.where, index), "", noun, True)

    def common(self, shape: Shape) -> dict[str, object]:
        """What every kind of field is made with."""
        return {
            "shape": shape,
            "key": self.key,
            "label": self.label,
            "pointer": self.pointer,
            "where": self.where,
            "needed": self.needed,
        }


class SchemaForm:
    """The fields of one value. `prefix` tells its inputs from those of other forms on the page."""

    def __init__(self, root: Field) -> None:
        self.root = root

    @classmethod
    def fresh(cls, shape: Shape, prefix: str, label: str = "Value") -> "SchemaForm":
        """As the schema's defaults have it."""
        return cls(_draw(shape, UNSET, Spot(prefix, label=label)))

    @classmethod
    def of_tree(cls, shape: Shape, tree: object, prefix: str, label: str = "Value") -> "SchemaForm":
        return cls(_draw(shape, tree, Spot(prefix, label=label)))

    @classmethod
    def posted(
        cls, shape: Shape, data: QueryDict, files: MultiValueDict, prefix: str, label: str = "Value"
    ) -> "SchemaForm":
        return cls(_Reader(data, files).read(shape, Spot(prefix, label=label)))

    @property
    def fields(self) -> list[Field]:
        """What the page draws: the properties of an object, else the one field of the whole value."""
        return self.root.parts() if isinstance(self.root, ObjectField) else [self.root]

    def tree(self) -> object:
        return self.root.tree()

    def every(self) -> Iterator[Field]:
        """All fields, those of hidden parts, too: what was typed there is kept."""
        yield from _within(self.root)

    def sent(self) -> Iterator[Field]:
        """The fields whose values are sent: a part that is not sent may be half filled in."""
        yield from _within(self.root, only_sent=True)

    def find(self, where: tuple[str | int, ...]) -> Field:
        """The field at a place of the value, or the nearest one around it."""
        found = self.root
        while True:
            inner = next((part for part in found.parts() if part.where == where[: len(part.where)]), None)
            # Other keys stand at their object's own place: they are meant only when a key in them is.
            if inner is None or (inner.where == found.where == where):
                return found
            found = inner

    def add_row(self, pointer: str) -> None:
        """One more row at the end of the list of that pointer."""
        for field in self.every():
            if isinstance(field, ListField) and field.pointer == pointer and field.shape.items:
                keys = {row.pointer.rpartition("/")[2] for row in field.rows}
                number = len(field.rows)
                while str(number) in keys:
                    number += 1
                spot = Spot(field.pointer, field.where).row(str(number), len(field.rows), field.noun)
                field.rows.append(_draw_item(field.shape.items, UNSET, spot))
                field.state = State.VALUE
                settle_cells(field)
                return

    def remove_row(self, pointer: str) -> None:
        for field in self.every():
            if isinstance(field, ListField):
                field.rows = [row for row in field.rows if row.pointer != pointer]


def _within(field: Field, *, only_sent: bool = False) -> Iterator[Field]:
    if only_sent and field.state is not State.VALUE:
        return
    yield field
    for part in field.parts():
        yield from _within(part, only_sent=only_sent)


def settle_cells(field: ListField) -> None:
    """Tell the cells of a grid that they are cells, and the fields of stacked rows that they are not."""
    grid = field.is_grid
    for row in [*field.rows, *([field.blank] if field.blank else [])]:
        if isinstance(row, ObjectField):
            for cell in row.children:
                cell.in_cell = grid
        else:
            row.in_cell = field.is_plain


# --- From JSON ------------------------------------------------------------------------------------


def _draw(shape: Shape, tree: object, spot: Spot) -> Field:
    """The field for a value; UNSET is a form that nobody has filled in yet."""
    common = spot.common(shape)
    if tree is UNSET:
        default = shape.default
        if default is not UNSET and default is not None:
            return _draw(shape, exact(default), spot)
        state = State.ABSENT if has_states(shape, spot.needed) and not spot.needed else State.VALUE
        return _content(shape, UNSET, spot, {**common, "state": state})
    if tree is None and shape.nullable and shape.kind is not Kind.JSON:
        return _content(shape, UNSET, spot, {**common, "state": State.NULL})
    field = _content(shape, tree, spot, common)
    if not isinstance(field, ObjectField | ListField | JsonField) and field.tree() != tree:
        return JsonField(**common, text=write_exact(tree), note=MISFIT)
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
            return field
        case kind if kind in TYPED:
            return _draw_text(tree, common)
    note = MISFIT if shape.kind is not Kind.JSON else ""
    return JsonField(**common, text="" if tree is UNSET else write_exact(tree), note=note)


def _draw_text(tree: object, common: dict) -> Field:
    if isinstance(tree, Number):
        return TextField(**common, text=tree.text)
    if isinstance(tree, str) and typable(tree):
        return TextField(**common, text=tree, blank_is_absent=tree != "", as_text=True)
    return TextField(**common)  # what is no text fails the comparison in _draw, and is shown as JSON


def _draw_object(shape: Shape, tree: object, spot: Spot, common: dict) -> ObjectField:
    given = tree if isinstance(tree, dict) else {}
    children = []
    for key, part in shape.properties.items():
        needed = key in shape.required
        child = spot.child(key, part, needed)
        if key not in given and tree is not UNSET and has_states(part, needed) and not needed:
            children.append(_content(part, UNSET, child, {**child.common(part), "state": State.ABSENT}))
        else:
            children.append(_draw(part, given.get(key, UNSET), child))
    unnamed = {key: item for key, item in given.items() if key not in shape.properties}
    others = _others(shape, spot, write_exact(unnamed)) if unnamed else None
    if others is None and shape.open:
        others = _others(shape, spot, "")
    return ObjectField(**common, children=children, others=others, blank_is_absent=tree is UNSET)


def _others(shape: Shape, spot: Spot, text: str) -> JsonField:
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
    if shape.items is None or (isinstance(tree, list) and len(tree) > MAX_ROWS):
        return JsonField(**common, text=write_exact(tree), note=TOO_LONG)
    if tree is UNSET:
        wanted = shape.schema.get("minItems", 0) if spot.needed else 0
        trees: list[object] = [UNSET] * min(wanted, MAX_FRESH_ROWS)
    else:
        trees = list(tree) if isinstance(tree, list) else []
    field = ListField(**common)
    field.rows = [
        _draw_item(shape.items, item, spot.row(str(index), index, field.noun)) for index, item in enumerate(trees)
    ]
    field.blank = _draw_item(shape.items, UNSET, spot.row(field.placeholder, len(field.rows), field.noun))
    settle_cells(field)
    return field


def _draw_item(shape: Shape, tree: object, spot: Spot) -> Field:
    field = _draw(shape, tree, spot)
    if isinstance(field, TextField):
        field.blank_is_absent = False  # an empty line of a list of texts is an empty text
    return field


# --- From what was posted -------------------------------------------------------------------------


class _Reader:
    """Reads the fields of a shape from a submitted form. What is missing there is as if left empty."""

    def __init__(self, data: QueryDict, files: MultiValueDict) -> None:
        self._data = data
        self._files = files

    def read(self, shape: Shape, spot: Spot) -> Field:
        common = spot.common(shape)
        states = has_states(shape, spot.needed)
        given = self._data.get(f"s:{spot.pointer}")
        if states and given in list(State):
            common["state"] = State(given)
        if (text := self._data.get(f"j:{spot.pointer}")) is not None:
            note = "" if shape.kind is Kind.JSON else MISFIT
            return JsonField(**common, text=_lines(text), note=note)
        field = self._content(shape, spot, common)
        if states and given is None:
            self._derive_state(field)
        return field

    @staticmethod
    def _derive_state(field: Field) -> None:
        """A cell has no states of its own: an empty one is not sent."""
        field.in_cell = isinstance(field, TextField | ChoiceField)
        if not field.needed and (not field.in_cell or field.content() is UNSET):
            field.state = State.ABSENT

    def _content(self, shape: Shape, spot: Spot, common: dict) -> Field:
        name = f"v:{spot.pointer}"
        match shape.kind:
            case Kind.OBJECT:
                return self._object(shape, spot, common)
            case Kind.LIST:
                return self._list(shape, spot, common)
            case Kind.BOOLEAN:
                return BooleanField(**common, checked=name in self._data)
            case Kind.CONST:
                return ConstField(**common)
            case Kind.CHOICE:
                return ChoiceField(**common, code=self._data.get(name, ""))
            case Kind.JSON:
                return JsonField(**common)
        text, trouble = self._text(spot.pointer)
        return TextField(
            **common,
            text=text,
            trouble=trouble,
            blank_is_absent=f"e:{spot.pointer}" not in self._data,
            as_text=f"k:{spot.pointer}" in self._data,
        )

    def _text(self, pointer: str) -> tuple[str, str]:
        """What was typed, or stands in the file given instead; and why the file could not be read."""
        typed = _lines(self._data.get(f"v:{pointer}", ""))
        file = self._files.get(f"f:{pointer}")
        if not isinstance(file, UploadedFile) or not file.size:
            return typed, ""
        try:
            return _lines(file.read().decode("utf-8-sig")), ""
        except UnicodeDecodeError as error:
            return (
                typed,
                f": {file.name} is not UTF-8 text, at byte {error.start}. Save it as UTF-8, or paste it.",
            )

    def _object(self, shape: Shape, spot: Spot, common: dict) -> ObjectField:
        children = [
            self.read(part, spot.child(key, part, key in shape.required)) for key, part in shape.properties.items()
        ]
        text = self._data.get(f"j:{spot.pointer}/~others")
        others = _others(shape, spot, _lines(text)) if text is not None else None
        if others is None and shape.open:
            others = _others(shape, spot, "")
        blank_is_absent = f"e:{spot.pointer}" not in self._data
        return ObjectField(**common, children=children, others=others, blank_is_absent=blank_is_absent)

    def _list(self, shape: Shape, spot: Spot, common: dict) -> ListField:
        field = ListField(**common)
        if shape.items is None:
            return field
        keys = dict.fromkeys(self._data.getlist(f"n:{spot.pointer}"))
        rows = (self.read(shape.items, spot.row(key, index, field.noun)) for index, key in enumerate(keys))
        field.rows = list(rows)
        field.blank = _draw_item(shape.items, UNSET, spot.row(field.placeholder, len(field.rows), field.noun))
        settle_cells(field)
        return field


def _lines(text: str) -> str:
    """Browsers send each line break as two characters, whatever the text had."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
