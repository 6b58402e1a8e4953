"""What the tabs of a run's page are made of. Each fact is read once, and only when a tab asks for it."""

from datetime import datetime
from functools import cached_property
from typing import Any, overload
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from runs.catalog.missing_code import missing_code
from runs.drawing.entries import Entry, read_graph
from runs.drawing.json_tree import ShownValue, show_value
from runs.drawing.sentence import DurationStats, Queue, RunContext, Sentence, sentence
from runs.drawing.steps import StepCounts, StepRow, count_steps, step_rows
from runs.engine.data.clock import now_ms
from runs.engine.errors import UnreadableEvent
from runs.engine.log.events import CHUNK_TYPES, Event, EventType
from runs.engine.log.fold import fold_readable
from runs.engine.log.results import RunStatus
from runs.engine.log.snapshot import RunSnapshot
from runs.executor import dispatch
from runs.models import WorkflowRun
from runs.store.history import stored_events
from runs.store.redaction import RunRedactor, redactor_for
from runs.templatetags.console import clock

# Chunks may be a hundred thousand, and nothing here but the stream shows them.
TOLD = [kind for kind in EventType if kind not in CHUNK_TYPES]
MOST_HOLDERS = 3  # runs that are named as those that another one waits for
RUNS_COMPARED = 200  # earlier ones, for the time that is left
CANCELABLE = (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.SUSPENDED, RunStatus.PAUSED)


@overload
def milliseconds(moment: datetime) -> int: ...
@overload
def milliseconds(moment: None) -> None: ...
@overload
def milliseconds(moment: datetime | None) -> int | None: ...
def milliseconds(moment: datetime | None) -> int | None:
    """Epoch milliseconds."""
    return None if moment is None else round(moment.timestamp() * 1000)


