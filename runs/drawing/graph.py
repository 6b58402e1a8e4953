"""The step graph of a workflow, or of one run of it, as strokes that a template writes down as SVG."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runs.engine.data.clock import now_ms
from runs.engine.data.text import clipped
from runs.engine.log.results import StepStatus
from runs.engine.log.snapshot import RunSnapshot

from .entries import Entry, read_graph, short_condition
from .figures import fit
from .folding import fold_graph
from .layout import (
    DIAMOND,
    LOOP_DROP,
    MONO_WIDTH,
    NODE_WIDTH,
    STACK_RISE,
    Box,
    Layout,
    lay_out,
)
from .states import PENDING, NodeState, States, focus_of

CORNER = 8  # radius of a line's bend
JOIN = 28  # from the bend where lines meet to the next node
JOIN_MARK = 13  # and to the next ring or diamond
SEGMENT_GAP = 3
LINE_ORDER = ("is-off", "is-next", "", "is-live")


@dataclass(slots=True)
class Line:
    path: str
    look: str = ""  # is-off, is-live, is-next


@dataclass(slots=True)
class Mark:
    x: float
    y: float
    path: str = ""  # of a diamond; a ring has none


@dataclass(slots=True)
class Label:
    x: float
    y: float
    text: str
    title: str
    anchor: str = "end"
    is_off: bool = False


@dataclass(slots=True)
class Bar:
    x: float
    y: float
    width: float
    status: str


@dataclass(slots=True)
class Node:
    """One step, or a nested workflow with its own steps inside."""

    x: float
    y: float
    width: float
    height: float
    name: str
    title: str  # whole name and description
    status: str
    detail: str
    href: str = ""
    is_small: bool = False
    is_stack: bool = False
    is_group: bool = False
    bars: list[Bar] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What a screen reader says."""
        words = [self.title.split("\n")[0], self.detail]
        return " ".join(word for word in words if word) + (f", {self.status.capitalize()}" if self.status else "")

    @property
    def text_x(self) -> float:
        return self.x + (33 if self.status else 14)

    @property
    def name_y(self) -> float:
        if self.is_group:
            return self.y + 20
        return self.y + (20 if self.detail and not self.is_small else self.height / 2 + 4.5)

    @property
    def detail_y(self) -> float:
        if self.is_group:
            return self.name_y
        return self.y + (35 if self.bars else 36)

    @property
    def detail_x(self) -> float:
        return self.x + self.width - 14

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def corner(self) -> float:
        return self.height / 2 if self.is_small else 6

    @property
    def icon_x(self) -> float:
        return self.x + 12

    @property
    def icon_y(self) -> float:
        return self.name_y - 11.5

    @property
    def stack(self) -> tuple[float, float, float]:
        """x, y and width of the sheet behind."""
        return self.x + 6, self.y - STACK_RISE + 1, self.width - 12


@dataclass(slots=True)
class Drawing:
    """All strokes, in the order in which they lie upon each other."""

    width: float = 0
    height: float = 0
    groups: list[Node] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.nodes and not self.groups


def draw_graph(
    graph: object,
    snapshot: RunSnapshot | None = None,
    stats: Mapping[str, str] | None = None,
    href: Callable[[str], str] | None = None,
    *,
    retries: Mapping[str, int] | None = None,
    now: int | None = None,
) -> Drawing:
    """Draw a serialised step graph; with a snapshot, as that run has gone through it.

    `stats`: the second line of a step that has no state yet, by path, such as "p50 0.9 s". `href`: the address of
    a step's page by its path. `retries`: attempts that a step may make beyond the first. `now`: epoch milliseconds.
    A graph that cannot be read gives an empty drawing.
    """
    states = States(snapshot, now if now is not None else now_ms(), stats or {}, retries or {})
    layout = lay_out(fold_graph(read_graph(graph), focus_of(snapshot)))
    return _Pen(states, href).draw(layout)


