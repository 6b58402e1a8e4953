"""How runs and steps end: their statuses, and the result of a run."""

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands. The words are the reference's own, and equal in store, API, filter and page."""

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
        """Whether nothing more will happen to the run, unless somebody starts it anew from a step."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.TRIPWIRE, RunStatus.CANCELED})


class StepStatus(StrEnum):
    """Where a step stands."""

    RUNNING = "running"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"
    PAUSED = "paused"
    SKIPPED = "skipped"
    BAILED = "bailed"
