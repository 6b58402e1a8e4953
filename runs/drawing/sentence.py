"""The one sentence on top of a run's page: what it is doing, why it waits, or how it ended. Facts, no guesses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runs.engine.data.text import clipped
from runs.engine.log.results import RunStatus, StepStatus
from runs.engine.log.snapshot import RunSnapshot

from .figures import count, duration, grouped
from .steps import StepRow, count_steps

ASKING_KEYS = ("message", "question", "prompt", "reason", "title", "text")  # of a suspend payload: what it asks
LONGEST_QUESTION = 300  # characters
MOST_NAMES = 3  # of steps that run side by side
STOPPED = (RunStatus.PENDING, RunStatus.WAITING, RunStatus.SUSPENDED)  # until it is resumed
ENOUGH_RUNS = 5  # earlier ones, before their times say something


@dataclass(frozen=True, slots=True)
class Sentence:
    strong: str
    rest: str = ""
    path: str = ""  # of the step that it speaks of
    runs: tuple[str, ...] = ()  # ids of runs that it speaks of, to be linked behind it


@dataclass(frozen=True, slots=True)
class Queue:
    """What a run waits for that has not begun. `position`: from 1; None when it is unknown."""

    is_queued: bool = True
    position: int | None = None
    is_executor_alive: bool = True
    last_alive: int | None = None  # when an executor was last at work, in epoch milliseconds, if it is known
    executor: str = "a server"  # what would take the run
    running: int = 0
    slots: int | None = None  # of all executors together
    limit: int | None = None  # of the workflow's runs at once
    holding: int = 0  # runs of the workflow that are being worked on
    holders: tuple[str, ...] = ()  # ids of runs that hold the slots that this one waits for
    problem: str = ""  # why it cannot be executed: a problem of the workflow


@dataclass(frozen=True, slots=True)
class DurationStats:
    """How long earlier successful runs of the workflow took, in milliseconds."""

    runs: int
    p50: int
    p95: int


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a snapshot does not know. Times in epoch milliseconds."""

    now: int
    queue: Queue | None = None
    cancel_asked_at: int | None = None
    wakes_at: str = ""  # in the reader's zone; of a run that has not begun, when it starts
    starts_at: int | None = None
    lingering: Mapping[str, int] = field(default_factory=dict)  # functions that go on after their steps: since when
    earlier: DurationStats | None = None
    canceled_by: str = ""
    missing_code: str = ""  # why it cannot go on here, and what helps


