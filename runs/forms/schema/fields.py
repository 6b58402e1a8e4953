"""The fields of a schema form: what was typed into each, and the piece of JSON that it stands for.

A field never corrects what was typed: `abc` in an integer field is the text "abc", which the validator then refuses
at its place. So form and JSON turn into each other without loss.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import ClassVar

from runs.drawing.figures import byte_size, count
from runs.engine.data.json_value import InvalidJson
from runs.engine.log.snapshot import UNSET

from .exact_json import Number, exact, is_number, read_exact, write_exact
from .json_schema import Kind, Shape, label_of

# An input of one line drops line breaks, and no control can hold the other control characters.
_UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f]")
LARGE_CHARACTERS, LARGE_LINES = 262_144, 10_000  # a browser lays out more than that too slowly
LONG = 100  # characters; a longer text gets an area, not a line
MAX_OPTIONS = 40  # of a select; a longer choice is a text with suggestions
SEGMENTS = 3  # choices that stand side by side; more are a select
FORMAT_EXAMPLES = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T13:02:11Z",
    "time": "13:02:11Z",
    "duration": "PT15M",
    "email": "name@example.org",
    "uri": "https://example.org/",
}


class State(StrEnum):
    """What is sent for a field: nothing, null, or its value."""

    ABSENT = "absent"
    NULL = "null"
    VALUE = "value"


STATE_WORDS = {State.ABSENT: "Not sent", State.NULL: "null", State.VALUE: "Value"}


@dataclass(slots=True, kw_only=True)
class Field:
    """One part of a form. `pointer` names it among the form's inputs, `where` is its place in the value."""

    template: ClassVar[str] = ""
    shape: Shape
    key: str
    label: str
    pointer: str
    where: tuple[str | int, ...]
    needed: bool  # the schema requires the key
    state: State = State.VALUE
    error: str = ""
    note: str = ""  # why it looks unlike the schema: a value that no control can show
    in_cell: bool = False  # drawn in the grid of a list, where there is no room for the states
    # The default that it shows for a key that the value lacks: sent only when it is changed.
    implied: object = UNSET

    @property
    def id(self) -> str:
        parts = (re.sub(r"[^A-Za-z0-9_]", lambda c: f".{ord(c[0]):x}.", part) for part in self.pointer.split("/"))
        return "-".join(parts)

    @property
    def value_name(self) -> str:
        return f"v:{self.pointer}"

    @property
    def state_name(self) -> str:
        return f"s:{self.pointer}"

    @property
    def marks(self) -> list[str]:
        """Names of the hidden inputs by which a posted field is read as it was drawn."""
        return [] if self.implied is UNSET else [f"u:{self.pointer}"]

    @property
    def has_states(self) -> bool:
        return has_states(self.shape, self.needed)

    @property
    def states(self) -> list[tuple[str, str, bool]]:
        """Value, word and whether it is chosen, of each state that the field can have."""
        allowed = [] if self.needed else [State.ABSENT]
        allowed += [State.NULL] if self.shape.nullable else []
        return [(state.value, STATE_WORDS[state], state is self.state) for state in [*allowed, State.VALUE]]

    @property
    def type_word(self) -> str:
        return str(self.shape.schema.get("format") or self.shape.kind.value)

    @property
    def type_label(self) -> str:
        return f"{self.key} · {self.type_word}" if self.key else self.type_word

    @property
    def help(self) -> str:
        return self.shape.description

    @property
    def described_by(self) -> str:
        """The ids of what explains the control to a screen reader."""
        parts = [f"{self.id}-e"] if self.error else []
        parts += [f"{self.id}-h"] if self.help and not self.in_cell else []
        return " ".join(parts)

    @property
    def row_number(self) -> int | None:
        """The line of a list in which it stands, from 1: the innermost one."""
        return next((part + 1 for part in reversed(self.where) if isinstance(part, int)), None)

    def tree(self) -> object:
        """The JSON that it stands for, with Numbers; UNSET when nothing is sent."""
        if self.state is not State.VALUE:
            return None if self.state is State.NULL else UNSET
        content = self.content()
        return UNSET if content == self.implied else content

    def content(self) -> object:
        raise NotImplementedError

    def parts(self) -> "list[Field]":
        """The fields inside."""
        return []

    def fault(self) -> str:
        """What keeps it from being the JSON that it should be, as the end of a sentence; mostly nothing."""
        return ""

    def _nothing_chosen(self) -> str:
        """The fault of an optional field that shall have a value, and has none."""
        if self.state is not State.VALUE or not self.has_states or self.in_cell or self.content() is not UNSET:
            return ""
        return f" is empty. Enter a value, or choose {'null' if self.needed else 'Not sent'}."


