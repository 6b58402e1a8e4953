"""The form that answers a question: drawn from the step's resume schema, its decision as buttons."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.commands.questions import Question
from runs.engine.errors import InvalidInput

from .problem import Problem
from .schema.fields import BooleanField, ChoiceField, Field, State, choice_words
from .schema.json_schema import Kind, Shape
from .value_editor import FORM, ValueEditor

MOST_BUTTONS = 4
# The first word of a key or of a choice.
APPROVING = re.compile(r"(approve|accept|allow|agree|confirm)(d|ed)?|approval|ok(ay)?")
REFUSING = re.compile(r"(reject|refuse|decline|cancel)(d|ed)?|deny|denied|no|stop|abort")
PRIMARY, REFUSAL, PLAIN = "primary", "refusal", "plain"


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: what it sends, its words, and its look."""

    code: str
    words: str
    look: str


class AnswerForm:
    """One answer to one question. Never raises for what a person typed: that becomes a problem."""

    def __init__(self, question: Question, step: Mapping[str, object]) -> None:
        """`step`: what the run's version tells of the step that asks."""
        schema = question.form or step.get("resumeSchema")
        self.question = question
        # Several forms may stand on one page.
        self.editor = ValueEditor(f"answer{question.record.seq}", schema, "Answer")
        self._decision = _decision_of(self.editor.shape)
        self.checked = False
        self.fit = False

    def read_post(self, data: QueryDict, files: MultiValueDict) -> None:
        """Take over what was submitted, as it was."""
        self.editor.read_post(data, files)

    # --- The decision ---

    @property
    def decision(self) -> BooleanField | ChoiceField | None:
        """The field whose value is chosen by a button."""
        form = self.editor.form
        if self._decision is None or self.editor.mode != FORM or form is None:
            return None
        where = (self._decision,) if self._decision else ()
        field = form.find(where)
        return field if isinstance(field, BooleanField | ChoiceField) else None

    @property
    def choices(self) -> list[Choice]:
        field = self.decision
        if field is None:
            return []
        if isinstance(field, BooleanField):
            if not field.key or APPROVING.fullmatch(_first_word(field.key)):
                return [Choice("true", "Approve", PRIMARY), Choice("false", "Reject", REFUSAL)]
            return [Choice("true", f"{field.label}: yes", PRIMARY), Choice("false", f"{field.label}: no", PLAIN)]
        return _buttons(field) if isinstance(field, ChoiceField) else []

    @property
    def fields(self) -> list[Field]:
        """What is drawn above the buttons."""
        form, decision = self.editor.form, self.decision
        return [field for field in form.fields if field is not decision] if form else []

    def leave_open(self) -> None:
        """Nothing has been decided yet: the fields are only drawn anew."""
        if (field := self.decision) is not None:
            field.state = State.ABSENT

    # --- What it says ---

    def value(self, chosen: str | None) -> object:
        """The answer; UNSET for none. Look at `problems` before using it. `chosen`: the code of the button pressed."""
        field = self.decision
        if field is not None and chosen is None:
            words = " or ".join(choice.words for choice in self.choices)
            self.editor.problems.append(Problem(field.id, "Your decision", f" is missing. Press {words}."))
        if isinstance(field, BooleanField):
            field.checked = chosen == "true"
        elif isinstance(field, ChoiceField):
            field.code = chosen or ""
        return self.editor.value()

    def refuse(self, error: InvalidInput) -> None:
        """Put the engine's issues at their fields."""
        self.editor.refuse(
            [(path.removeprefix("resumeData").removeprefix("."), message) for path, message in error.issues]
        )

    @property
    def problems(self) -> list[Problem]:
        return list(dict.fromkeys(self.editor.problems))


def _decision_of(shape: Shape) -> str | None:
    """The key that buttons decide; "" for the whole value; None when there is no such one."""
    if _is_decision(shape):
        return ""
    if shape.kind is not Kind.OBJECT:
        return None
    keys = [key for key, part in shape.properties.items() if key in shape.required and _is_decision(part)]
    booleans = [key for key in keys if shape.properties[key].kind is Kind.BOOLEAN]
    found = booleans or keys
    return found[0] if len(found) == 1 else None


def _is_decision(shape: Shape) -> bool:
    if shape.nullable or shape.secret:
        return False
    return shape.kind is Kind.BOOLEAN or (shape.kind is Kind.CHOICE and len(shape.choices) <= MOST_BUTTONS)


def _buttons(field: ChoiceField) -> list[Choice]:
    """A button for each value of an enum: the first that goes on is the primary one."""
    buttons: list[Choice] = []
    for code, _, _ in field.options:
        value = next((choice for choice in field.shape.choices if field.code_of(choice) == code), None)
        if value is None:
            continue  # one that was posted, and is none of the schema's
        words = choice_words(value)
        if REFUSING.fullmatch(_first_word(words)):
            look = REFUSAL
        else:
            look = PLAIN if any(button.look == PRIMARY for button in buttons) else PRIMARY
        buttons.append(Choice(code, words, look))
    return buttons


def _first_word(text: str) -> str:
    return re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", text, maxsplit=1)[0].lower()
