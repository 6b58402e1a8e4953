"""A trace as a waterfall: a row for each span, nested, with bars along the trace's time."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Protocol

from .figures import duration
from .timeline import Axis, Bar, Tick

MOST_ROWS = 2_000  # of one page
MOST_PARTS = 5
THINNEST = 0.3  # per cent; a bar thinner than this could not be seen
DEEPEST = 12  # levels with an indent of their own
MOST_GRID_ROWS = 150  # beyond, the lines of the grid would be half of the page
NS = 1_000_000  # of a millisecond


class DrawnSpan(Protocol):
    """What is looked at of a span. Times are epoch nanoseconds."""

    id: str
    name: str
    start_ns: int
    end_ns: int | None

    @property
    def children(self) -> "Sequence[DrawnSpan]": ...

    @property
    def label(self) -> str: ...  # a short name

    @property
    def word(self) -> str: ...  # what kind of thing it is: step, run, loop; "" where the name says it

    @property
    def look(self) -> str: ...  # a status: success, failed, running, suspended, canceled

    @property
    def outcome(self) -> str: ...  # the same in words

    @property
    def queued_ns(self) -> int | None: ...  # when it was asked for, if it had to wait

    @property
    def answered_ns(self) -> int | None: ...  # of one that asked: when the answer came


@dataclass(slots=True)
class WaterfallRow:
    span: DrawnSpan
    depth: int
    look: str
    outcome: str
    has_children: bool
    is_closed: bool
    bars: list[Bar] = field(default_factory=list)
    spent: str = ""
    queued: str = ""  # how long it waited for an executor
    toggle: str = ""  # the ids that are closed after a press, with commas

    @property
    def indent(self) -> int:
        return min(self.depth, DEEPEST)


@dataclass(slots=True)
class Waterfall:
    ticks: list[Tick]
    rows: list[WaterfallRow]
    now: float | None  # per cent, while a span is open
    length: str  # from the first start to the last end, in words
    total: int  # rows of all pages
    first: int  # number of the first row that is drawn, from 1
    has_grid: bool = True
    has_waits: bool = False
    next: int | None = None  # where the next page begins
    previous: int | None = None

    @property
    def last(self) -> int:
        """Number of the last row that is drawn."""
        return self.first + len(self.rows) - 1


def draw_waterfall(
    roots: Sequence[DrawnSpan], now_ns: int, *, closed: Collection[str] = (), first: int = 0
) -> Waterfall:
    """The rows from number `first` on, those below closed ones left out."""
    order = list(_walk(roots, closed))
    spans = [span for span, _ in _walk(roots, ())]
    ends = [span.end_ns or now_ns for span in spans]
    starts = [min(span.start_ns, span.queued_ns or span.start_ns) for span in spans]
    begun, last = floor(min(starts) / NS), ceil(max(ends) / NS)
    is_open = any(span.end_ns is None for span in spans)
    axis = Axis(begun, max(last, begun + 1), ceil(now_ns / NS), is_open, MOST_PARTS)
    shown = order[first : first + MOST_ROWS]
    rows = [_row(axis, span, depth, now_ns, closed) for span, depth in shown]
    return Waterfall(
        ticks=axis.ticks(),
        rows=rows,
        now=axis.place(now_ns / NS) if is_open else None,
        length=exact_duration(max(ends) - min(starts)),
        total=len(order),
        first=first + 1,
        has_grid=len(rows) <= MOST_GRID_ROWS,
        has_waits=any(bar.look == "wait" for row in rows for bar in row.bars),
        next=first + MOST_ROWS if len(order) > first + MOST_ROWS else None,
        previous=max(first - MOST_ROWS, 0) if first else None,
    )


def _walk(roots: Sequence[DrawnSpan], closed: Collection[str]) -> Iterator[tuple[DrawnSpan, int]]:
    """Each span with its depth, a parent before its children."""
    wait = [(span, 0) for span in reversed(roots)]
    while wait:
        span, depth = wait.pop()
        yield span, depth
        if span.id not in closed:
            wait.extend((child, depth + 1) for child in reversed(span.children))


def _row(axis: Axis, span: DrawnSpan, depth: int, now_ns: int, closed: Collection[str]) -> WaterfallRow:
    is_closed = span.id in closed
    row = WaterfallRow(span, depth, span.look, span.outcome, bool(span.children), is_closed)
    row.spent = exact_duration((span.end_ns or now_ns) - span.start_ns)
    if row.has_children:
        others = [each for each in closed if each != span.id]
        row.toggle = ",".join(others if is_closed else [*others, span.id])
    if span.queued_ns is not None and span.queued_ns < span.start_ns:
        row.queued = exact_duration(span.start_ns - span.queued_ns)
        row.bars.append(_bar(axis, span.queued_ns, span.start_ns, "wait"))
    row.bars.append(_bar(axis, span.start_ns, span.end_ns or now_ns, row.look))
    if span.end_ns is not None and span.answered_ns is not None and span.answered_ns > span.end_ns:
        row.bars.append(_bar(axis, span.end_ns, span.answered_ns, "wait"))
    return row


def _bar(axis: Axis, start_ns: int, end_ns: int, look: str) -> Bar:
    x = axis.place(start_ns / NS)
    width = max(axis.place(end_ns / NS) - x, THINNEST)
    return Bar(min(x, 100 - width), round(width, 3), look)


def exact_duration(ns: int) -> str:
    """A span's time, in microseconds where there are no milliseconds to speak of."""
    if ns < NS:
        return f"{max(ns, 0) // 1000} µs"
    if ns < 10 * NS:
        return f"{ns / NS:.2f} ms"
    return duration(ns / NS)