@dataclass(slots=True)
class _Exit:
    """Where a line leaves an entry."""

    x: float
    y: float
    off: bool


class _Pen:
    def __init__(self, states: States, href: Callable[[str], str] | None) -> None:
        self._states = states
        self._href = href
        self._drawing = Drawing()

    def draw(self, layout: Layout) -> Drawing:
        self._drawing.width, self._drawing.height = layout.width, layout.height
        self._sequence(layout.boxes, off=False)
        # Where lines meet, the one that matters most lies on top.
        self._drawing.lines.sort(key=lambda line: LINE_ORDER.index(line.look))
        return self._drawing

    def _sequence(self, boxes: Sequence[Box], *, off: bool) -> list[_Exit]:
        exits: list[_Exit] = []
        for index, box in enumerate(boxes):
            passed = any(self._states.is_started(later.entry) for later in boxes[index + 1 :])
            self._join(exits, box, off)
            exits = self._box(box, off=off, passed=passed)
        return exits

    def _box(self, box: Box, *, off: bool, passed: bool) -> list[_Exit]:
        if box.is_fork:
            return self._fork(box, off=off, passed=passed)
        node = self._node(box, self._states.of(box.entry, off=off))
        if box.is_group:
            self._drawing.groups.append(node)
            self._sequence(box.members, off=off)
        else:
            self._drawing.nodes.append(node)
        if box.entry.repeats == "loop":
            self._loop(box, off)
        return [_Exit(box.right, box.axis, off)]

    # --- Nodes ---

    def _node(self, box: Box, state: NodeState) -> Node:
        entry, bottom = box.entry, box.axis + box.down
        top = box.axis - box.up
        if entry.repeats == "foreach":
            top += STACK_RISE
        elif entry.repeats == "loop":
            bottom -= LOOP_DROP
        small = box.width < NODE_WIDTH
        room = box.width - (45 if state.status else 26)
        node = Node(
            x=box.x,
            y=top,
            width=box.width,
            height=bottom - top,
            name=fit(entry.name, room if not small else box.width, 13),
            title="\n".join(text for text in (entry.name, entry.description) if text),
            status=str(state.status),
            detail="" if small else fit(state.detail, room, 12),
            href=self._href(entry.path) if self._href and entry.path and not entry.each_item else "",
            is_small=small,
            is_stack=entry.repeats == "foreach",
            is_group=box.is_group,
        )
        node.bars = _bars(node, state)
        return node

    # --- Forks ---

    def _fork(self, box: Box, *, off: bool, passed: bool) -> list[_Exit]:
        is_branch = box.entry.kind == "conditional"
        taken = [self._states.is_started(member.entry) for member in box.members]
        decided = is_branch and (any(taken) or passed)
        start = box.x + 2 * DIAMOND if is_branch else box.x
        bend = start + 12 if is_branch else start
        exits: list[_Exit] = []
        for index, member in enumerate(box.members):
            member_off = off or (decided and not taken[index])
            path = _elbow(start, box.axis, bend, member.axis, member.x)
            self._drawing.lines.append(Line(path, self._look(member, member_off)))
            exits += self._box(member, off=member_off, passed=passed)
            if is_branch and index < len(box.entry.conditions):
                self._condition(box, member, box.entry.conditions[index], member_off)
        self._drawing.marks.append(_diamond(box.x, box.axis) if is_branch else Mark(box.x, box.axis))
        return exits

    def _condition(self, box: Box, member: Box, text: str, off: bool) -> None:
        if not text:
            return
        room = member.x - box.x - 2 * DIAMOND - 8
        shown = clipped(short_condition(text), max(6, int(room / MONO_WIDTH)))
        # Above the line, but below it in the lower half, where the line comes from above.
        y = member.axis + (17 if member.axis > box.axis + 1 else -8)
        self._drawing.labels.append(Label(member.x - 8, y, shown, text, is_off=off))

    def _loop(self, box: Box, off: bool) -> None:
        """The way back from the end of a loop's body to its beginning, and the condition below it."""
        bottom = box.axis + box.down - LOOP_DROP
        low, left, right = bottom + 14, box.x + 24, box.right - 24
        path = (
            f"M{right:g} {bottom:g}V{low - CORNER:g}Q{right:g} {low:g} {right - CORNER:g} {low:g}"
            f"H{left + CORNER:g}Q{left:g} {low:g} {left:g} {low - CORNER:g}V{bottom + 2:g}"
            f"m-4 5l4 -5l4 5"
        )
        self._drawing.lines.append(Line(path, self._look(box, off)))
        text = " ".join(
            part
            for part in ("until" if box.entry.loop_type == "dountil" else "while", *box.entry.conditions[:1])
            if part
        )
        shown = clipped(text, max(12, int(box.width / MONO_WIDTH)))
        self._drawing.labels.append(Label(box.x + box.width / 2, low + 16, shown, text, "middle", off))

    # --- Lines ---

    def _join(self, exits: Sequence[_Exit], box: Box, off: bool) -> None:
        # A ring's middle stands at its box's edge, a diamond's left point does.
        target = box.x
        bend = target - (JOIN_MARK if box.is_fork else JOIN)
        look = self._look(box, off)
        for leaving in exits:
            path = _elbow(leaving.x, leaving.y, bend, box.axis, target)
            self._drawing.lines.append(Line(path, "is-off" if leaving.off else look))

    def _look(self, box: Box, off: bool) -> str:
        if self._states.snapshot is None:
            return ""
        if off:
            return "is-off"
        statuses = {str(state.status) for state in self._leaf_states(box.entry)}
        if StepStatus.RUNNING in statuses:
            return "is-live"
        return "" if statuses - {PENDING, "", StepStatus.SKIPPED} else "is-next"

    def _leaf_states(self, entry: Entry) -> list[NodeState]:
        if entry.each_item and self._states.snapshot is not None:
            return [NodeState(StepStatus.SUCCESS)]  # its line is neutral: many items pass along it
        if entry.path:
            return [self._states.of(entry)]
        return [state for child in entry.children for state in self._leaf_states(child)]


