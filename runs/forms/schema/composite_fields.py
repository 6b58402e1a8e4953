"""The fields that hold others, objects and lists, and the one that holds JSON text."""

from dataclasses import dataclass, field

from runs.engine.data.json_value import InvalidJson
from runs.engine.log.snapshot import UNSET

from .exact_json import read_exact
from .fields import BooleanField, Field, State, TextField
from .json_schema import SCALARS, Kind, one_of


@dataclass(slots=True, kw_only=True)
class JsonField(Field):
    """A part of the value as JSON text: what has no control of its own, or a value that its control cannot show."""

    template = "runs/schema_form/_json.html"
    text: str = ""

    @property
    def json_name(self) -> str:
        return f"j:{self.pointer}"

    @property
    def type_word(self) -> str:
        return "JSON"

    @property
    def rows(self) -> int:
        return min(12, max(2, self.text.count("\n") + 1))

    def content(self) -> object:
        return UNSET if not self.text.strip() else read_exact(self.text)

    def tree(self) -> object:
        try:
            return Field.tree(self)
        except InvalidJson:
            return UNSET

    def fault(self) -> str:
        try:
            Field.tree(self)
        except InvalidJson as error:
            return f" is not JSON: line {error.line}, column {error.column}. {error.message}"
        return self._nothing_chosen()


@dataclass(slots=True, kw_only=True)
class ObjectField(Field):
    template = "runs/schema_form/_object.html"
    children: list[Field] = field(default_factory=list)
    others: JsonField | None = None  # keys that the schema does not name: kept, and sent as they are
    blank_is_absent: bool = True  # an object in which nothing is sent is not sent; {} in the JSON stays {}

    @property
    def marks(self) -> list[str]:
        found = Field.marks.fget(self)  # type: ignore[attr-defined]
        return found if self.blank_is_absent else [*found, f"e:{self.pointer}"]

    def content(self) -> object:
        found = self._found()
        sends_nothing = not found and self.blank_is_absent and not self.needed and not self.has_states
        return UNSET if sends_nothing else found

    def _found(self) -> dict[str, object]:
        found = {child.key: tree for child in self.children if (tree := child.tree()) is not UNSET}
        others = self.others.tree() if self.others else UNSET
        return {**found, **others} if isinstance(others, dict) else found

    def parts(self) -> list[Field]:
        return [*self.children, *([self.others] if self.others else [])]

    def fault(self) -> str:
        others = self.others.tree() if self.others else UNSET
        if others is not UNSET and not isinstance(others, dict):
            return ": its other keys must be a JSON object."
        twice = [child.key for child in self.children if isinstance(others, dict) and child.key in others]
        return f": {twice[0]} stands in a field of its own, too. Remove it from the other keys." if twice else ""


@dataclass(slots=True, kw_only=True)
class ListField(Field):
    template = "runs/schema_form/_list.html"
    rows: list[Field] = field(default_factory=list)
    blank: Field | None = None  # a new row, whose key is `placeholder`

    @property
    def type_word(self) -> str:
        return "array"

    @property
    def rows_name(self) -> str:
        return f"n:{self.pointer}"

    @property
    def has_room(self) -> bool:
        """Whether another row is allowed."""
        most = self.shape.schema.get("maxItems")
        return most is None or len(self.rows) < most

    @property
    def placeholder(self) -> str:
        """Stands for the key of a new row; differs from level to level, as a row may hold a list itself."""
        return f"__row{self.pointer.count('__row')}__"

    @property
    def noun(self) -> str:
        return one_of(self.label)

    @property
    def count_words(self) -> str:
        low, high = self.shape.schema.get("minItems"), self.shape.schema.get("maxItems")
        if low is not None and high is not None:
            return f"{len(self.rows)} of {low} to {high}"
        if high is not None:
            return f"{len(self.rows)} of up to {high}"
        return f"{len(self.rows)} of {low} or more" if low else str(len(self.rows))

    @property
    def is_grid(self) -> bool:
        """Whether rows are lines of a table: each cell a control that needs no room for states or help."""
        shape = self.shape.items
        if shape is None or shape.kind is not Kind.OBJECT or not self.blank or len(shape.properties) > 8:
            return False
        return all(isinstance(row, ObjectField) and fits_line(row) for row in [self.blank, *self.rows])

    @property
    def is_plain(self) -> bool:
        """Whether rows are single controls."""
        shape = self.shape.items
        if shape is None or shape.kind not in SCALARS or not self.blank:
            return False
        return all(fits_cell(row) for row in [self.blank, *self.rows])

    def content(self) -> object:
        trees = (row.tree() for row in self.rows)
        return [None if tree is UNSET else tree for tree in trees]

    def parts(self) -> list[Field]:
        return list(self.rows)


def fits_line(row: ObjectField) -> bool:
    return (
        row.state is State.VALUE
        and row.others is None
        and not row.shape.nullable
        and all(fits_cell(cell) and not cell.shape.secret for cell in row.children)
    )


def fits_cell(cell: Field) -> bool:
    """Whether a field can be drawn without its states: an empty one is not sent, or null where its key is required."""
    if isinstance(cell, JsonField) or cell.shape.kind not in SCALARS or cell.shape.multiline:
        return False
    if isinstance(cell, BooleanField):
        return not cell.has_states
    filled = cell.text if isinstance(cell, TextField) else getattr(cell, "code", "")
    if "\n" in filled or (cell.state is State.NULL and not cell.needed):
        return False
    if cell.state is not State.VALUE:
        return filled == ""
    return not (cell.has_states and cell.tree() == "")
