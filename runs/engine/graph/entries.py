"""A committed workflow as data: its entries, and their serialised form, which is the reference's."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ..errors import InvalidWorkflow
from ..trace.entry_info import EntryInfo
from .conditions import Predicate, condition_text
from .mapping import MapConfig
from .step import Step

Condition = Predicate | Callable[..., object]

LONGEST_SLEEP = 100 * 366 * 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Then:
    """One step: a function, a mapping or a nested workflow."""

    step: Step
    map: MapConfig | Callable[..., object] | None = None  # of a mapping
    info: EntryInfo | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the entry, in order; the same for every kind of entry."""
        return (self.step,)


@dataclass(frozen=True, slots=True)
class Parallel:
    """All steps at once, with the same input."""

    steps: tuple[Step, ...]
    info: EntryInfo | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """All steps at once whose condition holds."""

    conditions: tuple[Condition, ...]
    steps: tuple[Step, ...]
    info: EntryInfo | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """A step again and again: while, or until, the condition holds. The step comes first."""

    step: Step
    condition: Condition
    kind: Literal["dowhile", "dountil"]
    info: EntryInfo | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """See Then.steps."""
        return (self.step,)


@dataclass(frozen=True, slots=True)
class ForEach:
    """A step once for each item of its input. `concurrency`: how many at a time, or a function that returns it."""

    step: Step
    concurrency: float | Callable[..., object] = 1
    info: EntryInfo | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """See Then.steps."""
        return (self.step,)


@dataclass(frozen=True, slots=True)
class Sleep:
    """A pause: seconds, or until a moment; or a function that returns either. Its input passes through."""

    id: str
    duration: float | Callable[..., object] | None = None
    until: datetime | Callable[..., object] | None = None
    info: EntryInfo | None = None

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Raises InvalidWorkflow when no run can sleep for so long."""
        try:
            for end in (self.duration, self.until):
                check_sleep(end)
        except ValueError as error:
            raise InvalidWorkflow(f"Sleep {self.id} cannot be: {error}") from None


def check_sleep(end: object) -> None:
    """Raises ValueError for a number of seconds, or a moment, that no run can sleep for. Other values pass."""
    if isinstance(end, datetime):
        try:
            iso(end)
        except OverflowError:
            raise ValueError("A sleep ends between the years 1 and 9999, by UTC.") from None
    elif isinstance(end, int | float) and not abs(end) <= LONGEST_SLEEP:  # also of what is not a number
        raise ValueError("A sleep lasts 100 years at most.")


Entry = Then | Parallel | Branch | Loop | ForEach | Sleep


def entry_ids(entry: Entry) -> list[str]:
    """Return the ids of the steps or the sleep of the entry."""
    return [entry.id] if isinstance(entry, Sleep) else [step.id for step in entry.steps]


def milliseconds(seconds: float) -> int | float:
    """Seconds as the milliseconds of the stored form, whole where they are whole."""
    value = round(seconds * 1000, 3)
    return int(value) if value == int(value) else value


def iso(moment: datetime) -> str:
    """A moment as the reference writes it: `2026-11-22T13:00:00.000Z`. A naive one counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Serialised = dict[str, object]
SerializedGraph = Sequence[Mapping[str, Any]]
SerialisedGraph = Sequence[Mapping[str, Any]]


def serialise(entry: Entry) -> Serialised:
    """An entry in the reference's serialised form."""
    if isinstance(entry, Then):
        return _then(entry)
    if isinstance(entry, Sleep):
        return _sleep(entry)
    data: Serialised = {"type": "", **_info(entry)}
    if isinstance(entry, Loop):
        data |= {"type": "loop", "step": entry.step.serialise(), "loopType": entry.kind}
        data["serializedCondition"] = _condition(entry.step, entry.condition)
        if isinstance(entry.condition, Predicate):
            data["predicate"] = entry.condition.data
    elif isinstance(entry, ForEach):
        dynamic = callable(entry.concurrency)
        opts: Serialised = {"fn": condition_text(entry.concurrency)} if dynamic else {"concurrency": entry.concurrency}
        data |= {"type": "foreach", "step": entry.step.serialise(), "opts": opts}
    else:
        data |= {"type": "parallel", "steps": [step.serialise() for step in entry.steps]}
        if isinstance(entry, Branch):
            arms = list(zip(entry.steps, entry.conditions, strict=True))
            data |= {"type": "conditional", "serializedConditions": [_condition(*arm) for arm in arms]}
            predicates = [item.data if isinstance(item, Predicate) else None for item in entry.conditions]
            if any(predicates):
                data["predicates"] = predicates
    return data


def _then(entry: Then) -> Serialised:
    if entry.map is None:
        return entry.step.serialise()
    if isinstance(entry.map, MapConfig):
        config = json.dumps({key: _source(source) for key, source in entry.map.data.items()}, indent=2)
    else:
        config = condition_text(entry.map)
    return {"type": "mapping", "id": entry.step.id, **_info(entry), "mapConfig": config}


def _source(source: object) -> object:
    """A mapping's source; the reference notes a schema with each constant."""
    if isinstance(source, Mapping) and "value" in source:
        return {**source, "schema": {"def": {"type": "any"}, "type": "any"}}
    return source


def _sleep(entry: Sleep) -> Serialised:
    data: Serialised = {"type": "sleep", "id": entry.id, **_info(entry), "id": entry.id}  # noqa: F601
    if entry.until is None:
        if callable(entry.duration):
            data["fn"] = condition_text(entry.duration)
        elif entry.duration is not None:
            data["duration"] = milliseconds(entry.duration)
        return data
    data["type"] = "sleepUntil"
    if isinstance(entry.until, datetime):
        data["date"] = iso(entry.until)
    else:
        data["fn"] = condition_text(entry.until)
    return data


def _condition(step: Step, condition: Condition) -> Serialised:
    return {"id": f"{step.id}-condition", "fn": condition_text(condition)}


def _info(entry: Entry) -> Serialised:
    info = entry.info
    if info is None:
        return {}
    return {
        key: value
        for key, value in (("id", info.id), ("description", info.description), ("metadata", info.metadata))
        if value is not None
    }
