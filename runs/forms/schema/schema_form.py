"""A value as a form made from its JSON Schema: drawn from JSON or from what was posted, read back as JSON.

Every input is named by a letter for what it tells, and a JSON pointer: `v:` a value, `s:` the state of an optional
field, `e:` that an empty one is sent all the same, `n:` the rows of a list, `j:` a part as JSON, `f:` a file, `k:` that
a decimal is sent as a text, `u:` that a default which was not sent is sent only when it is changed. In a list the
pointer holds the key of the row, which stays when rows before it go; keys are written as input_names.segment() has it.
"""

from collections.abc import Iterator

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.log.snapshot import UNSET

from .composite_fields import ListField, ObjectField
from .drawn_fields import draw, draw_item, settle_cells
from .field_spot import Spot
from .fields import ChoiceField, Field, State
from .json_schema import Shape
from .posted_fields import PostedFields


class SchemaForm:
    """The fields of one value. `prefix` tells its inputs from those of other forms on the page."""

    def __init__(self, root: Field) -> None:
        self.root = root

    @classmethod
    def fresh(cls, shape: Shape, prefix: str, label: str = "Value") -> "SchemaForm":
        """As the schema's defaults have it."""
        return cls(draw(shape, UNSET, Spot(prefix, label=label)))

    @classmethod
    def of_tree(cls, shape: Shape, tree: object, prefix: str, label: str = "Value") -> "SchemaForm":
        return cls(draw(shape, tree, Spot(prefix, label=label)))

    @classmethod
    def posted(
        cls, shape: Shape, data: QueryDict, files: MultiValueDict, prefix: str, label: str = "Value"
    ) -> "SchemaForm":
        return cls(PostedFields(data, files).read(shape, Spot(prefix, label=label)))

    @property
    def fields(self) -> list[Field]:
        """What the page draws: the properties of an object, else the one field of the whole value."""
        root = self.root
        return root.parts() if isinstance(root, ObjectField) and not root.has_states else [root]

    @property
    def choice_lists(self) -> dict[str, list[str]]:
        """The choices of fields that suggest them, by id, each list once."""
        found: dict[str, list[str]] = {}
        for field in self._with_blanks(self.root):
            if isinstance(field, ChoiceField) and field.suggests and field.list_id not in found:
                found[field.list_id] = list(field.shape.codes)
        return found

    def _with_blanks(self, field: Field) -> Iterator[Field]:
        yield field
        blank = [field.blank] if isinstance(field, ListField) and field.blank else []
        for part in [*field.parts(), *blank]:
            yield from self._with_blanks(part)

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
                field.rows.append(draw_item(field.shape.items, UNSET, spot))
                field.state = State.VALUE
                settle_cells(field)
                return

    def remove_row(self, pointer: str) -> None:
        for field in self.every():
            if isinstance(field, ListField) and any(row.pointer == pointer for row in field.rows):
                field.rows = [row for row in field.rows if row.pointer != pointer]
                for index, row in enumerate(field.rows):
                    _move(row, len(field.where), index)
                settle_cells(field)
                return


def _within(field: Field, *, only_sent: bool = False) -> Iterator[Field]:
    if only_sent and field.state is not State.VALUE:
        return
    yield field
    for part in field.parts():
        yield from _within(part, only_sent=only_sent)


def _move(row: Field, depth: int, index: int) -> None:
    """Give a row, and all that is in it, its new place in the list."""
    for part in _within(row):
        part.where = (*part.where[:depth], index, *part.where[depth + 1 :])
