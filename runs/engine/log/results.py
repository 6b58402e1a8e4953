"""How runs and steps end: their statuses, and the result of a run."""

from dataclasses import dataclass, field
from enum import StrEnum

from ..data.undefined import UNSET


class RunStatus(StrEnum):
    """The status of a run. The words are the reference's own, and equal in store, API, filter and page."""

    PENDING = "pending"  # made or queued, nothing has run
    RUNNING = "running"
    WAITING = "waiting"  # sleeps until a time
    SUSPENDED = "suspended"  # waits for an answer
    SUCCESS = "success"
    FAILED = "failed"
    TRIPWIRE = "tripwire"  # stopped by a guard
    CANCELED = "canceled"
    PAUSED = "paused"  # per-step execution stopped after one step

    @property
    def is_final(self) -> bool:
        """Whether the run has ended; only a time travel starts it again."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.TRIPWIRE, RunStatus.CANCELED})


class StepStatus(StrEnum):
    """The status of a step."""

    RUNNING = "running"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"
    PAUSED = "paused"
    SKIPPED = "skipped"
    BAILED = "bailed"


@dataclass(slots=True, kw_only=True)
class WorkflowResult:
    """How a run ended, or why it stopped. A value that is absent is UNSET or None, by its type.

    `steps` has an entry for each step at the top, and the run's input under `input`. Times are epoch milliseconds.
    """

    status: RunStatus
    run_id: str
    steps: dict[str, object]
    step_execution_path: list[str] = field(default_factory=list)
    input: object = UNSET
    result: object = UNSET
    error: dict[str, object] | None = None
    tripwire: dict[str, object] | None = None
    suspended: list[list[str]] | None = None  # the paths of the suspended steps
    suspend_payload: dict[str, object] | None = None  # by step id
    state: dict[str, object] | None = None  # on request: output_options={"includeState": True}
    resume_labels: dict[str, dict[str, object]] | None = None  # on request: "includeResumeLabels"
    trace_id: str | None = None
    span_id: str | None = None

    def to_json(self) -> dict[str, object]:
        """The result in the reference's camelCase form, with no key for what is absent."""
        values: dict[str, object] = {
            "status": self.status.value,
            "steps": self.steps,
            "input": self.input,
            "stepExecutionPath": self.step_execution_path,
            "result": self.result,
            "error": _or_unset(self.error),
            "tripwire": _or_unset(self.tripwire),
            "suspended": _or_unset(self.suspended),
            "suspendPayload": _or_unset(self.suspend_payload),
            "runId": self.run_id,
            "state": _or_unset(self.state),
            "resumeLabels": _or_unset(self.resume_labels),
            "traceId": _or_unset(self.trace_id),
            "spanId": _or_unset(self.span_id),
        }
        return {key: value for key, value in values.items() if value is not UNSET}


def _or_unset(value: object) -> object:
    return UNSET if value is None else value
