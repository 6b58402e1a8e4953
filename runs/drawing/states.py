"""What a node of the graph shows of its step: a status, and one line of time or reason."""

from collections.abc import Mapping
from dataclasses import dataclass

from runs.engine.log.results import RunStatus, StepStatus
from runs.engine.log.snapshot import RunSnapshot, StepRecord

from .entries import Entry
from .figures import count, duration, grouped

PENDING = "pending"
MOST_SEGMENTS = 24  # items of a foreach that have a segment each; beyond, one bar shows how far it is


@dataclass(slots=True)
class Segment:
    """A part of the bar at the foot of a foreach; `share` of its width."""

    status: str
    share: float


@dataclass(slots=True)
class NodeState:
    """`status` is "" where no run is looked at."""

    status: str = ""
    detail: str = ""
    segments: tuple[Segment, ...] = ()

    @property
    def is_reached(self) -> bool:
        return self.status not in ("", PENDING, StepStatus.SKIPPED)


@dataclass(slots=True)
class States:
    """Tells the state of each entry of a graph, for a run or for the workflow alone."""

    snapshot: RunSnapshot | None
    now: int  # epoch milliseconds, the server's
    stats: Mapping[str, str]
    retries: Mapping[str, int]  # by path: further attempts that the step's policy allows

    def of(self, entry: Entry, *, off: bool = False) -> NodeState:
        """The state of a step's entry. `off`: it is in an arm that was not taken."""
        plain = self.stats.get(entry.path) or entry.note
        if self.snapshot is None or (entry.each_item and not off):
            return NodeState(detail=plain)
        record = self.snapshot.steps.get(entry.path) if entry.path else None
        if record is None:
            if off:
                return NodeState(StepStatus.SKIPPED, "Not taken")
            return NodeState(PENDING, "Not reached" if self.snapshot.status.is_final else plain)
        segments = self._segments(entry, record) if entry.repeats == "foreach" else ()
        return NodeState(record.status, self._detail(entry, record), segments)

    def is_started(self, entry: Entry) -> bool:
        """Whether any step of the entry has begun."""
        return self.snapshot is not None and any(step.path in self.snapshot.steps for step in entry.steps())

    def _detail(self, entry: Entry, record: StepRecord) -> str:
        status, spent = record.status, duration((record.ended_at or self.now) - record.started_at)
        match status:
            case StepStatus.SUSPENDED:
                return "Waits for an answer"
            case StepStatus.WAITING:
                left = (record.wake_at or self.now) - self.now
                return f"{duration(left)} left" if left > 0 else "Due now"
            case StepStatus.SKIPPED:
                return "Not taken"
            case StepStatus.CANCELED:
                return f"Canceled after {spent}" if record.ended_at else "Canceled"
            case StepStatus.PAUSED:
                return "Paused"
            case StepStatus.FAILED if record.attempts:
                return self._attempts(entry, record)
            case StepStatus.FAILED:
                return f"After {spent}"
            case StepStatus.RUNNING if self._is_over:
                return "Interrupted"
        return " · ".join(part for part in (self._progress(entry, record), spent) if part)

    @property
    def _is_over(self) -> bool:
        return self.snapshot is not None and self.snapshot.status.is_final

    def _progress(self, entry: Entry, record: StepRecord) -> str:
        if record.total_count is not None:
            return f"{grouped(record.completed_count or 0)} of {grouped(record.total_count)}"
        if record.status == StepStatus.RUNNING and record.attempts:
            return self._attempts(entry, record)
        if entry.repeats == "loop" and record.iteration:
            return count(record.iteration, "round")
        return ""

    def _attempts(self, entry: Entry, record: StepRecord) -> str:
        # The tries that failed before, and the one that runs now or was the last.
        number = len(record.attempts) + 1
        allowed = self.retries.get(entry.path)
        return f"Attempt {number} of {max(allowed + 1, number)}" if allowed else f"Attempt {number}"

    def _segments(self, entry: Entry, record: StepRecord) -> tuple[Segment, ...]:
        total = record.total_count
        if not total or record.status == StepStatus.SUCCESS or self.snapshot is None:
            return ()  # what is done is neutral: its tick says enough
        if total > MOST_SEGMENTS:
            share = (record.completed_count or 0) / total
            return (Segment("success", share), Segment("", 1 - share))
        items = (self.snapshot.steps.get(f"{entry.path}[{index}]") for index in range(total))
        return tuple(Segment(str(item.status) if item else "", 1 / total) for item in items)


def focus_of(snapshot: RunSnapshot | None) -> frozenset[str]:
    """The paths that a reader looks for: what runs, waits, asks or failed now; else what came last."""
    if snapshot is None:
        return frozenset()
    wanted = {StepStatus.RUNNING, StepStatus.SUSPENDED, StepStatus.WAITING, StepStatus.FAILED, StepStatus.PAUSED}
    focus = frozenset(path for path, record in snapshot.steps.items() if record.status in wanted)
    if focus or not snapshot.steps or snapshot.status == RunStatus.SUCCESS:
        return focus
    return frozenset([max(snapshot.steps.values(), key=lambda record: (record.seq, record.started_at)).path])
