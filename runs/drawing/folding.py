"""Keeps a drawing readable: what would be one of hundreds in a row is folded into one place that counts it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from .entries import Entry
from .figures import count

MOST_IN_SEQUENCE = 40  # entries drawn one after another
MOST_MEMBERS = 12  # members of a parallel or arms of a branch
ENDS = 3  # entries shown at each end of a folded row
DEEPEST = 3  # nested workflows drawn open inside each other


def fold_graph(entries: Sequence[Entry], focus: Collection[str] = (), depth: int = 0) -> list[Entry]:
    """The same graph, short enough to draw. Entries whose steps are in `focus` stay, and those round them."""
    kept = _fold_row(list(entries), focus, MOST_IN_SEQUENCE)
    return [_fold_inside(entry, focus, depth) for entry in kept]


def _fold_inside(entry: Entry, focus: Collection[str], depth: int) -> Entry:
    if not entry.children:
        return entry
    if entry.kind not in ("parallel", "conditional"):
        if depth >= DEEPEST:
            note = entry.note or count(sum(1 for _ in entry.steps()) - 1, "step")
            return replace(entry, children=[], note=note)
        return replace(entry, children=fold_graph(entry.children, focus, depth + 1))
    children = _fold_row(entry.children, focus, MOST_MEMBERS)
    texts = {id(child): text for child, text in zip(entry.children, entry.conditions, strict=False)}
    return replace(
        entry,
        children=[_fold_inside(child, focus, depth) for child in children],
        conditions=[texts.get(id(child), "") for child in children] if entry.conditions else [],
    )


def _fold_row(entries: list[Entry], focus: Collection[str], most: int) -> list[Entry]:
    if len(entries) <= most:
        return entries
    at = next((i for i, entry in enumerate(entries) if any(step.path in focus for step in entry.steps())), 0)
    room = most - 2 * ENDS - 2  # two places are for the folds themselves
    first = min(max(at - room // 2, ENDS), len(entries) - ENDS - room)
    head, window, tail = entries[:ENDS], entries[first : first + room], entries[len(entries) - ENDS :]
    return [
        *head,
        *_fold_of(entries[ENDS:first]),
        *window,
        *_fold_of(entries[first + room : len(entries) - ENDS]),
        *tail,
    ]


def _fold_of(entries: Sequence[Entry]) -> list[Entry]:
    if not entries:
        return []
    steps = sum(1 for entry in entries for _ in entry.steps())
    return [Entry("more", count(steps, "step"))]
