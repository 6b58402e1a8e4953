"""A run's questions as pages show them: what is asked, the facts beside it, the position of the run, and the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from runs.drawing.json_tree import ShownValue
from runs.drawing.sentence import ASKING_KEYS
from runs.drawing.steps import StepRow
from runs.engine.commands.questions import Question, questions_of
from runs.engine.data.text import clipped
from runs.engine.log.results import StepStatus
from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor
from runs.forms.answer import AnswerForm

from .run_page import RunPage

LONGEST_TITLE = 90  # characters of a question that is a heading; a longer one is a paragraph below it
LONGEST_FACT = 300
MOST_FACTS = 30
STEPS_BEFORE = 2  # shown of the way that led to the question
OUR_KEYS = (*ASKING_KEYS, "form", "problem")  # of a suspend payload: said elsewhere on the page


@dataclass(frozen=True, slots=True)
class Fact:
    key: str
    text: str
    masked: bool = False
    mono: bool = False


@dataclass(slots=True)
class ShownQuestion:
    """One question, ready to be written."""

    asked: Question
    title: str
    message: str  # below the title; "" when the title says it all
    problem: str  # why the answer before was not taken
    facts: list[Fact]
    whole: ShownValue
    way: list[tuple[str, str, bool]]  # steps around it: name, status, whether it is here
    form: AnswerForm = field(repr=False)
    missing_code: str = ""  # why no answer can be taken here, and what helps

    @property
    def seq(self) -> int:
        """Of the event that asked; distinguishes this question from a later one of the same step."""
        return self.asked.record.seq

    @property
    def asked_at(self) -> int | None:
        return self.asked.record.suspended_at

    @property
    def name(self) -> str:
        """The step that asks: `inner.review`, `items[3]`."""
        return self.asked.record.path


def shown_questions(page: RunPage) -> list[ShownQuestion]:
    """The questions of a suspended run, in the order in which their steps began."""
    if page.run.status != "suspended":
        return []
    stored = questions_of(page.stored_snapshot)
    return [
        shown_question(page, asked, as_stored)
        for asked, as_stored in zip(questions_of(page.snapshot), stored, strict=True)
    ]


def shown_question(page: RunPage, asked: Question, as_stored: Question) -> ShownQuestion:
    """`asked`: redacted, to be shown; `as_stored`: with the whole schema of its answer, which may name secrets."""
    payload, path = asked.record.suspend_payload, asked.record.path
    title, message = title_of(asked)
    return ShownQuestion(
        asked=asked,
        title=title,
        message=message,
        problem=_text(payload, "problem"),
        facts=_facts(payload, page.redactor),
        whole=page.show(payload, "step-suspend", path),
        way=_way(page.rows, path),
        form=answer_form(page, as_stored),
        missing_code=page.missing_code,
    )


def answer_form(page: RunPage, asked: Question) -> AnswerForm:
    steps = page.run.version.steps
    info = steps.get(asked.path) if isinstance(steps, dict) else None
    return AnswerForm(asked, info if isinstance(info, dict) else {})


def title_of(asked: Question) -> tuple[str, str]:
    """The heading of the question, and the text below it."""
    payload, name = asked.record.suspend_payload, asked.record.path
    title = _text(payload, "title")
    said = payload.strip() if isinstance(payload, str) else ""
    said = said or next((text for key in ASKING_KEYS if (text := _text(payload, key))), "")
    if title and title != said:
        return title[:LONGEST_TITLE], said
    if not said:
        return f"{name} waits for an answer", ""
    if len(said) <= LONGEST_TITLE and "\n" not in said:
        return said, ""
    return f"{name} asks", said


def _text(payload: object, key: str) -> str:
    value = payload.get(key) if isinstance(payload, Mapping) else None
    return value.strip() if isinstance(value, str) else ""


def _facts(payload: object, redactor: Redactor) -> list[Fact]:
    """The facts shown beside the question: `details` are facts themselves when they are all there is."""
    if not isinstance(payload, Mapping):
        return []
    told = {str(key): value for key, value in payload.items() if key not in OUR_KEYS}
    if set(told) == {"details"} and isinstance(told["details"], Mapping):
        told = {str(key): value for key, value in told["details"].items()}
    return [_fact(key, value, redactor) for key, value in list(told.items())[:MOST_FACTS]]


def _fact(key: str, value: object, redactor: Redactor) -> Fact:
    if (rule := redactor.rule(key, value)) is not None:
        return Fact(key, f"masked by {rule}" if rule.startswith("x-") else f"masked: {rule}", masked=True)
    if isinstance(value, str):
        return Fact(key, clipped(value, LONGEST_FACT))
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return Fact(key, clipped(", ".join(value), LONGEST_FACT))
    return Fact(key, clipped(orjson.dumps(redactor.apply(value)).decode(), LONGEST_FACT), mono=True)


def _way(rows: Sequence[StepRow], path: str) -> list[tuple[str, str, bool]]:
    """The position of the run: the steps before the one that asks, that one, and the next."""
    around = [row for row in rows if "[" not in row.path and row.status != StepStatus.SKIPPED]
    # The workflow round a nested step is no step before it.
    owners = {row.path for row in around if any(other.path.startswith(f"{row.path}.") for other in around)}
    around = [row for row in around if row.path not in owners or path.startswith(f"{row.path}[")]
    here = next((i for i, row in enumerate(around) if row.path == path or path.startswith(f"{row.path}[")), None)
    if here is None:
        return []
    before = [row for row in around[:here] if row.record is not None and row.record.suspend_payload is UNSET]
    shown = [*before[-STEPS_BEFORE:], around[here], *around[here + 1 : here + 2]]
    return [(row.name, row.status, row is around[here]) for row in shown]
