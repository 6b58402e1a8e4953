"""The questions of a suspended run: every step that waits for an answer, wherever in the graph it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..data.schemas import INVALID_RESUME, Schema
from ..data.undefined import UNSET
from ..errors import InvalidWorkflow
from ..log.records import RunSnapshot, StepRecord
from ..log.results import RunStatus, StepStatus


@dataclass(frozen=True, slots=True)
class Question:
    """A step that asks. `steps` and `index` are what an answer names it by."""

    steps: tuple[str, ...]  # ids, from the outermost workflow down
    index: int | None  # of a foreach item
    record: StepRecord

    @property
    def path(self) -> str:
        """The step as a version describes it, without indexes: `inner.review`."""
        return ".".join(self.steps)

    @property
    def form(self) -> Mapping[str, object] | None:
        """The JSON Schema that the question itself brings for its answer."""
        payload = self.record.suspend_payload
        form = payload.get("form") if isinstance(payload, Mapping) else None
        return form if isinstance(form, Mapping) and form else None

    def check(self, data: object) -> None:
        """Hold an answer against the form that the question brings, if any. Raises InvalidInput."""
        if self.form is None:
            return
        try:
            schema = Schema.of(self.form, parses=False)
        except InvalidWorkflow:
            return  # no schema after all: a key that happens to have the name
        schema.check(data, INVALID_RESUME)


def questions_of(snapshot: RunSnapshot) -> list[Question]:
    """All questions that can be answered now, in the order in which their steps began."""
    if snapshot.status is not RunStatus.SUSPENDED:
        return []
    return [
        question
        for record in snapshot.scopes[""].steps.values()
        if record.status is StepStatus.SUSPENDED
        for question in _below(snapshot, record, (record.step_id,), None)
    ]


def _below(snapshot: RunSnapshot, record: StepRecord, steps: tuple[str, ...], index: int | None) -> Iterator[Question]:
    for own_index, waiting in _items(record, index):
        scope = snapshot.scopes.get(waiting.path)
        inner = [each for each in scope.steps.values() if each.status is StepStatus.SUSPENDED] if scope else []
        for each in inner:
            yield from _below(snapshot, each, (*steps, each.step_id), own_index)
        if not inner:
            yield Question(steps, own_index, waiting)


def _items(record: StepRecord, index: int | None) -> list[tuple[int | None, StepRecord]]:
    """The items of a foreach that wait. Within an item of another one, only the item that the index leads to: an
    answer has one index for all."""
    waiting = {k: item for k, item in (record.items or {}).items() if item.status is StepStatus.SUSPENDED}
    if not waiting:
        return [(index, record)]
    if index is None:
        return list(waiting.items())
    return [(index, waiting.get(index) or next(iter(waiting.values())))]


def check_answer(snapshot: RunSnapshot, resume: Mapping[str, object]) -> None:
    """Hold the data of a `workflow-resume` event against the form that its question brings. Raises InvalidInput."""
    steps, index = resume.get("steps"), resume.get("forEachIndex")
    found = [each for each in questions_of(snapshot) if list(each.steps) == steps]
    asked = next((each for each in found if index in (None, each.index)), None)
    if asked is not None:
        asked.check(resume.get("resumeData", UNSET))
