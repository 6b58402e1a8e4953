"""The steps of a run in the order in which a reader expects them: the graph's, with items and nested steps below."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runs.engine.data.text import clipped
from runs.engine.log.results import StepStatus
from runs.engine.log.snapshot import RunSnapshot, StepRecord
from runs.engine.redaction.redactor import Redactor

from .entries import Entry
from .figures import count, grouped

DONE = (StepStatus.SUCCESS, StepStatus.BAILED)
NAMING_KEYS = ("name", "title", "id", "key", "sku", "url", "path", "file")  # of an item: what calls it by name
LONGEST_ITEM_NAME = 40
DEEPEST = 3  # levels that are indented; deeper ones are drawn at the third


@dataclass(slots=True)
class StepRow:
    """One step at one path. `record` is None for a step that has not begun."""

    path: str
    name: str
    depth: int
    status: str
    record: StepRecord | None = None
    is_item: bool = False  # of a foreach
    kind: str = "step"

    @property
    def word(self) -> str:
        return self.status.capitalize()

    @property
    def is_whole(self) -> bool:
        """Whether a run can be started from it: a step that has begun, and no part of a foreach."""
        return self.record is not None and self.record.start_seq > 0 and not self.is_item and "[" not in self.path

    @property
    def indent(self) -> int:
        return min(self.depth, DEEPEST)


def step_rows(entries: Iterable[Entry], snapshot: RunSnapshot, redactor: Redactor | None = None) -> list[StepRow]:
    """All steps of a run: those that have begun, at their places, and those that the graph still holds ready."""
    return _Walk(snapshot, redactor or Redactor()).rows(list(entries))


class _Walk:
    def __init__(self, snapshot: RunSnapshot, redactor: Redactor) -> None:
        self._snapshot = snapshot
        self._redactor = redactor
        self._below: dict[str, list[str]] = defaultdict(list)
        self._seen: set[str] = set()
        self._rows: list[StepRow] = []

    def rows(self, entries: list[Entry]) -> list[StepRow]:
        known = {step.path for entry in entries for step in entry.steps()}
        for path in self._snapshot.steps:
            self._below[self._owner(path, known)].append(path)
        self._sequence(entries, 0, off=False)
        for path in self._below[""]:
            if path not in self._seen:  # of a step that this version's graph does not have
                self._record(path, 0)
        return self._rows

    def _owner(self, path: str, known: set[str]) -> str:
        """The path of the owner of a path, or "" at the top. Ids may hold dots, so the owner must exist."""
        if path in known and not path.endswith("]"):
            return ""  # the graph itself has its position
        owner = path
        while owner := owner[: max(owner.rfind("["), owner.rfind("."), 0)]:
            if owner in self._snapshot.steps or owner in known:
                return owner
        return ""

    def _sequence(self, entries: list[Entry], depth: int, *, off: bool) -> None:
        for index, entry in enumerate(entries):
            if entry.kind == "conditional":
                self._arms(entry, depth, off, passed=any(map(self._is_started, entries[index + 1 :])))
            elif entry.kind == "parallel":
                for child in entry.children:
                    self._sequence([child], depth + 1, off=off)
            else:
                self._step(entry, depth, off)

    def _arms(self, entry: Entry, depth: int, off: bool, *, passed: bool) -> None:
        taken = [self._is_started(child) for child in entry.children]
        decided = passed or any(taken)
        for child, is_taken in zip(entry.children, taken, strict=True):
            self._sequence([child], depth, off=off or (decided and not is_taken))

    def _is_started(self, entry: Entry) -> bool:
        return any(step.path in self._snapshot.steps for step in entry.steps())

    def _step(self, entry: Entry, depth: int, off: bool) -> None:
        record = self._snapshot.steps.get(entry.path)
        status = str(record.status) if record else "skipped" if off else "pending"
        self._seen.add(entry.path)
        self._rows.append(StepRow(entry.path, entry.name, depth, status, record, kind=entry.kind))
        below = self._below.get(entry.path)
        if entry.repeats == "foreach":
            self._items(entry.path, depth + 1)
        elif entry.children:
            self._sequence(entry.children, depth + 1, off=off)
        elif below:
            self._items(entry.path, depth + 1)

    def _items(self, owner: str, depth: int) -> None:
        for path in sorted(self._below.get(owner, ()), key=lambda path: _index(owner, path)):
            if path not in self._seen:
                self._record(path, depth, owner)

    def _record(self, path: str, depth: int, owner: str = "") -> None:
        record = self._snapshot.steps[path]
        is_item = bool(owner) and path.startswith(f"{owner}[")
        name = path[len(owner) :].lstrip(".") if owner else path
        if is_item and (called := self._item_name(record.payload)):
            name = f"{name} {called}"
        self._seen.add(path)
        self._rows.append(StepRow(path, name, depth, str(record.status), record, is_item))
        self._items(path, depth + 1)

    def _item_name(self, payload: object) -> str:
        """What an item calls itself: its own text, or the first telling key that holds one."""
        if isinstance(payload, Mapping):
            # An item often comes wrapped, with what all items share: {"number": …, "line": {"sku": …}}.
            shown = [value for key, value in payload.items() if not self._redactor.rule(key, value)]
            inner = [value for value in shown if isinstance(value, Mapping)]
            payload = next((name for part in [payload, *inner] if (name := self._own_name(part)) is not None), None)
        if isinstance(payload, bool) or not isinstance(payload, str | int):
            return ""
        text = " ".join(str(payload).split())
        return clipped(text, LONGEST_ITEM_NAME)

    def _own_name(self, payload: Mapping) -> object:
        return next((payload[key] for key in NAMING_KEYS if payload.get(key) and not self._redactor.rule(key)), None)


def _index(owner: str, path: str) -> tuple[int, int]:
    """Items in the order of their numbers, `[9]` before `[10]`; others stay as they came."""
    rest = path[len(owner) :]
    end = rest.find("]")
    if rest.startswith("[") and rest[1:end].isdecimal():
        return int(rest[1:end]), 0
    return 0, 1


@dataclass(slots=True)
class StepCounts:
    """How far a run is, in steps of its graph; items of a foreach are not counted."""

    total: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    pending: int = 0

    @property
    def sentence(self) -> str:
        """`5 of 8 steps done, 1 skipped`."""
        parts = [f"{grouped(self.done)} of {count(self.total, 'step')} done"]
        parts += [f"{grouped(self.failed)} failed"] if self.failed else []
        parts += [f"{grouped(self.skipped)} skipped"] if self.skipped else []
        return ", ".join(parts)


def count_steps(rows: Iterable[StepRow]) -> StepCounts:
    counts = StepCounts()
    for row in rows:
        if row.is_item or "[" in row.path:
            continue
        counts.total += 1
        counts.done += row.status in DONE
        counts.failed += row.status == StepStatus.FAILED
        counts.skipped += row.status == StepStatus.SKIPPED
        counts.pending += row.status == "pending"
    return counts
