"""One JSON value of a page, edited as a form of its schema or as text: two views of the same thing."""

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.data.json_value import InvalidJson
from runs.engine.log.snapshot import UNSET

from .dual_mode_editor import DualModeEditor
from .problem import Problem, place_of, pointer_of, shape_at, value_at
from .schema.exact_json import read_exact, write_exact
from .schema.fields import Field, State, TextField, is_large, size_words
from .schema.json_schema import Kind, shape_of
from .schema.schema_form import SchemaForm
from .schema.sentences import predicate

FORM, JSON = "form", "json"


class ValueEditor(DualModeEditor):
    """`prefix` names its inputs, `label` is what a sentence about the whole value begins with.

    Without a schema that can be drawn there is only the text. `tree` is UNSET as long as nothing is entered.
    """

    def __init__(self, prefix: str, schema: object, label: str, *, empty: str = "") -> None:
        self.prefix = prefix
        self.label = label
        self.schema = schema
        self.shape = shape_of(schema)
        self.drawable = self.shape.kind is not Kind.JSON
        self.mode = FORM if self.drawable else JSON
        self.form: SchemaForm | None = SchemaForm.fresh(self.shape, prefix, label) if self.drawable else None
        self.text = "" if self.drawable else self._first_text(empty)
        self.error = ""
        self.line = self.column = 0  # of what is wrong in the text, from 1
        self._problems: list[Problem] = []

    def _first_text(self, empty: str) -> str:
        default = self.shape.default
        return empty if default is UNSET else write_exact(default)

    @property
    def problems(self) -> list[Problem]:
        return self._problems

    @property
    def text_id(self) -> str:
        return f"{self.prefix}-text"

    @property
    def modes(self) -> list[tuple[str, str, bool]]:
        return [(FORM, "Form", self.mode == FORM), (JSON, "JSON", self.mode == JSON)] if self.drawable else []

    @property
    def rows(self) -> int:
        return min(28, max(8, self.text.count("\n") + 2))

    @property
    def large(self) -> bool:
        return is_large(self.text)

    @property
    def size_words(self) -> str:
        return size_words(self.text)

    @property
    def holds_secrets(self) -> bool:
        return self.shape.has_secrets

    @property
    def choices(self) -> tuple[str, ...]:
        return (FORM, JSON) if self.drawable else ()

    def fill(self, tree: object) -> None:
        """Show a value, in the mode that is on."""
        if self.mode == FORM:
            self.form = SchemaForm.of_tree(self.shape, tree, self.prefix, self.label)
        else:
            self.text = "" if tree is UNSET else write_exact(tree)

    def read_post(self, data: QueryDict, files: MultiValueDict) -> None:
        """Take over what was submitted, as it was."""
        self.mode = data.get(f"{self.prefix}_mode", self.mode) if self.drawable else JSON
        if self.mode == JSON:
            self.text = data.get(f"{self.prefix}_text", "").replace("\r\n", "\n")
        else:
            self.form = SchemaForm.posted(self.shape, data, files, self.prefix, self.label)

    def tree(self) -> object:
        """The value as it stands, with Numbers; UNSET for nothing, and for a text that is no JSON."""
        if self.mode == FORM and self.form:
            return self.form.tree()
        try:
            return read_exact(self.text) if self.text.strip() else UNSET
        except InvalidJson:
            return UNSET

    def find_faults(self) -> None:
        """Add to the problems what keeps the value from being JSON at all."""
        if self.mode == FORM and self.form:
            for field in self.form.sent():
                if fault := field.fault():
                    self._add(field, field.where, fault)
            return
        try:
            if self.text.strip():
                read_exact(self.text)
        except InvalidJson as error:
            self.line, self.column = error.line, error.column
            self.say(f" is not JSON: line {error.line}, column {error.column}. {error.message}")

    def refuse(self, issues: list[tuple[str, str]]) -> None:
        """Word a validator's issues, each a dotted path and its text, and put them at their fields."""
        tree = self.tree()
        for dotted, raw in issues:
            where = place_of(dotted, tree, self.shape)
            shape, value = shape_at(self.shape, where), value_at(tree, where)
            field = self.form.find(where) if self.mode == FORM and self.form else None
            row = row_of(self.form, where) if field and self.form else ""
            if value is None and isinstance(field, TextField) and field.state is State.VALUE:
                value = field.text  # an empty line of a list: null in the JSON, nothing to a person
            self._add(field, where, predicate(shape, value, raw, row=row))

    def _add(self, field: Field | None, where: tuple[str | int, ...], said: str) -> None:
        if field is None or self.form is None:
            named = where[-1] if where and isinstance(where[-1], str) else ""
            self.say(said, named=named, pointer=pointer_of(where))
            return
        if any(problem.anchor == field.id and problem.predicate == said for problem in self.problems):
            return
        label = field.label or self.label
        inner = where[-1] if len(where) > len(field.where) and isinstance(where[-1], str) else ""
        field.error = field.error or f"{inner or label}{said}"
        subject = inner or label
        row = row_of(self.form, where)
        number = field.row_number
        if row and number and subject != row:
            subject = f"{row} {number}, {subject if subject[:2].isupper() else subject[:1].lower() + subject[1:]}"
        elif row and number:
            subject = f"{row} {number}"
        self.problems.append(Problem(field.id, subject, said, pointer_of(where)))

    def say(self, said: str, *, named: str = "", pointer: str = "") -> None:
        subject = named or self.label
        problem = Problem(self.text_id, subject, said, pointer)
        if problem not in self.problems:
            self.error = f"{self.error} {subject}{said}".strip()
            self.problems.append(problem)


def row_of(form: SchemaForm, where: tuple[str | int, ...]) -> str:
    """What the innermost list around a place calls its rows; empty outside of lists."""
    for end in range(len(where), 0, -1):
        if isinstance(where[end - 1], int):
            return getattr(form.find(where[: end - 1]), "noun", "")
    return ""
