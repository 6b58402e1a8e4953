"""A whole log, line by line, in constant memory; and its digest."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from runs.engine.log.events import CHUNK_TYPES
from runs.store.redaction import RunRedactor

from .log import Line, in_reader
from .selection import Selection, Stretch, select_lines

PART_EVENTS = 2000  # read at once: a read transaction never lasts longer than one part
PART_BYTES = 256 << 10  # a reader that does not read holds about three of them


@dataclass(slots=True)
class Digest:
    """What the lines of a log are together: each followed by a line feed, UTF-8."""

    events: int = 0
    chunks: int = 0
    first: int = 0
    last: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)  # seqs that are missing: from, to
    _hash: Any = field(default_factory=sha256)

    def add(self, line: Line) -> None:
        if line.seq != self.last + 1:
            self.gaps.append((self.last + 1, line.seq - 1))
        self.first = self.first or line.seq
        self.last = line.seq
        self.events += 1
        self.chunks += line.type in CHUNK_TYPES
        self._hash.update(line.text)
        self._hash.update(b"\n")

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def parts(run_id: str, redactor: RunRedactor, last: int, selection: Selection) -> Iterator[list[Line]]:
    """The log up to `last`, part by part. Each part is a read of its own."""
    after = 0
    while after < last:
        lines, after = select_lines(run_id, redactor, Stretch(after, last, PART_EVENTS, PART_BYTES), selection)
        yield lines


async def ndjson(run_id: str, redactor: RunRedactor, last: int, selection: Selection) -> AsyncIterator[bytes]:
    """The same as the bytes of a download."""
    after = 0
    while after < last:
        stretch = Stretch(after, last, PART_EVENTS, PART_BYTES)
        lines, after = await in_reader(select_lines, run_id, redactor, stretch, selection)
        if lines:
            part = b"\n".join([line.text for line in lines]) + b"\n"
            del lines  # the reader may be slow
            yield part
