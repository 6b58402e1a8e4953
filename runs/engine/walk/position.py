"""Where and as what a step runs, and how it begins and ends: what the parts of the executor hand to each other."""

from dataclasses import dataclass

from ..data.failures import Failure
from ..graph.graph import Graph
from ..graph.step import Step
from ..log.records import Scope, StepRecord
from ..log.results import StepStatus
from ..trace.tracing import NO_SPAN, EntryInfo, TraceSpan
from ..trace.values import NOTHING, Value


@dataclass(slots=True)
class GraphFrame:
    """A graph being walked: the run itself, or a nested workflow."""

    workflow: Graph
    scope: Scope
    run_id: str
    span: TraceSpan
    answer: "Answer | None" = None
    target: list[str] | None = None  # of a time travel: the step to start from, below this graph
    depth: int = 0  # how many nested workflows it is in


@dataclass(slots=True)
class Answer:
    """Resume data on its way down to the step that waits for it."""

    steps: list[str]  # the path that is left
    data: object
    index: int | None = None
    label: str | None = None


@dataclass(slots=True)
class StepPosition:
    """Where and as what a step runs."""

    flow: GraphFrame
    step: Step
    path: str
    entry: int
    span: TraceSpan  # below which its own span hangs
    member: int | None = None
    owner: str = ""  # the path of the nested run, or of the foreach
    item: int | None = None
    iteration: int | None = None
    selected: list[int] | None = None
    info: EntryInfo | None = None
    together: bool = False  # others begin in the same moment
    own_span: TraceSpan = NO_SPAN  # once it runs
    output: Value | None = None  # once it has ended with one: the record's, which is not to be encoded again

    def place(self) -> dict[str, object]:
        """The keys that every event of this step carries."""
        keys: dict[str, object] = {"id": self.path}
        if self.owner:
            keys["in"] = self.owner
        if self.item is not None:
            keys["item"] = self.item
        return keys

    @property
    def record(self) -> StepRecord | None:
        """What is known of the step, if it belongs to this very entry."""
        if self.item is not None:
            foreach = self.flow.scope.steps.get(self.step.id)
            return foreach.items.get(self.item) if foreach is not None and foreach.items else None
        record = self.flow.scope.steps.get(self.step.id)
        return record if record is not None and record.entry == self.entry and record.member == self.member else None


@dataclass(slots=True)
class Start:
    """How an execution of a step begins."""

    given: Value
    answer: Answer | None = None
    again: bool = False  # the same execution, after an interruption
    relist: bool = False


@dataclass(slots=True)
class AttemptOutcome:
    """How an attempt ended, when it did not fail."""

    status: StepStatus
    output: Value = NOTHING
    state: dict[str, object] | None = None
    question: Value = NOTHING
    labels: tuple[str, ...] = ()
    path: list[str] | None = None  # of the nested step that asks
    span_id: str | None = None


class StepFailed(Exception):
    """Carries a failure that is data already, such as that of a nested workflow."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)
