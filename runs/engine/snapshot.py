"""The fold of a run's events: all that it takes to continue the run, and all that its page shows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from .events import Event
from .results import RunStatus, StepStatus


class Unset(Enum):
    """The mark for "no value at all", which differs from None: JSON null is a value."""

    UNSET = "unset"

    def __bool__(self) -> bool:
        return False


UNSET: Final = Unset.UNSET


@dataclass(slots=True)
class Attempt:
    """One failed try of a step that was tried again. Times in epoch milliseconds."""

    number: int  # from 1
    started_at: int
    ended_at: int
    error: dict[str, object]
    next_at: int | None = None  # when the next attempt begins


@dataclass(slots=True)
class StepRecord:
    """What is known of one step at one path, from its last execution. Times in epoch milliseconds."""

    path: str  # "charge_card", "inner.x", "pack_lines[3]"
    status: StepStatus
    started_at: int
    payload: object = UNSET
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


@dataclass(slots=True)
class RunSnapshot:
    """A run as its log tells it, up to event `seq`."""

    run_id: str
    workflow_id: str
    status: RunStatus = RunStatus.PENDING
    seq: int = 0
    input: object = UNSET
    state: dict[str, object] = field(default_factory=dict)
    request_context: dict[str, object] = field(default_factory=dict)
    tracing_options: dict[str, object] = field(default_factory=dict)
    output_options: dict[str, object] = field(default_factory=dict)
    trace_id: str | None = None
    span_id: str | None = None
    steps: dict[str, StepRecord] = field(default_factory=dict)  # by path, in order of first start
    step_execution_path: list[str] = field(default_factory=list)
    result: object = UNSET
    error: dict[str, object] | None = None
    tripwire: dict[str, object] | None = None
    suspended_paths: dict[str, list[int]] = field(default_factory=dict)
    resume_labels: dict[str, dict[str, object]] = field(default_factory=dict)
    started_at: int | None = None
    ended_at: int | None = None
    chunk_count: int = 0


def fold(run_id: str, workflow_id: str, events: Iterable[Event]) -> RunSnapshot:
    """The run that these events tell of. Any prefix of a log folds; the one place where history becomes state."""
    raise NotImplementedError
