"""What the stream panel of a run shows before any script has run: the newest rows, the strip and the proof."""

from dataclasses import dataclass, field

from django.db import connection
from django.urls import reverse

from runs.engine.events import CHUNK_TYPES
from runs.engine.results import RunStatus
from runs.live.hiding import hiding_of
from runs.live.log import EVENTS
from runs.live.rows import StreamRow, rows_of
from runs.live.selection import Selection, Stretch, select_lines
from runs.models import WorkflowRun

FIRST_EVENTS = 200
FIRST_BYTES = 512 << 10
COUNTED_EVENTS = 200_000  # beyond this the page neither counts nor hashes a log by itself, but when it is asked to
TAIL_EVENTS = 2_000  # from which it then begins to read
BARS = 100
BASE, HEIGHT = 30, 26  # px: where the bars stand, and how high the highest is


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the strip, in the coordinates of its SVG."""

    x: str
    y: str
    height: str


@dataclass(slots=True)
class StreamPanel:
    """Times in epoch milliseconds."""

    rows: list[StreamRow]
    step: str
    steps: list[str]
    started_at: int
    first_seq: int  # of the rows
    read_from: int  # the cursor from which the page begins to read
    socket_url: str
    is_ended: bool
    has_gap: bool = False
    chunks: int | None = None  # None: too many events to count on each view
    bar_ms: int = 0
    bars: list[Bar] = field(default_factory=list)


def stream_panel(run: WorkflowRun, step: str | None = None) -> StreamPanel:
    """The panel of a run, or of one of its steps. Five short queries, whatever the run has written up to 200 000."""
    start = started_at(run)
    stretch = Stretch(0, run.last_seq, FIRST_EVENTS, FIRST_BYTES, backwards=True)
    lines, _ = select_lines(run.id, hiding_of(run.id), stretch, Selection(step=step or ""))
    counted = run.last_seq <= COUNTED_EVENTS
    panel = StreamPanel(
        rows=rows_of(lines, start, filtered=bool(step)),
        step=step or "",
        steps=wanted_steps(run),
        started_at=start,
        first_seq=lines[0].seq if lines else 0,
        read_from=0 if counted else run.last_seq - TAIL_EVENTS,
        socket_url=f"/ws{reverse('run_detail', args=[run.id])}",
        is_ended=RunStatus(run.status).is_final,
    )
    if counted:
        _count(run, panel)
    return panel


def started_at(run: WorkflowRun) -> int:
    """When the log begins: what the offsets of its rows are counted from."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT at FROM {EVENTS} WHERE run_id = %s ORDER BY seq LIMIT 1", [run.id])  # noqa: S608
        row = cursor.fetchone()
    return row[0] if row else int(run.created_at.timestamp() * 1000)


def wanted_steps(run: WorkflowRun) -> list[str]:
    """The steps that a stream can be narrowed to."""
    return list(run.version.steps) if isinstance(run.version.steps, dict) else []


def _count(run: WorkflowRun, panel: StreamPanel) -> None:
    """Chunks by time, and whether every number is there."""
    types = sorted(CHUNK_TYPES)
    marks = ", ".join(["%s"] * len(types))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), (SELECT at FROM {EVENTS} WHERE run_id = %s AND seq = %s) FROM {EVENTS}"  # noqa: S608
            " WHERE run_id = %s AND seq <= %s",
            [run.id, run.last_seq, run.id, run.last_seq],
        )
        count, last_at = cursor.fetchone()
        panel.has_gap = count != run.last_seq
        panel.bar_ms = _bar_ms((last_at or panel.started_at) - panel.started_at)
        cursor.execute(
            f"SELECT (at - %s) / %s AS bar, count(*) FROM {EVENTS}"  # noqa: S608
            f" WHERE run_id = %s AND seq <= %s AND type IN ({marks}) GROUP BY 1 ORDER BY 1",
            [panel.started_at, panel.bar_ms, run.id, run.last_seq, *types],
        )
        counts = cursor.fetchall()
    panel.chunks = sum(count for _, count in counts)
    most = max((count for _, count in counts), default=1)
    for index, count in counts:
        height = 1 + count / most * (HEIGHT - 1)
        panel.bars.append(Bar(f"{max(0, index)}%", f"{BASE - height:.1f}", f"{height:.1f}"))


def _bar_ms(span: int) -> int:
    """How long a bar lasts: 10 ms, doubled until the whole span has room. As static/js/stream_density.js does."""
    bar = 10
    while span // bar >= BARS:
        bar *= 2
    return bar
