"""The request context as rows of key, type and value, or as one JSON object."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import count

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.data.json_value import InvalidJson
from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor

from .dual_mode_editor import DualModeEditor
from .problem import Problem, place_of, pointer_of, shape_at, value_at
from .schema.exact_json import Number, is_integer, is_number, plain, read_exact, write_exact
from .schema.fields import typable
from .schema.json_schema import Kind, Shape
from .schema.schema_form import SchemaForm
from .schema.sentences import predicate
from .value_editor import ValueEditor

TYPES = ["string", "integer", "number", "boolean", "null", "json"]
EXAMPLES: dict[str, object] = {"integer": 0, "number": 0.0, "boolean": True, "null": None}  # by type; else a text
ROWS, JSON = "rows", "json"
LABEL = "Request context"
NO_ROW = "A key has characters that a row cannot hold, so it is edited as JSON."


@dataclass(slots=True)
class ContextRow:
    token: str  # names its inputs; stays when rows before it go
    number: int  # from 1
    key: str = ""
    type: str = "string"
    value: str = ""
    error: str = ""
    error_at: str = ""  # the part that the error is about: key or value
    secret: bool = False  # its key is called like one

    @property
    def types(self) -> list[tuple[str, bool]]:
        return [(word, word == self.type) for word in TYPES]

    @property
    def is_blank(self) -> bool:
        return not self.key and not self.value and self.type != "null"

    def id_of(self, part: str) -> str:
        return f"context-{self.token}-{part}"

    @property
    def key_id(self) -> str:
        return self.id_of("key")

    @property
    def value_id(self) -> str:
        return self.id_of("value")


Fault = tuple[ContextRow, str, str]  # the row, which part of it, and the end of a sentence


class ContextRows(DualModeEditor):
    """`named`: the fields of the keys that the workflow's own schema of the context names; other keys are rows."""

    prefix = "context"

    def __init__(self, redactor: Redactor, schema: object = None) -> None:
        self.redactor = redactor
        editor = ValueEditor(self.prefix, schema, LABEL)
        self.named = editor if editor.shape.kind is Kind.OBJECT and not editor.shape.nullable else None
        self.takes_others = self.named is None or editor.shape.schema.get("additionalProperties") is not False
        if self.named:
            _close(self.named)
        self.mode = ROWS
        self.note = ""  # why it is shown as JSON
        self.rows: list[ContextRow] = []
        self.text = ""
        self.error = ""
        self.line = self.column = 0
        self._own: list[Problem] = []

    @property
    def problems(self) -> list[Problem]:
        return [*(self.named.problems if self.named else []), *self._own]

    @property
    def text_id(self) -> str:
        return "context-text"

    @property
    def modes(self) -> list[tuple[str, str, bool]]:
        return [(ROWS, "Form" if self.named else "Rows", self.mode == ROWS), (JSON, "JSON", self.mode == JSON)]

    @property
    def blank_row(self) -> ContextRow:
        return ContextRow("__row__", len(self.rows) + 1)

    @property
    def holds_secrets(self) -> bool:
        named = self.named is not None and self.named.shape.has_secrets
        return named or any(row.secret for row in self.rows)

    @property
    def text_rows(self) -> int:
        return min(20, max(5, self.text.count("\n") + 2))

    @property
    def choices(self) -> tuple[str, ...]:
        return (ROWS, JSON)

    def fill(self, tree: object) -> None:
        names = self._names
        pairs = dict(tree) if isinstance(tree, dict) else {}
        if not all(key in names or _fits_row(key) for key in pairs):
            self.mode, self.note = JSON, NO_ROW
        if self.mode == JSON:
            self.text = "" if tree is UNSET else write_exact(tree)
            return
        if self.named:
            self.named.fill({key: pairs.pop(key) for key in list(pairs) if key in names})
        self.rows = [_row(str(at), at + 1, key, item) for at, (key, item) in enumerate(pairs.items())]
        for row in self.rows:
            row.secret = self._is_secret(row)

    def read_post(self, data: QueryDict, files: MultiValueDict) -> None:
        self.mode = JSON if data.get("context_mode") == JSON else ROWS
        self.text = data.get("context_text", "").replace("\r\n", "\n")
        if self.named and self.mode == ROWS:
            self.named.form = SchemaForm.posted(self.named.shape, data, files, self.prefix, LABEL)
        self.rows = []
        for number, token in enumerate(dict.fromkeys(data.getlist("n:context")), 1):
            kind = data.get(f"context/{token}/type", "string")
            key, value = data.get(f"context/{token}/key", "").strip(), data.get(f"context/{token}/value", "")
            row = ContextRow(token, number, key, kind if kind in TYPES else "string", value)
            row.secret = self._is_secret(row)
            self.rows.append(row)

    def _is_secret(self, row: ContextRow) -> bool:
        """By its key, and by its type: a number of tokens is no secret."""
        return self.redactor.rule(row.key, EXAMPLES.get(row.type, "")) is not None

    def add_row(self) -> None:
        tokens = {row.token for row in self.rows}
        token = next(str(number) for number in count(len(self.rows)) if str(number) not in tokens)
        self.rows.append(ContextRow(token, len(self.rows) + 1))

    def remove_row(self, token: str) -> None:
        self.rows = [row for row in self.rows if row.token != token]
        for number, row in enumerate(self.rows, 1):
            row.number = number

    def tree(self) -> object:
        """The object with Numbers; UNSET when there is none, or a text that is no JSON."""
        if self.mode == ROWS:
            return self._survey()[0]
        try:
            return read_exact(self.text) if self.text.strip() else UNSET
        except InvalidJson:
            return UNSET

    def find_faults(self) -> None:
        """Add to the problems what keeps rows or text from being an object."""
        if self.mode == ROWS:
            if self.named:
                self.named.find_faults()
            for fault in self._survey()[1]:
                self._refuse_row(*fault)
            return
        try:
            tree = read_exact(self.text) if self.text.strip() else {}
        except InvalidJson as error:
            self.line, self.column = error.line, error.column
            self.say(f" is not JSON: line {error.line}, column {error.column}. {error.message}")
            return
        if not isinstance(tree, dict):
            self.say(" is not a JSON object. Write its keys and values in braces.")

    def _survey(self) -> tuple[object, list[Fault]]:
        """What the rows say, and what is wrong with them."""
        faults: list[Fault] = []
        named = self.named.tree() if self.named else UNSET
        found: dict[str, object] = dict(named) if isinstance(named, dict) else {}
        for row in self.rows:
            if row.is_blank:
                continue
            if not row.key:
                faults.append((row, "key", " is missing. Name it, or remove the row."))
            elif row.key in found:
                faults.append((row, "key", f" {row.key} stands twice. Keep one of the two."))
            else:
                found[row.key] = self._value_of(row, faults)
        return found or UNSET, faults

    def _value_of(self, row: ContextRow, faults: list[Fault]) -> object:
        typed = row.value.strip()
        match row.type:
            case "integer" if is_integer(typed):
                return Number(typed)
            case "number" if is_number(typed):
                return Number(typed)
            case "boolean" if typed in ("true", "false"):
                return typed == "true"
            case "string":
                return row.value
            case "null":
                return None
            case "json":
                try:
                    return read_exact(row.value)
                except InvalidJson as error:
                    said = f" is not JSON: line {error.line}, column {error.column}. {error.message}"
                    faults.append((row, "value", said))
                    return None
        wanted = {"integer": "a whole number", "number": "a number such as 18.9", "boolean": "true or false"}[row.type]
        said = f' is "{typed}"' if typed else " is empty"
        faults.append((row, "value", f"{said}. Enter {wanted}, or choose another type."))
        return None

    def value(self) -> object:
        """The object for a run. Problems are added for what a run cannot carry."""
        self.find_faults()
        tree = self.tree()
        if tree is UNSET or self.problems:
            return UNSET
        try:
            return plain(tree)
        except InvalidJson as error:
            self.refuse([(error.path, error.message)])
            return UNSET

    def refuse(self, issues: list[tuple[str, str]]) -> None:
        """Put a validator's issues, each a dotted path and its text, at their fields and rows, or at the text."""
        tree = self.tree()
        shape = self.named.shape if self.named else Shape(Kind.JSON, {})
        for dotted, raw in issues:
            where = place_of(dotted, tree, shape)
            if self.named and self.mode == ROWS and where and where[0] in self._names:
                self.named.refuse([(dotted, raw)])
                continue
            said = predicate(shape_at(shape, where), value_at(tree, where), raw)
            row = next((row for row in self.rows if where and row.key == where[0]), None)
            if row is not None and self.mode == ROWS:
                self._refuse_row(row, "value", said)
            else:
                self.say(said, named=str(where[-1]) if where else "", pointer=pointer_of(where))

    @property
    def _names(self) -> Collection[str]:
        return self.named.shape.properties if self.named else ()

    def _refuse_row(self, row: ContextRow, part: str, said: str) -> None:
        name = "Key" if part == "key" else (row.key or "Value")
        row.error, row.error_at = f"{name}{said}", part
        subject = f"Request context, {'key' if part == 'key' else row.key or 'value'}"
        problem = Problem(row.id_of(part), subject, said, pointer_of((row.key,)) if row.key else "")
        if problem not in self._own:
            self._own.append(problem)

    def say(self, said: str, *, named: str = "", pointer: str = "") -> None:
        """A problem of the whole, not of a row."""
        subject = named or LABEL
        problem = Problem(self.text_id if self.mode == JSON else "h-context", subject, said, pointer)
        if problem not in self._own:
            self.error = f"{self.error} {subject}{said}".strip()
            self._own.append(problem)


def _close(editor: ValueEditor) -> None:
    """Further keys have rows: the form needs no place of its own for them."""
    shape = editor.shape
    editor.shape = replace(shape, schema={**shape.schema, "additionalProperties": False})
    editor.form = SchemaForm.fresh(editor.shape, editor.prefix, editor.label)


def _fits_row(key: str) -> bool:
    """Whether an input of one line gives a key back as it is."""
    return key != "" and key == key.strip() and typable(key, one_line=True)


def _row(token: str, number: int, key: str, tree: object) -> ContextRow:
    if isinstance(tree, str) and typable(tree, one_line=True):
        return ContextRow(token, number, key, "string", tree)
    if isinstance(tree, Number):
        return ContextRow(token, number, key, "integer" if is_integer(tree.text) else "number", tree.text)
    if isinstance(tree, bool):
        return ContextRow(token, number, key, "boolean", "true" if tree else "false")
    if tree is None:
        return ContextRow(token, number, key, "null")
    return ContextRow(token, number, key, "json", write_exact(tree, indent=None))
