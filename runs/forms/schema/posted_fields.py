"""The fields of a form from what a browser posted."""

from dataclasses import replace

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.log.snapshot import UNSET

from .composite_fields import JsonField, ListField, ObjectField
from .drawn_fields import MISFIT, draw, draw_item, others_field, settle_cells
from .field_spot import Room, Spot
from .fields import BooleanField, ChoiceField, ConstField, Field, State, TextField, has_states
from .input_names import is_row_key
from .json_schema import Kind, Shape


class PostedFields:
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
        if f"u:{spot.pointer}" in self._data:
            common["implied"] = draw(shape, UNSET, replace(spot, room=Room())).tree()
        if (text := self._data.get(f"j:{spot.pointer}")) is not None:
            note = "" if shape.kind is Kind.JSON else MISFIT
            return JsonField(**common, text=_lines(text), note=note)
        field = self._content(shape, spot, common)
        if states and given is None:
            self._derive_state(field)
        return field

    @staticmethod
    def _derive_state(field: Field) -> None:
        """A cell has no states of its own: an empty one is not sent, or null where the schema requires its key."""
        field.in_cell = isinstance(field, TextField | ChoiceField)
        if field.in_cell and field.content() is UNSET:
            field.state = State.NULL if field.needed else State.ABSENT
        elif not field.in_cell and not field.needed:
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
        others = others_field(shape, spot, _lines(text)) if text is not None else None
        if others is None and shape.open:
            others = others_field(shape, spot, "")
        blank_is_absent = f"e:{spot.pointer}" not in self._data
        return ObjectField(**common, children=children, others=others, blank_is_absent=blank_is_absent)

    def _list(self, shape: Shape, spot: Spot, common: dict) -> ListField:
        field = ListField(**common)
        if shape.items is None:
            return field
        keys = filter(is_row_key, dict.fromkeys(self._data.getlist(f"n:{spot.pointer}")))
        rows = (self.read(shape.items, spot.row(key, index, field.noun)) for index, key in enumerate(keys))
        field.rows = list(rows)
        field.blank = draw_item(shape.items, UNSET, spot.row(field.placeholder, len(field.rows), field.noun))
        settle_cells(field)
        return field


def _lines(text: str) -> str:
    """Browsers send each line break as two characters, whatever the text had."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