def _elbow(x: float, y: float, bend: float, to_y: float, to_x: float) -> str:
    """A line that runs level, turns at `bend` to another height, and runs level again."""
    if abs(y - to_y) < 1:
        return f"M{x:g} {y:g}H{to_x:g}"
    radius = min(CORNER, abs(to_y - y) / 2)
    before = min(radius, max(bend - x, 0))  # a line that starts at the bend has no first corner
    after = min(radius, max(to_x - bend, 0))
    sign = 1 if to_y > y else -1
    return (
        f"M{x:g} {y:g}H{bend - before:g}Q{bend:g} {y:g} {bend:g} {y + sign * radius:g}"
        f"V{to_y - sign * radius:g}Q{bend:g} {to_y:g} {bend + after:g} {to_y:g}H{to_x:g}"
    )


def _diamond(left: float, y: float) -> Mark:
    middle = left + DIAMOND
    path = f"M{middle:g} {y - DIAMOND:g}l{DIAMOND} {DIAMOND}l-{DIAMOND} {DIAMOND}l-{DIAMOND} -{DIAMOND}Z"
    return Mark(middle, y, path)


def _bars(node: Node, state: NodeState) -> list[Bar]:
    """The segments at the foot of a foreach, one for each item where there is room."""
    if not state.segments:
        return []
    room = node.width - 24
    gap = SEGMENT_GAP if len(state.segments) <= 12 else 1
    x, y, bars = node.x + 12, node.y + node.height - 7, []
    shown = [segment for segment in state.segments if segment.share > 0]
    for segment in shown:
        width = (room - gap * (len(shown) - 1)) * segment.share
        bars.append(Bar(x, y, round(width, 2), segment.status))
        x = round(x + width + gap, 2)
    return bars
