"""What a fold keeps: the run, its nested runs, its steps, and what is on its way to them."""

from dataclasses import dataclass, field

from ..data.undefined import UNSET
from .deadline import Deadline
from .events import EventType
from .results import RunStatus, StepStatus


@dataclass(slots=True)
class Attempt:
    """One failed try of a step that was tried again. Times in epoch milliseconds."""

    number: int  # from 1
    started_at: int
    ended_at: int
    error: dict[str, object]
    next_at: int | None = None  # when the next attempt begins
    stack: list[dict[str, object]] | None = None  # frames, outermost first


@dataclass(slots=True)
class StepRecord:
    """What is known of one step at one path, from its last execution. Times in epoch milliseconds."""

    path: str  # "charge_card", "inner.x", "pack_lines[3]"
    status: StepStatus
    started_at: int
    payload: object = UNSET
    given: object = UNSET  # what the payload was read from, where reading the payload again would change it
    output: object = UNSET
    error: dict[str, object] | None = None
    ended_at: int | None = None
    suspend_payload: object = UNSET
    suspended_at: int | None = None
    resume_payload: object = UNSET
    resumed_at: int | None = None
    wake_at: int | None = None
    iteration: int | None = None  # of a loop, from 1
    completed_count: int | None = None  # of a foreach: items done, and in all
    total_count: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    chunk_count: int = 0
    seq: int = 0  # of its last event
    step_id: str = ""  # the last part of the path, without an index
    scope: str = ""  # the nested run that it belongs to: "", "inner", "inner[0]"
    item: int | None = None  # of a foreach
    entry: int = -1  # index of its entry in its own graph
    member: int | None = None  # index in its parallel block or branch
    selected: list[int] | None = None  # the arms that its branch runs
    items: dict[int, "StepRecord"] | None = None  # of a foreach
    start_seq: int = 0  # of the event that started its last execution
    payload_seq: int | None = None  # the events that hold its payload and output
    output_seq: int | None = None
    attempt_at: int = 0  # when the attempt now running began
    suspend_output: object = UNSET
    suspended_path: list[str] | None = None  # which step suspended, below a nested workflow
    labels: list[str] = field(default_factory=list)
    resuming: bool = False  # runs with an answer, and still has the question in suspend_payload
    stack: list[dict[str, object]] | None = None  # of its error; frames, outermost first
    tripwire: dict[str, object] | None = None
    non_retryable: bool = False
    ended_by: int | None = None  # the item whose failure or bail ended this foreach
    run_id: str | None = None  # of a nested run in a foreach: the same over its suspensions
    call_run_id: str | None = None  # the same, of its last execution alone
    span_id: str | None = None  # of the nested run's span, when it suspended
    restored: bool = False  # rebuilt for a time travel
    sleeps: bool = False  # it is a sleep, not a step

    @property
    def given_or_payload(self) -> object:
        """What the step's schema is to read, to make of it what it read the first time."""
        return self.payload if self.given is UNSET else self.given


@dataclass(slots=True)
class Scope:
    """One graph under way: the run itself, or a nested workflow at its path."""

    path: str = ""
    entry: int = -1  # the furthest entry that was begun; everything before it is done
    input: object = UNSET
    input_seq: int | None = None  # the event that holds it
    given: object = UNSET  # what the input was read from, where a model has changed it
    state: dict[str, object] = field(default_factory=dict)
    steps: dict[str, StepRecord] = field(default_factory=dict)  # by step id
    execution_path: list[str] = field(default_factory=list)
    # What steps had given that run again in the entry under way: the output before that entry may be among it.
    replaced: dict[str, tuple[object, int | None]] = field(default_factory=dict)
    hidden: bool = False  # inside a foreach item: its events are not shown to watchers

    @property
    def given_or_input(self) -> object:
        """What a schema is to read, to make of it what was read as the input."""
        return self.input if self.given is UNSET else self.given


@dataclass(slots=True)
class Resume:
    """An answer on its way to the step that waits for it."""

    steps: list[str]
    data: object = UNSET
    index: int | None = None  # of a foreach item
    label: str | None = None


@dataclass(slots=True)
class RunSnapshot:
    """The state of a run after event `seq` of its log."""

    run_id: str
    workflow_id: str
    status: RunStatus = RunStatus.PENDING
    seq: int = 0
    input: object = UNSET
    request_context: dict[str, object] = field(default_factory=dict)
    tracing_options: dict[str, object] = field(default_factory=dict)
    output_options: dict[str, object] = field(default_factory=dict)
    trace_id: str | None = None
    span_id: str | None = None
    steps: dict[str, StepRecord] = field(default_factory=dict)  # by path, in order of first start
    result: object = UNSET
    error: dict[str, object] | None = None
    tripwire: dict[str, object] | None = None
    started_at: int | None = None
    ended_at: int | None = None
    chunk_count: int = 0
    resource_id: str | None = None
    scopes: dict[str, Scope] = field(default_factory=lambda: {"": Scope()})
    per_step: bool = False
    resume: Resume | None = None  # the last control event, if it was an answer
    control: str = EventType.RUN_START  # the last event that set the run going
    control_seq: int = 0
    control_at: int = 0  # epoch milliseconds
    trace_parent: str | None = None  # of the request that set it going, as W3C writes it
    target: list[str] | None = None  # of a time travel
    travel_input: object = UNSET  # the input that was given with it
    canceled_by: str | None = None
    deadline: Deadline | None = None  # when it fails if it has not ended

    @property
    def state(self) -> dict[str, object]:
        """What the run's steps share."""
        return self.scopes[""].state

    @property
    def step_execution_path(self) -> list[str]:
        """The single steps, mappings and sleeps at the top, in the order in which they ran."""
        return self.scopes[""].execution_path

    @property
    def suspended_paths(self) -> dict[str, list[int]]:
        """Where in the graph the suspended steps are: indexes of entry and member, by step id."""
        return {
            step_id: [record.entry] if record.member is None else [record.entry, record.member]
            for step_id, record in self.scopes[""].steps.items()
            if record.status is StepStatus.SUSPENDED
        }

    @property
    def resume_labels(self) -> dict[str, dict[str, object]]:
        """Which step a label answers: `{label: {"stepId", "foreachIndex"?}}`."""
        labels: dict[str, dict[str, object]] = {}
        for step_id, record in self.scopes[""].steps.items():
            if record.status is not StepStatus.SUSPENDED:
                continue
            for index, item in (record.items or {}).items():
                if item.status is StepStatus.SUSPENDED:
                    labels.update({label: {"stepId": step_id, "foreachIndex": index} for label in item.labels})
            labels.update({label: {"stepId": step_id} for label in record.labels})
        return labels

    def forget(self, path: str) -> None:
        """Drop a step with all that is below it: its items, and the steps of its nested run."""
        record = self.steps.pop(path, None)
        if record is None:
            return
        if record.item is not None:
            foreach = self.steps.get(path.rpartition("[")[0])
            if foreach is not None and foreach.items:
                foreach.items.pop(record.item, None)
        elif (scope := self.scopes.get(record.scope)) is not None:
            scope.steps.pop(record.step_id, None)
        self.forget_below(record)

    def forget_below(self, record: StepRecord) -> None:
        """Drop what is below a step that starts again."""
        for item in list((record.items or {}).values()):
            self.forget(item.path)
        record.items = None
        if (scope := self.scopes.pop(record.path, None)) is not None:
            for inner in list(scope.steps.values()):
                self.forget(inner.path)
