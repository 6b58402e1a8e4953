"""What changed between two texts, line by line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

AROUND = 3  # unchanged lines that are shown beside changed ones
EXACT = 3_000  # lines up to which the shortest difference is looked for; of more, a quick one will do


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line: `kind` is same, added or removed, or gap, for `text` lines that are left out."""

    kind: str
    text: str
    old: int | None = None  # line numbers, from 1
    new: int | None = None

    @property
    def sign(self) -> str:
        return {"added": "+", "removed": "−"}.get(self.kind, "")

    @property
    def word(self) -> str:
        """What a screen reader says before the line."""
        return self.kind if self.sign else ""


def line_diff(before: str, after: str) -> list[DiffLine]:
    """The lines that differ, each with its surroundings; nothing when the texts are the same."""
    old, new = before.splitlines(), after.splitlines()
    matcher = SequenceMatcher(None, old, new, autojunk=max(len(old), len(new)) > EXACT)
    rows: list[DiffLine] = []
    shown = 0  # lines of the old text so far
    for group in matcher.get_grouped_opcodes(AROUND) if before != after else ():
        rows += _gap(group[0][1] - shown)
        for opcode in group:
            rows += _rows(opcode, old, new)
        shown = group[-1][2]
    return rows + _gap(len(old) - shown) if rows else []


def _gap(count: int) -> list[DiffLine]:
    return [DiffLine("gap", f"{count} equal line{'' if count == 1 else 's'}")] if count else []


def _rows(opcode: tuple[str, int, int, int, int], old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    kind, old_start, old_end, new_start, new_end = opcode
    if kind == "equal":
        for offset in range(old_end - old_start):
            yield DiffLine("same", old[old_start + offset], old_start + offset + 1, new_start + offset + 1)
        return
    for index in range(old_start, old_end):
        yield DiffLine("removed", old[index], old=index + 1)
    for index in range(new_start, new_end):
        yield DiffLine("added", new[index], new=index + 1)
