"""What the stream panel of a run shows before any script has run: the newest rows, the strip and the proof."""

from collections import Counter
from dataclasses import dataclass, field

from django.db import connection
from django.urls import reverse

from runs.engine.log.events import CHUNK_TYPES
from runs.engine.log.results import RunStatus
from runs.live.log import EVENTS
from runs.live.rows import StreamRow, rows_of
from runs.live.selection import Selection, Stretch, select_lines
from runs.models import WorkflowRun
from runs.store.redaction import redactor_for

FIRST_EVENTS = 200
FIRST_BYTES = 512 << 10
COUNTED_EVENTS = 200_000  # beyond this the page neither counts nor hashes a log by itself, but when it is asked to
TAIL_EVENTS = 2_000  # from which it then begins to read
READ_EVENTS = 20_000  # up to here the page's words tell chunks; beyond, events, until a script has counted
SAMPLES = 500  # events that the strip is drawn from
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
    chunks: int | None = None  # None: too many events to read on each view
    bar_ms: int = 0
    bars: list[Bar] = field(default_factory=list)


def stream_panel(run: WorkflowRun, step: str | None = None) -> StreamPanel:
    """The panel of a run, or of one of its steps: a few short queries, whatever the run has written."""
    start = started_at(run)
    stretch = Stretch(0, run.last_seq, FIRST_EVENTS, FIRST_BYTES, backwards=True)
    lines, _ = select_lines(run.id, redactor_for(run, run.last_seq), stretch, Selection(step=step or ""))
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
    _draw(run, panel)
    return panel


def started_at(run: WorkflowRun) -> int:
    """When the log begins: what the offsets of its rows are counted from."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT at FROM {EVENTS} WHERE run_id = %s ORDER BY seq LIMIT 1", [run.id])  # noqa: S608
        row = cursor.fetchone()
    # A row that another program has written may hold anything.
    return row[0] if row and isinstance(row[0], int) else int(run.created_at.timestamp() * 1000)


def wanted_steps(run: WorkflowRun) -> list[str]:
    """The steps that a stream can be narrowed to."""
    return list(run.version.steps) if isinstance(run.version.steps, dict) else []


def _count(run: WorkflowRun, panel: StreamPanel) -> None:
    """Whether every number is there, and how many are chunks: along the index, or over rows that are few."""
    types = sorted(CHUNK_TYPES)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {EVENTS} WHERE run_id = %s AND seq <= %s",  # noqa: S608
            [run.id, run.last_seq],
        )
        panel.has_gap = cursor.fetchone()[0] != run.last_seq
        if run.last_seq <= READ_EVENTS:
            cursor.execute(
                f"SELECT count(*) FROM {EVENTS} WHERE run_id = %s AND seq <= %s AND type IN (%s, %s)",  # noqa: S608
                [run.id, run.last_seq, *types],
            )
            panel.chunks = cursor.fetchone()[0]


def _draw(run: WorkflowRun, panel: StreamPanel) -> None:
    """The strip, from some events at equal distances: a log's numbers grow with its times."""
    distance = max(1, run.last_seq // SAMPLES)
    seqs = range(distance, run.last_seq + 1, distance)
    if not seqs:
        return
    types = sorted(CHUNK_TYPES)
    marks = ", ".join(["%s"] * len(seqs))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT at, type FROM {EVENTS} WHERE run_id = %s AND seq IN ({marks})", [run.id, *seqs])  # noqa: S608
        rows = [(at, type) for at, type in cursor.fetchall() if isinstance(at, int)]  # as in started_at()
    panel.bar_ms = _bar_ms(max((at for at, _ in rows), default=panel.started_at) - panel.started_at)
    counts = Counter((at - panel.started_at) // panel.bar_ms for at, type in rows if type in types)
    most = max(counts.values(), default=1)
    for index, count in sorted(counts.items()):
        height = 1 + count / most * (HEIGHT - 1)
        panel.bars.append(Bar(f"{max(0, index)}%", f"{BASE - height:.1f}", f"{height:.1f}"))


def _bar_ms(span: int) -> int:
    """How long a bar lasts: 10 ms, doubled until the whole span has room. As static/js/stream/density.js does."""
    bar = 10
    while span // bar >= BARS:
        bar *= 2
    return bar