def sentence(snapshot: RunSnapshot, status: str, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    """The sentence for a run of this status (of its card, which may be ahead of the snapshot)."""
    if around.missing_code and status in STOPPED and not around.cancel_asked_at:
        return Sentence("It cannot go on here.", around.missing_code)
    tell = _SUMMARIES.get(RunStatus(status), _running)
    return tell(snapshot, rows, around)


def _pending(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    queue = around.queue or Queue()
    if around.cancel_asked_at:
        return Sentence("Cancel was asked for.", "The run has not begun.")
    if around.starts_at is not None and not queue.is_queued:
        return _later(around.starts_at, queue, around)
    if not queue.is_queued:
        return Sentence("Made, but not started.", "Whoever made it has to start it.")
    if queue.problem:
        return Sentence("Nobody can take this run.", queue.problem)
    if not queue.is_executor_alive:
        return Sentence("No executor is running.", _nobody_since(queue, around))
    if queue.position is None:
        return Sentence("Waiting to be taken by an executor.")
    place = "Next in the queue." if queue.position == 1 else f"{_ordinal(queue.position)} in the queue."
    return _in_line(place, queue)


def _later(starts_at: int, queue: Queue, around: RunContext) -> Sentence:
    left = starts_at - around.now
    when = f"That is in {duration(left)}." if left > 0 else "It is due."
    if not queue.is_executor_alive:
        when = f"{when} No executor is running. {_nobody_since(queue, around)}"
    return Sentence(f"Starts {around.wakes_at}.", when)


def _nobody_since(queue: Queue, around: RunContext) -> str:
    since = queue.last_alive
    told = f"The last one was at work {duration(around.now - since)} ago. " if since is not None else ""
    return f"{told}The run starts when {queue.executor} does."


def _in_line(place: str, queue: Queue) -> Sentence:
    """Its place, and what it waits for there."""
    if queue.limit is not None and queue.holding >= queue.limit:
        one = "The workflow may have 1 run at once, and it has one:"
        more = f"The workflow may have {grouped(queue.limit)} runs at once, and it has {grouped(queue.holding)}:"
        return Sentence(place, one if queue.limit == 1 else more, runs=queue.holders)
    if queue.slots is not None and queue.running >= queue.slots:
        words = f"All {count(queue.slots, 'slot is', 'slots are')} taken:"
        return Sentence(place, words if queue.slots > 1 else "The one slot is taken:", runs=queue.holders)
    if queue.limit is not None:
        return Sentence(place, f"The workflow may have {count(queue.limit, 'run')} at once.")
    return Sentence(place, f"{count(queue.running, 'run is', 'runs are')} being worked on." if queue.running else "")


def _running(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    active = _at_work(rows)
    if around.cancel_asked_at:
        asked = duration(around.now - around.cancel_asked_at)
        if active:
            verb = "is" if len(active) == 1 else "are"
            return Sentence(f"Cancel was asked for {asked} ago.", f"{_names(active)} {verb} still finishing.")
        return Sentence(f"Cancel was asked for {asked} ago.", "The run stops before its next step.")
    queue = around.queue
    if queue is not None and queue.is_queued:
        nobody = f"No executor is running. {_nobody_since(queue, around).replace('starts', 'goes on')}"
        why = queue.problem or ("" if queue.is_executor_alive else nobody)
        return Sentence("Waiting to go on.", why or "The next free executor takes it.")
    if not active and around.lingering:
        return Sentence("Between two steps.", _still_finishing(around))
    if not active:
        return Sentence("Between two steps." if snapshot.steps else "Starting.", _time_left(snapshot, around))
    return Sentence(f"Running {_names(active)}.", " ".join(_progress(active, snapshot, around)), active[0].path)


def _at_work(rows: Sequence[StepRow]) -> list[StepRow]:
    """The steps that run, as a reader names them: not the items, nor the workflow round a nested step."""
    running = [row for row in rows if row.status == StepStatus.RUNNING and not row.is_item and "[" not in row.path]
    return [row for row in running if not any(other.path.startswith(f"{row.path}.") for other in running)]


def _progress(active: Sequence[StepRow], snapshot: RunSnapshot, around: RunContext) -> list[str]:
    told = []
    if len(active) == 1 and (record := active[0].record) is not None:
        if record.total_count is not None:
            done, total = grouped(record.completed_count or 0), count(record.total_count, "item")
            told.append(f"{done} of {total} done.")
        elif record.attempts and (next_at := record.attempts[-1].next_at) and next_at > around.now:
            number = len(record.attempts)
            told.append(f"Attempt {number} failed, the next one follows in {duration(next_at - around.now)}.")
        elif record.attempts:
            told.append(f"Attempt {len(record.attempts) + 1}.")
        elif record.iteration is not None and record.iteration > 1:
            told.append(f"{_ordinal(record.iteration)} round.")
    return [words for words in (*told, _still_finishing(around), _time_left(snapshot, around)) if words]


def _still_finishing(around: RunContext) -> str:
    """Functions in threads that were left behind: Python can only ask them to end."""
    if not around.lingering:
        return ""
    names = list(around.lingering)
    shown = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
    since = duration(around.now - min(around.lingering.values()))
    return f"{'Step' if len(names) == 1 else 'Steps'} {shown} still finishing since {since}."


def _time_left(snapshot: RunSnapshot, around: RunContext) -> str:
    earlier = around.earlier
    if earlier is None or earlier.runs < ENOUGH_RUNS or snapshot.started_at is None:
        return ""
    took = f"{grouped(earlier.runs)} earlier runs took {duration(earlier.p50)} at p50, {duration(earlier.p95)} at p95."
    left = earlier.p50 - (around.now - snapshot.started_at)
    return f"About {duration(left)} left: {took}" if left > 1000 else took


def _waiting(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    asleep = [row for row in rows if row.status == StepStatus.WAITING]
    step = asleep[0] if asleep else None
    wake_at = min((row.record.wake_at for row in asleep if row.record and row.record.wake_at), default=None)
    where = f"in {step.name}, " if step and step.name != "sleep" else ""
    if wake_at is None or not around.wakes_at:
        return Sentence("Sleeping.", path=step.path if step else "")
    left = wake_at - around.now
    rest = f"That is in {duration(left)}." if left > 0 else "It is due and goes on as soon as an executor takes it."
    return Sentence(f"Sleeping {where}until {around.wakes_at}.", rest, step.path if step else "")


def _suspended(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    asking = [row for row in rows if row.status == StepStatus.SUSPENDED]
    # The innermost one asks; the workflow or foreach round it is suspended only because of it.
    asking = [row for row in asking if not any(_is_below(other.path, row.path) for other in asking)] or asking
    if not asking:
        return Sentence("Waiting for an answer.")
    first = asking[0]
    since = first.record.suspended_at if first.record else None
    waited = f" It has waited {duration(around.now - since)}." if since else ""
    more = f" {count(len(asking) - 1, 'other step waits', 'other steps wait')}, too." if len(asking) > 1 else ""
    question = question_of(first)
    strong = f"{first.name} asks: {question}" if question else f"{first.name} waits for an answer."
    who = " An operator can answer."
    return Sentence(strong, (waited + more + who).strip(), first.path)


def question_of(row: StepRow) -> str:
    """What a suspended step asks, in its own words; "" when its payload does not say."""
    payload = row.record.suspend_payload if row.record else None
    if isinstance(payload, Mapping):
        payload = next((payload[key] for key in ASKING_KEYS if isinstance(payload.get(key), str)), None)
    if not isinstance(payload, str) or not payload.strip():
        return ""
    text = " ".join(payload.split())
    return clipped(text, LONGEST_QUESTION)


def _is_below(path: str, owner: str) -> bool:
    return path.startswith((f"{owner}.", f"{owner}["))


def _paused(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    done = [row.name for row in rows if row.record is not None and not row.is_item]
    return Sentence(f"Paused after {done[-1]}." if done else "Paused.", "It was started one step at a time.")


def _success(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    facts = [count_steps(rows).sentence]
    if snapshot.chunk_count:
        facts.append(count(snapshot.chunk_count, "chunk"))
    return Sentence(f"Finished in {_took(snapshot)}.", f"{', '.join(facts)}.")


def _failed(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    why = str((snapshot.error or {}).get("message") or "")
    if snapshot.started_at is None:
        return Sentence("Failed before it began.", why)
    return Sentence(f"Failed after {_took(snapshot)}.", f"{why} {_still_finishing(around)}".strip())


def _tripwire(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    reason = (snapshot.tripwire or {}).get("reason")
    tripped = next((row for row in reversed(rows) if row.status == StepStatus.FAILED), None)
    where = f" in {tripped.name}" if tripped else ""
    return Sentence(f"Stopped by a guard{where}.", str(reason or ""), tripped.path if tripped else "")


def _canceled(snapshot: RunSnapshot, rows: Sequence[StepRow], around: RunContext) -> Sentence:
    by = f" by {around.canceled_by}" if around.canceled_by else ""
    if snapshot.started_at is None:
        return Sentence(f"Canceled{by} before it began.")
    rest = f"{count_steps(rows).sentence}. {_still_finishing(around)}"
    return Sentence(f"Canceled{by} after {_took(snapshot)}.", rest.strip())


_SUMMARIES = {
    RunStatus.PENDING: _pending,
    RunStatus.RUNNING: _running,
    RunStatus.WAITING: _waiting,
    RunStatus.SUSPENDED: _suspended,
    RunStatus.PAUSED: _paused,
    RunStatus.SUCCESS: _success,
    RunStatus.FAILED: _failed,
    RunStatus.TRIPWIRE: _tripwire,
    RunStatus.CANCELED: _canceled,
}


def _took(snapshot: RunSnapshot) -> str:
    if snapshot.started_at is None or snapshot.ended_at is None:
        return "no time"
    return duration(snapshot.ended_at - snapshot.started_at)


def _names(rows: Sequence[StepRow]) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c and 5 more`."""
    names = [row.name for row in rows[:MOST_NAMES]]
    if len(rows) > MOST_NAMES:
        return f"{', '.join(names)} and {grouped(len(rows) - MOST_NAMES)} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{grouped(number)}{ending}"
