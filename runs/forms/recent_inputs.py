"""What a workflow was started with lately, each in one line, for the list beside the start form."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from runs.engine.data.text import clipped
from runs.engine.errors import UnreadableEvent
from runs.engine.log.events import Event, EventType
from runs.engine.log.results import RunStatus
from runs.engine.redaction.redactor import Redactor
from runs.models import RunEvent, WorkflowRun
from runs.store.history import as_bytes
from runs.store.redaction import redactor_for

from .schema.json_schema import Shape, label_of, one_of

SHOWN = 5  # runs in the list
LOOKED_AT = 200  # runs from which usual tags and durations are told
SUGGESTED = 12  # tags
LONGEST = 40  # characters of one value in a summary

Leaf = tuple[str, object, Shape | None]  # key, value, what the schema says of it


@dataclass(frozen=True, slots=True)
class RecentInput:
    run: WorkflowRun
    summary: str
    detail: str

    @property
    def title(self) -> str:
        return f"Run {self.run.id}"

    @property
    def day(self) -> str:
        """The time alone today, then the day: a list of inputs is not read to the second."""
        at, today = timezone.localtime(self.run.created_at), timezone.localdate()
        if at.date() == today:
            return f"{at:%H:%M}"
        return "Yesterday" if at.date() == today - timedelta(days=1) else f"{at.day} {at:%b}"


@dataclass(frozen=True, slots=True)
class Habits:
    """What the last runs of a workflow have in common."""

    tags: list[str]  # the most used first
    usual: timedelta | None  # the median time of those that succeeded

    @classmethod
    def of(cls, workflow_id: str) -> "Habits":
        """From one query along an index."""
        rows = WorkflowRun.objects.filter(workflow_id=workflow_id).newest_first()
        seen: dict[str, int] = {}
        times: list[timedelta] = []
        for tags, status, started, ended in rows.values_list("tags", "status", "started_at", "ended_at")[:LOOKED_AT]:
            for tag in set(tags):
                seen[tag] = seen.get(tag, 0) + 1
            if status == RunStatus.SUCCESS and started and ended and len(times) < 20:
                times.append(ended - started)
        return cls(sorted(seen, key=lambda tag: (-seen[tag], tag))[:SUGGESTED], _median(times))


def _median(times: list[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(time.total_seconds() for time in times)) if times else None


def recent_inputs(workflow_id: str, shape: Shape, redactor: Redactor, viewer: AbstractBaseUser) -> list[RecentInput]:
    """The last inputs. Large ones are not read: their size would make the page slow, and says enough."""
    runs = list(WorkflowRun.objects.filter(workflow_id=workflow_id).newest_first()[:SHOWN])
    # The names of large values as text: of one run they may be damaged.
    large = Cast("large", TextField())
    rows = RunEvent.objects.filter(run_id__in=[run.id for run in runs], seq=1).values_list("run_id", "data", large)
    starts = {run_id: (data, names or "") for run_id, data, names in rows}
    found = []
    for run in runs:
        data, names = starts.get(run.id, (b"{}", ""))
        try:
            started = Event(1, EventType.RUN_START, 0, as_bytes(data)).small()
            value = redactor_for(run, 1).apply(started.get("input"))
            summary = "Large input" if '"input"' in names else summary_of(value, shape, redactor)
        except UnreadableEvent:
            value, summary = None, "An input that cannot be read"
        who = "You" if run.actor_id == viewer.pk else run.actor_label
        more = run.detail or ", ".join(_minor(value, shape, redactor))
        found.append(RecentInput(run, summary, " · ".join(part for part in (who, more) if part)))
    return found


def summary_of(value: object, shape: Shape, redactor: Redactor) -> str:
    """An input in one line: the first text that is no choice, else the first number, then how long its lists are."""
    texts, numbers, lists = [], [], []
    for key, item, part in _leaves(value, shape, redactor):
        if isinstance(item, list):
            noun = label_of(key).lower()
            lists.append(f"{len(item)} {one_of(noun) if len(item) == 1 else noun}")
        elif isinstance(item, str) and item and not (part and part.choices):
            texts.append(_cut(item))
        elif isinstance(item, int | float) and not isinstance(item, bool):
            numbers.append(f"{label_of(key)} {item}" if key else str(item))
    shown = (texts[:1] or numbers[:1]) + lists[:1]
    return ", ".join(shown) or ("No input" if value in (None, {}, []) else _cut(orjson.dumps(value).decode()))


def _minor(value: object, shape: Shape, redactor: Redactor) -> list[str]:
    """The choices of an input: what tells two of the same subject apart."""
    chosen = [
        item for _, item, part in _leaves(value, shape, redactor) if part and part.choices and isinstance(item, str)
    ]
    return chosen[:3]


def _leaves(value: object, shape: Shape | None, redactor: Redactor) -> Iterator[Leaf]:
    """Key, value and shape of each scalar and list, those nearest to the top first."""
    level: list[Leaf] = [("", value, shape)]
    while level:
        below: list[Leaf] = []
        for name, item, part in level:
            if isinstance(item, dict):
                properties = part.properties if part else {}
                below += [(k, v, properties.get(k)) for k, v in item.items() if redactor.rule(k, v) is None]
            else:
                yield name, item, part
        level = below


def _cut(text: str) -> str:
    line = " ".join(text[: 4 * LONGEST].split())
    return clipped(line, LONGEST)
