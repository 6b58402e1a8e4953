"""The newest committed events of a run that somebody follows: what was just committed need not be read again."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from runs.engine.log.events import Event
from runs.store.redaction import RunRedactor

from .log import Line, lines_of

# A fast step's commits bring a thousand events each: a ring that is smaller than a few of them would send every socket
# to the database for what was in memory a moment ago.
RING_BYTES = 1 << 20
OBJECT_BYTES = 200  # of an event beside its text, so that many small ones are bounded, too

_data, _large, _text = attrgetter("data"), attrgetter("large"), attrgetter("text")


class Ring:
    """Events that follow on each other, without a hole, up to the newest one. Not to be shared by threads.

    They become lines when they are asked for, once for all sockets: one that is far behind reads the database.
    """

    def __init__(self, redactor: RunRedactor, most_bytes: int = RING_BYTES) -> None:
        self._redactor = redactor
        self._most_bytes = most_bytes
        self._lines: list[Line] = []
        self._raw: list[Event] = []  # what follows on the lines
        self._bytes = 0

    @property
    def first(self) -> int | None:
        """The seq of the oldest event; None: there is none."""
        oldest = self._lines or self._raw
        return oldest[0].seq if oldest else None

    def add(self, events: Sequence[Event]) -> None:
        """Take in what was just committed. Whatever does not follow on it goes."""
        if any(map(_large, events)):
            # The line of an event with a value kept apart needs that value's digest, which the database has.
            apart = max(index for index, event in enumerate(events) if event.large)
            events = events[apart + 1 :]
            self._clear()
        if not events:
            return
        if self.first is not None and events[0].seq != self._newest + 1:
            self._clear()
        self._raw += events
        self._bytes += len(events) * OBJECT_BYTES + _together(map(_data, events))
        self._shorten()

    def after(self, cursor: int, limit: int) -> list[Line] | None:
        """At most `limit` lines beyond a cursor, or None when they reach further back than the ring."""
        if self.first is None or cursor + 1 < self.first:
            return None
        start = cursor + 1 - self.first
        wanted = start + limit - len(self._lines)
        if wanted > 0 and self._raw:
            raw = self._raw[:wanted]
            if not self._redactor.follow(raw):  # what became secret before has to be read first, with the events before
                return None
            made = lines_of(self._redactor, raw)
            del self._raw[:wanted]
            self._lines += made
            self._bytes += _together(map(_text, made)) - _together(map(_data, raw))
        return self._lines[start : start + limit]

    @property
    def _newest(self) -> int:
        return (self._raw or self._lines)[-1].seq

    def _clear(self) -> None:
        self._lines, self._raw, self._bytes = [], [], 0

    def _shorten(self) -> None:
        """Let the oldest go until the rest is small enough; the newest one stays, whatever its size."""
        lines = events = 0
        for line in self._lines:
            if self._bytes <= self._most_bytes:
                break
            self._bytes -= OBJECT_BYTES + len(line.text)
            lines += 1
        for event in self._raw[:-1]:
            if self._bytes <= self._most_bytes:
                break
            self._bytes -= OBJECT_BYTES + len(event.data)
            events += 1
        del self._lines[:lines]
        del self._raw[:events]


def _together(texts: Iterable[bytes]) -> int:
    return sum(map(len, texts))
