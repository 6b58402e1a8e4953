"""Where the parts of a step graph stand: exact coordinates, from left to right, without any state of a run.

Each entry is a box round an axis, the line on which it is entered and left; a sequence puts boxes side by side on one
axis, a fork stacks its members round it. Sizes are CSS pixels on a grid of 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .entries import Entry, short_condition

NODE_WIDTH, NODE_HEIGHT = 160, 48
SMALL_WIDTH, SMALL_HEIGHT = 64, 28  # an unnamed mapping, a fold
STACK_RISE = 6  # what shows of the second sheet of a foreach
GAP = 44  # from node to node
MARK_GAP = 26  # from a node to a ring or diamond, and from a ring to its members
JOIN_GAP = 56  # from several lines to the next node
JOIN_MARK_GAP = 37  # from several lines to the next ring or diamond
MEMBER_SPACE, ARM_SPACE = 20, 28  # between members of a parallel, arms of a branch
DIAMOND = 9  # half its width
LABEL_SPACE, LABEL_SPACE_MOST = 80, 220  # from a diamond to its arms
GROUP_PADDING, GROUP_TITLE = 16, 24
LOOP_DROP = 38  # the returning line of a loop and its text, below its box
MONO_WIDTH = 6.6  # of a character of a condition
EDGE = 8  # between the drawing and its frame, so that no stroke is cut


@dataclass(slots=True)
class Box:
    """An entry with its size. `up` and `down` are measured from the axis."""

    entry: Entry
    width: float
    up: float
    down: float
    members: list["Box"] = field(default_factory=list)
    lead: float = 0  # from the left edge to the members, of a fork
    x: float = 0
    axis: float = 0

    @property
    def is_fork(self) -> bool:
        return self.entry.kind in ("parallel", "conditional")

    @property
    def is_group(self) -> bool:
        return not self.is_fork and bool(self.members)

    @property
    def right(self) -> float:
        return self.x + self.width


@dataclass(slots=True)
class Layout:
    """All boxes of a graph in their places."""

    boxes: list[Box]
    width: float
    height: float


def lay_out(entries: Sequence[Entry]) -> Layout:
    """Give each entry its place. An empty graph has no size."""
    boxes = [_measure(entry) for entry in entries]
    if not boxes:
        return Layout([], 0, 0)
    up, down = max(box.up for box in boxes), max(box.down for box in boxes)
    width = _place_sequence(boxes, x=EDGE, axis=up + EDGE) + EDGE
    return Layout(boxes, width, up + down + 2 * EDGE)


# --- Sizes ----------------------------------------------------------------------------------------


def _measure(entry: Entry) -> Box:
    if entry.kind in ("parallel", "conditional"):
        return _measure_fork(entry)
    if entry.children:
        return _measure_group(entry)
    small = entry.kind == "more" or (entry.kind == "mapping" and entry.name == "map")
    width, height = (SMALL_WIDTH, SMALL_HEIGHT) if small else (NODE_WIDTH, NODE_HEIGHT)
    if entry.kind == "more":
        width = 104
    box = Box(entry, width, height / 2, height / 2)
    return _with_repeat(box)


def _measure_fork(entry: Entry) -> Box:
    members = [_measure(child) for child in entry.children]
    space = ARM_SPACE if entry.kind == "conditional" else MEMBER_SPACE
    height = sum(box.up + box.down for box in members) + space * (len(members) - 1)
    lead: float = MARK_GAP
    if entry.kind == "conditional":
        longest = max((len(text) for text in map(short_condition, entry.conditions)), default=0) * MONO_WIDTH
        lead = 2 * DIAMOND + min(max(LABEL_SPACE, longest + 10), LABEL_SPACE_MOST)
    return Box(entry, lead + max(box.width for box in members), height / 2, height / 2, members, lead)


def _measure_group(entry: Entry) -> Box:
    members = [_measure(child) for child in entry.children]
    width = _place_sequence(members, x=0, axis=0) + 2 * GROUP_PADDING
    up = max(box.up for box in members) + GROUP_TITLE + GROUP_PADDING / 2
    down = max(box.down for box in members) + GROUP_PADDING
    return _with_repeat(Box(entry, max(width, NODE_WIDTH), up, down, members))


def _with_repeat(box: Box) -> Box:
    if box.entry.repeats == "foreach":
        box.up += STACK_RISE
    elif box.entry.repeats == "loop":
        box.down += LOOP_DROP
    return box


# --- Places ---------------------------------------------------------------------------------------


def _place_sequence(boxes: Sequence[Box], *, x: float, axis: float) -> float:
    """Put boxes side by side from x on; gives the x where the last one ends."""
    for before, box in zip([None, *boxes], boxes, strict=False):
        if before is not None:
            x = before.right + gap(before, box)
        _place(box, x=x, axis=axis)
    return boxes[-1].right


def gap(before: Box, box: Box) -> float:
    """The room between two entries of a sequence; a fork needs some for its lines to meet."""
    if before.is_fork:
        return JOIN_MARK_GAP if box.is_fork else JOIN_GAP
    return MARK_GAP if box.is_fork else GAP


def _place(box: Box, *, x: float, axis: float) -> None:
    box.x, box.axis = x, axis
    if box.is_fork:
        space = ARM_SPACE if box.entry.kind == "conditional" else MEMBER_SPACE
        top = axis - box.up
        for member in box.members:
            _place(member, x=x + box.lead, axis=top + member.up)
            top += member.up + member.down + space
    elif box.members:
        _place_sequence(box.members, x=x + GROUP_PADDING, axis=axis)