class RunPage:
    """One run, looked at once."""

    def __init__(self, run: WorkflowRun) -> None:
        self.run = run
        self.now = now_ms()  # epoch milliseconds

    # --- The log ---

    @cached_property
    def events(self) -> list[Event]:
        """All events but the chunks, redacted: whatever a tab draws of the run is drawn from them."""
        return self.redactor.events(self.stored_events)

    @cached_property
    def stored_events(self) -> list[Event]:
        """The same as they are stored: for what is sent back to the run, never for what is shown."""
        return stored_events(self.run.pk, TOLD)

    @cached_property
    def stored_snapshot(self) -> RunSnapshot:
        return fold_readable(self.run.pk, self.run.workflow_id, self.stored_events)[0]

    @cached_property
    def _folded(self) -> tuple[RunSnapshot, list[UnreadableEvent]]:
        return fold_readable(self.run.pk, self.run.workflow_id, self.events)

    @property
    def unreadable(self) -> list[UnreadableEvent]:
        """Events that cannot be read: the page shows the run without them, and says so."""
        return self._folded[1]

    @cached_property
    def snapshot(self) -> RunSnapshot:
        snapshot = self._folded[0]
        # The log has no gaps: the events not read here are chunks.
        snapshot.chunk_count = max(self.run.last_seq - sum(event.seq <= self.run.last_seq for event in self.events), 0)
        return snapshot

    @cached_property
    def redactor(self) -> RunRedactor:
        """What takes the run's secrets out, as far as the log holds them."""
        redactor = redactor_for(self.run)
        redactor.take_log(self.stored_events)
        return redactor

    # --- Steps ---

    @cached_property
    def entries(self) -> list[Entry]:
        return read_graph(self.run.version.graph)

    @cached_property
    def rows(self) -> list[StepRow]:
        return step_rows(self.entries, self.snapshot, self.redactor)

    @cached_property
    def counts(self) -> StepCounts:
        return count_steps(self.rows)

    @cached_property
    def retries(self) -> dict[str, int]:
        """Attempts that each step may make beyond the first, by path."""
        steps = self.run.version.steps
        return {
            path: info["retries"]
            for path, info in (steps.items() if isinstance(steps, dict) else ())
            if isinstance(info, dict) and isinstance(info.get("retries"), int) and info["retries"] > 0
        }

    @property
    def last_step(self) -> StepRow | None:
        """The step whose end ends the run."""
        return next((row for row in reversed(self.rows) if not row.is_item and row.depth == 0), None)

    # --- Status ---

    @property
    def status(self) -> RunStatus:
        return RunStatus(self.run.status)

    @property
    def is_active(self) -> bool:
        return not self.status.is_final

    @cached_property
    def missing_code(self) -> str:
        """Why the run cannot go on here, and what helps; empty: it can, or it has ended."""
        return missing_code(self.run.version) if self.is_active else ""

    @property
    def is_cancelable(self) -> bool:
        return self.status in CANCELABLE

    @property
    def spent(self) -> int:
        """Milliseconds since the run began; or, when it never did, since it was made."""
        begun = self.run.started_at or self.run.created_at
        ended = self.run.ended_at or timezone.now()
        return milliseconds(ended) - milliseconds(begun)

    @property
    def ticks_from(self) -> int | None:
        """Epoch milliseconds from which the page's clock counts; None when the run has ended."""
        return milliseconds(self.run.started_at or self.run.created_at) if self.is_active else None

    @cached_property
    def sentence(self) -> Sentence:
        return sentence(self.snapshot, self.status, self.rows, self._circumstances())

    def _circumstances(self) -> RunContext:
        run = self.run
        waits = self.status == RunStatus.PENDING or (self.status == RunStatus.RUNNING and run.queued)
        return RunContext(
            now=self.now,
            queue=self._queue() if waits else None,
            cancel_asked_at=milliseconds(run.cancel_requested_at) if self.is_active else None,
            wakes_at=clock(run.wake_at) if run.wake_at else "",
            starts_at=milliseconds(run.wake_at) if self.status == RunStatus.PENDING else None,
            lingering=run.lingering or {},
            earlier=self._earlier() if self.status == RunStatus.RUNNING and not waits else None,
            canceled_by=self.snapshot.canceled_by or "",
            missing_code=self.missing_code,
        )

    def _queue(self) -> Queue:
        run = self.run
        state = dispatch.executor_state()
        alive: dict[str, Any] = {
            "is_executor_alive": state.alive,
            "last_alive": round(state.last_heartbeat * 1000) if state.last_heartbeat else None,
        }
        if not run.queued:
            return Queue(is_queued=False, **alive)
        problem = self.missing_code or run.workflow.problem or state.trouble
        before = WorkflowRun.objects.ready().filter(workflow_id=run.workflow_id)
        position = 1 + before.filter(priority__gt=run.priority).count()
        position += before.filter(priority=run.priority, created_at__lt=run.created_at).count()
        limit = run.workflow.concurrency
        at_work = WorkflowRun.objects.in_hand().order_by("started_at")
        own = at_work.filter(workflow_id=run.workflow_id)
        holding = own[: limit + 1].count() if limit is not None else 0
        full = own if limit is not None and holding >= limit else at_work
        return Queue(
            position=position,
            running=state.running,
            slots=settings.CONCURRENCY,
            limit=limit,
            holding=holding,
            holders=tuple(full.values_list("pk", flat=True)[:MOST_HOLDERS]),
            problem=problem,
            **alive,
        )

    def _earlier(self) -> DurationStats | None:
        """How long the workflow's newest runs took that ended well."""
        newest = WorkflowRun.objects.filter(workflow_id=self.run.workflow_id).newest_first()
        rows = newest.values_list("status", "started_at", "ended_at")[: 2 * RUNS_COMPARED]
        took = sorted(
            milliseconds(ended) - milliseconds(begun)
            for status, begun, ended in rows
            if status == RunStatus.SUCCESS and begun and ended
        )[:RUNS_COMPARED]
        if not took:
            return None
        return DurationStats(len(took), took[len(took) // 2], took[min(int(len(took) * 0.95), len(took) - 1)])

    # --- Values ---

    def show(self, value: object, of: str, step: str = "") -> ShownValue:
        """A value as a tree whose parts can be asked for. `of`: which value, as in views/run_value.py."""
        return show_value(value, self.redactor, value_address(self.run.pk, of, step))


def step_address(path: str) -> str:
    """The address of a step, from the run's own page."""
    return f"?tab=steps&step={quote(path, safe='')}"


def value_address(run_id: str, of: str, step: str = ""):
    """Makes addresses of the parts of one value of a run, by JSON pointer."""
    base = f"{reverse('run_value', args=[run_id])}?of={of}" + (f"&step={quote(step, safe='')}" if step else "")

    def address(pointer: str, first: int) -> str:
        at = f"&at={quote(pointer, safe='')}" if pointer else ""
        return base + at + (f"&from={first}" if first else "")

    return address