def has_states(shape: Shape, needed: bool) -> bool:
    """Whether "not sent" or null must be choices of their own.

    A default other than null is simply prefilled, and so are the defaults of an object that needs nothing more.
    """
    return shape.nullable or not (needed or shape.stands_alone or shape.default not in (UNSET, None))


@dataclass(slots=True, kw_only=True)
class TextField(Field):
    """Texts and numbers: what was typed stays text until the server has parsed it."""

    template = "runs/schema_form/_text.html"
    text: str = ""
    blank_is_absent: bool = True  # an empty text that nobody has set sends nothing; "" in the JSON stays ""
    as_text: bool = False  # a decimal that came as a text goes as one
    trouble: str = ""  # why the file given for it could not be read

    @property
    def marks(self) -> list[str]:
        found = Field.marks.fget(self)  # type: ignore[attr-defined]
        found += [] if self.blank_is_absent else [f"e:{self.pointer}"]
        return [*found, f"k:{self.pointer}"] if self.as_text else found

    @property
    def type_word(self) -> str:
        if self.shape.secret:
            return "secret"
        schema = self.shape.schema
        word = schema.get("x-either") or schema.get("contentMediaType") or schema.get("format") or self.shape.kind.value
        return "string" if word in ("text", "textarea", "multiline") else str(word)

    @property
    def help(self) -> str:
        return self.shape.description or ("Masked in pages, logs and exports" if self.shape.secret else "")

    @property
    def secret(self) -> bool:
        return self.shape.secret

    @property
    def multiline(self) -> bool:
        long = len(self.text) > LONG or self.shape.schema.get("maxLength", 0) >= 5 * LONG
        return self.shape.kind is Kind.TEXT and not self.secret and (self.shape.multiline or long or "\n" in self.text)

    @property
    def lines(self) -> int:
        """How high its text area is."""
        return min(12, max(3, self.text.count("\n") + 1))

    @property
    def large(self) -> bool:
        return is_large(self.text)

    @property
    def size_words(self) -> str:
        return size_words(self.text)

    @property
    def from_file(self) -> bool:
        return self.shape.multiline and not self.shape.secret

    @property
    def media_type(self) -> str:
        return str(self.shape.schema.get("contentMediaType", ""))

    @property
    def numeric(self) -> bool:
        return self.shape.kind is not Kind.TEXT

    @property
    def input_mode(self) -> str:
        return {Kind.INTEGER: "numeric", Kind.NUMBER: "decimal", Kind.DECIMAL: "decimal"}.get(self.shape.kind, "")

    @property
    def mono(self) -> bool:
        """Ids and texts are set in mono; amounts and the numbers of a table are not."""
        return not (self.numeric and (self.in_cell or self.input_mode == "decimal"))

    @property
    def placeholder(self) -> str:
        examples = self.shape.schema.get("examples")
        if isinstance(examples, list) and examples and isinstance(examples[0], str | int | float):
            return str(examples[0])
        return FORMAT_EXAMPLES.get(str(self.shape.schema.get("format")), "")

    @property
    def _blank_sends_nothing(self) -> bool:
        return self.in_cell if self.has_states else self.blank_is_absent

    def content(self) -> object:
        if self.text == "" and (self.numeric or self._blank_sends_nothing):
            return UNSET
        typed = self.text.strip()
        if self.shape.kind in (Kind.INTEGER, Kind.NUMBER) and is_number(typed):
            return Number(typed)
        if self.shape.kind is Kind.DECIMAL:
            return Number(typed) if not self.as_text and survives_as_double(typed) else typed
        return self.text

    def fault(self) -> str:
        return self.trouble or self._nothing_chosen()


