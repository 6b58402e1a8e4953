"""A run's steps along its time: bars with exact places, in per cent of an axis that begins when the run began."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from runs.engine.log.results import RunStatus, StepStatus
from runs.engine.log.snapshot import RunSnapshot, StepRecord

from .figures import HOUR, MINUTE, SECOND, count, duration
from .steps import StepRow

# What an axis may count in: 1, 2, 5 … milliseconds, then the parts of minutes, hours and days that people use.
TICKS = [n * 10**power for power in range(4) for n in (1, 2, 5)] + [
    *(n * SECOND for n in (10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 4, 6, 12)),
    *(n * 24 * HOUR for n in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730)),
]
MOST_PARTS = 5  # of the axis; of a narrow one fewer, or its figures would touch
MOST_PARTS_NARROW = 4
ROOM_AHEAD = 1.12  # of a run that goes on: it shall not touch the end of its axis
THINNEST = 0.4  # per cent; a bar thinner than this could not be seen
MOST_ITEMS = 8  # of one foreach in a short timeline
MOST_ROWS = 30


@dataclass(slots=True)
class Tick:
    x: float  # per cent
    text: str
    anchor: str  # start, middle, end


@dataclass(slots=True)
class Bar:
    x: float  # per cent
    width: float
    look: str  # a status, or "wait" for the time before a further attempt or an answer


@dataclass(slots=True)
class TimelineRow:
    row: StepRow | None  # None: it stands for several items
    name: str
    indent: int
    status: str
    bars: list[Bar] = field(default_factory=list)
    spent: str = "–"
    attempts: str = "–"
    owner: str = ""  # of several items: the foreach's path

    @property
    def word(self) -> str:
        return self.status.capitalize()

    @property
    def path(self) -> str:
        return self.row.path if self.row else ""


@dataclass(slots=True)
class Timeline:
    ticks: list[Tick]
    rows: list[TimelineRow]
    now: float | None  # per cent, while the run goes on
    length: str  # of the axis, in words
    has_waits: bool = False
    left_out: int = 0  # rows that are not shown


def draw_timeline(
    rows: Sequence[StepRow],
    snapshot: RunSnapshot,
    now: int,
    retries: dict[str, int] | None = None,
    most_parts: int = MOST_PARTS,
) -> Timeline:
    """Bars for these rows. `now`: epoch milliseconds; `retries`: further attempts allowed, by path."""
    starts = [row.record.started_at for row in rows if row.record]
    begun = min([snapshot.started_at or now, *starts])
    goes_on = not snapshot.status.is_final and snapshot.started_at is not None
    ends = [row.record.ended_at or now for row in rows if row.record] if goes_on else _ends(rows)
    last = max([begun + 1, now if goes_on else 0, snapshot.ended_at or 0, *ends])
    axis = Axis(begun, last, now, goes_on, most_parts)
    drawn = [axis.row(row, retries or {}) for row in rows]
    return Timeline(
        ticks=axis.ticks() if starts else [],
        rows=drawn,
        # Blue is for what runs: a run that sleeps or asks has no such line.
        now=axis.place(now) if snapshot.status == RunStatus.RUNNING and starts else None,
        length=duration(axis.length),
        has_waits=any(bar.look == "wait" for row in drawn for bar in row.bars),
    )


def shorten(rows: Sequence[StepRow]) -> list[StepRow | list[StepRow]]:
    """Rows for an overview: of many items only those that tell something; the others melt into one place, a list."""
    short: list[StepRow | list[StepRow]] = []
    index = 0
    while index < len(rows):
        row = rows[index]
        if not row.is_item:
            short.append(row)
            index += 1
            continue
        end = index
        while end < len(rows) and rows[end].depth >= row.depth:
            end += 1
        short += _telling(rows[index:end], row.depth)
        index = end
    return short


def _telling(group: Sequence[StepRow], depth: int) -> list[StepRow | list[StepRow]]:
    items = [row for row in group if row.depth == depth and row.is_item]
    if len(group) <= MOST_ITEMS:
        return list(group)
    active = [row for row in items if row.status not in (StepStatus.SUCCESS, StepStatus.SKIPPED)][:MOST_ITEMS]
    others = sorted((row for row in items if row not in active), key=lambda row: -(row.record.seq if row.record else 0))
    shown = {row.path for row in [*active, *others[: MOST_ITEMS - len(active)]]}
    kept: list[StepRow | list[StepRow]] = [row for row in items if row.path in shown]
    rest = [row for row in items if row.path not in shown]
    return [*kept, rest] if rest else kept


def draw_overview(
    rows: Sequence[StepRow],
    snapshot: RunSnapshot,
    now: int,
    retries: dict[str, int] | None = None,
    most_parts: int = MOST_PARTS_NARROW,
) -> Timeline:
    """The short timeline of the overview: at most MOST_ROWS, with folded items."""
    short = shorten(rows)
    kept = _window(short)
    timeline = draw_timeline([row for row in kept if isinstance(row, StepRow)], snapshot, now, retries, most_parts)
    drawn = iter(timeline.rows)
    timeline.rows = [next(drawn) if isinstance(row, StepRow) else _folded(row) for row in kept]
    timeline.left_out = len(short) - len(kept)
    return timeline


def _window(rows: list[StepRow | list[StepRow]]) -> list[StepRow | list[StepRow]]:
    """The rows round the first one that is not done, as many as an overview holds."""
    if len(rows) <= MOST_ROWS:
        return rows
    quiet = (StepStatus.SUCCESS, StepStatus.SKIPPED, "pending")
    at = next((i for i, row in enumerate(rows) if isinstance(row, StepRow) and row.status not in quiet), 0)
    first = min(max(at - MOST_ROWS // 2, 0), len(rows) - MOST_ROWS)
    return rows[first : first + MOST_ROWS]


def _folded(items: Sequence[StepRow]) -> TimelineRow:
    first = items[0]
    statuses = {row.status for row in items}
    status = statuses.pop() if len(statuses) == 1 else "pending"
    return TimelineRow(
        None,
        f"{count(len(items), 'more item', 'more items')}",
        min(first.depth, 3),
        status,
        spent="",
        owner=first.path.rpartition("[")[0],
    )


def _ends(rows: Sequence[StepRow]) -> list[int]:
    return [row.record.ended_at for row in rows if row.record and row.record.ended_at]


class Axis:
    """Of a timeline or a waterfall: from `begun` to `last`, epoch milliseconds, in round parts."""

    def __init__(self, begun: int, last: int, now: int, goes_on: bool, most_parts: int) -> None:
        extent = (last - begun) * (ROOM_AHEAD if goes_on else 1)
        self.tick = next((tick for tick in TICKS if tick * most_parts >= extent), extent / most_parts)
        self.parts = max(1, -(-int(extent) // int(self.tick)))
        self.length = self.parts * self.tick
        self._begun, self._now = begun, now
        self._end = now if goes_on else last

    def ticks(self) -> list[Tick]:
        ticks = []
        for part in range(self.parts + 1):
            anchor = "start" if part == 0 else "end" if part == self.parts else "middle"
            text = "0" if part == 0 else _tick_text(part * self.tick)
            ticks.append(Tick(round(100 * part / self.parts, 4), text, anchor))
        return ticks

    def place(self, at: float) -> float:
        """Per cent."""
        return round(min(max(100 * (at - self._begun) / self.length, 0), 100), 3)

    def row(self, row: StepRow, retries: dict[str, int]) -> TimelineRow:
        record = row.record
        drawn = TimelineRow(row, row.name, row.indent, row.status)
        if record is None:
            return drawn
        end = record.ended_at or self._end
        drawn.spent = duration(end - record.started_at)
        number, allowed = len(record.attempts) + 1, retries.get(row.path)
        drawn.attempts = f"{number} of {max(allowed + 1, number)}" if allowed else str(number)
        drawn.bars = [bar for bar in self._bars(row.status, record, end) if bar is not None]
        return drawn

    def _bars(self, status: str, record: StepRecord, end: int) -> list[Bar | None]:
        bars: list[Bar | None] = []
        start = record.started_at
        for attempt in record.attempts:
            again = attempt.next_at or attempt.ended_at
            bars.append(self._bar(attempt.started_at, attempt.ended_at, "failed"))
            bars.append(self._bar(attempt.ended_at, min(again, end), "wait"))
            start = again
        asked, answered = record.suspended_at, record.resumed_at
        if asked and (status == StepStatus.SUSPENDED or answered):
            bars.append(self._bar(start, asked, "success"))
            bars.append(self._bar(asked, answered or end, "wait" if answered else "suspended"))
            if answered is None:
                return bars
            start = answered
        bars.append(self._bar(start, end, status) if start <= end else None)
        return bars

    def _bar(self, start: int, end: int, look: str) -> Bar | None:
        if look == "wait" and end <= start:
            return None
        x = self.place(start)
        width = max(self.place(end) - x, THINNEST)
        return Bar(min(x, 100 - width), round(width, 3), look)


def _tick_text(ms: float) -> str:
    """A round time, without the zeros of a measured one: `5 s`, `1 min 30 s`, `2 h`."""
    if ms < SECOND:
        return f"{ms:g} ms"
    if ms < MINUTE:
        return f"{ms / SECOND:g} s"
    return duration(ms).replace(" 00 s", "").replace(" 00 min", "").replace(" 0 h", "")
