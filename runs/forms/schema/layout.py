"""Where fields stand beside each other: widths in a form's grid of six, and columns of a table of 24."""

from dataclasses import dataclass

from .composite_fields import JsonField, ListField, ObjectField
from .fields import BooleanField, ChoiceField, ConstField, Field, TextField

HALF, THIRD, WHOLE = "", " wf-field-2", " wf-field-6"
SHORT_HELP = 60  # characters: two lines in a third
COLUMNS = 24  # of a line of a list
_WEIGHTS = {"is-text": 11, "is-num": 5, "is-money": 6, "is-choice": 6, "is-check": 3}


def placed(fields: list[Field]) -> list[tuple[Field, str]]:
    """Each field with the class of its width: whole, half, or a third where three short ones follow each other."""
    classes: list[tuple[Field, str]] = []
    short: list[Field] = []
    for field in [*fields, None]:
        if field is not None and _is_short(field):
            short.append(field)
            continue
        classes += _row_of(short)
        short = []
        if field is not None:
            classes.append((field, WHOLE if _is_wide(field) else HALF))
    return classes


def _row_of(short: list[Field]) -> list[tuple[Field, str]]:
    thirds = len(short) - len(short) % 3 if len(short) % 3 != 1 else max(0, len(short) - 4)
    return [(field, THIRD if position < thirds else HALF) for position, field in enumerate(short)]


def _is_wide(field: Field) -> bool:
    if isinstance(field, TextField):
        return field.multiline
    return isinstance(field, ObjectField | ListField | JsonField)


def _is_short(field: Field) -> bool:
    """Whether a third of the width is enough: one control and no states above it."""
    if field.has_states or len(field.help) > SHORT_HELP:
        return False
    if isinstance(field, ChoiceField):
        return not field.segmented
    return isinstance(field, ConstField) or (isinstance(field, TextField) and not field.multiline and not field.secret)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of lines: its head, the class of its kind, and the 24ths from where to where."""

    label: str
    kind: str
    span: int
    start: int  # the grid line at which it begins; 1 is the number of the line

    @property
    def numeric(self) -> bool:
        return self.kind in ("is-num", "is-money")


def columns(row: ObjectField) -> list[Column]:
    """The columns of a list, from one of its rows; their spans add up to 24."""
    kinds = [_kind(cell) for cell in row.children]
    total = sum(_WEIGHTS[kind] for kind in kinds) or 1
    spans = [max(2, COLUMNS * _WEIGHTS[kind] // total) for kind in kinds]
    if spans:
        widest = spans.index(max(spans))
        spans[widest] += COLUMNS - sum(spans)
    starts = [2 + sum(spans[:position]) for position in range(len(spans))]
    return [
        Column(cell.label, kind, span, start)
        for cell, kind, span, start in zip(row.children, kinds, spans, starts, strict=True)
    ]


def _kind(cell: Field) -> str:
    if isinstance(cell, BooleanField):
        return "is-check"
    if isinstance(cell, TextField) and cell.numeric:
        return "is-num" if cell.input_mode == "numeric" else "is-money"
    return "is-choice" if isinstance(cell, ChoiceField) else "is-text"