def survives_as_double(text: str) -> bool:
    """Whether a number keeps its value as a JSON number, which is read as a double."""
    if not is_number(text):
        return False
    value = float(text)
    try:
        return math.isfinite(value) and Decimal(text) == Decimal(repr(value))
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return False


def is_large(text: str) -> bool:
    """Whether a text is folded away until somebody wants to see it."""
    return len(text) > LARGE_CHARACTERS or text.count("\n") > LARGE_LINES


def size_words(text: str) -> str:
    """How large a folded text is: 2.1 MB, 40 001 lines."""
    lines = text.count("\n") + (not text.endswith("\n"))
    return f"{byte_size(len(text.encode()))}, {count(lines, 'line')}"


def typable(text: str, *, one_line: bool = False) -> bool:
    """Whether a control gives back what it was given."""
    return _UNTYPABLE.search(text) is None and not (one_line and "\n" in text)


@dataclass(slots=True, kw_only=True)
class BooleanField(Field):
    template = "runs/schema_form/_boolean.html"
    checked: bool = False

    def content(self) -> object:
        return self.checked


@dataclass(slots=True, kw_only=True)
class ChoiceField(Field):
    """One of the values of an enum. `code` is the value itself where all are texts, else its JSON; "" is none."""

    template = "runs/schema_form/_choice.html"
    code: str = ""

    @property
    def type_word(self) -> str:
        return "enum"

    def code_of(self, value: object) -> str:
        return write_exact(value, indent=None) if self.shape.coded or not isinstance(value, str) else value

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """Code, words and whether it is chosen, of each choice; last the chosen one that is no choice of the schema."""
        found = [(code, choice_words(choice)) for code, choice in self.shape.codes.items()]
        if self.code and self.code not in self.shape.codes:
            found.append((self.code, f"{self.code} (not in the schema)"))
        return [(code, words, code == self.code) for code, words in found]

    @property
    def suggests(self) -> bool:
        """Whether it is typed, with the choices as suggestions: many choices are searched, and sent once for a form."""
        return len(self.shape.codes) > MAX_OPTIONS

    @property
    def list_id(self) -> str:
        """The id of the choices that it suggests."""
        return f"{self.pointer.partition('/')[0]}-choices-{self.shape.choices_key}"

    @property
    def segmented(self) -> bool:
        return not self.in_cell and not self.suggests and len(self.options) <= SEGMENTS

    @property
    def is_open(self) -> bool:
        """Whether choosing nothing is shown as a choice: nothing is chosen, or nothing needs to be."""
        return self.code == "" or (self.in_cell and self.has_states)

    def content(self) -> object:
        if self.code == "":
            return UNSET
        if not self.shape.coded:
            return self.code
        try:
            return read_exact(self.code)
        except InvalidJson:
            return self.code

    def fault(self) -> str:
        return self._nothing_chosen()


def choice_words(choice: object) -> str:
    """How a choice is called: same_day is Same day; EUR and 2xl stay as they are."""
    if not isinstance(choice, str):
        return write_exact(choice, indent=None)
    if re.fullmatch(r"[a-z]+(?:[_-][a-z0-9]+)*", choice):
        return label_of(choice)
    return choice or '""'


@dataclass(slots=True, kw_only=True)
class ConstField(Field):
    """A value that the schema fixes; shown, not typed."""

    template = "runs/schema_form/_const.html"

    @property
    def type_word(self) -> str:
        return "fixed"

    @property
    def text(self) -> str:
        value = self.shape.schema["const"]
        return value if isinstance(value, str) else write_exact(value, indent=None)

    def content(self) -> object:
        return exact(self.shape.schema["const"])
