"""What the open log of a run holds until the next commit, and what a commit writes of it.

Apart from the log and from the writer, which both work on it: the log adds events, the writer takes them.
"""

import asyncio
from dataclasses import dataclass, field

from runs.engine.errors import Fenced
from runs.engine.log.events import Event
from runs.engine.log.store import CardChange

from .large_values import Member


class PendingWrites:
    """Events and changes of the row that are not committed yet. For one event loop."""

    __slots__ = ("card", "epoch", "error", "events", "known", "last_seq", "run_id", "waiters", "write")

    def __init__(self, run_id: str, epoch: int, last_seq: int) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self.last_seq = last_seq
        self.error: Exception | None = None
        self.known: Member | None = None  # of the run's last large value
        # What the next commit writes, and the part of a commit that is in progress.
        self.events: list[Event] = []
        self.card: CardChange = {}
        self.waiters: list[asyncio.Future[None]] = []
        self.write: Write | None = None

    def take(self) -> "Write":
        """Return what has come since the last commit, for the next one."""
        self.write = Write(self, self.run_id, self.epoch, self.last_seq, self.events, self.card, self.waiters)
        self.events, self.card, self.waiters = [], {}, []
        return self.write

    def settle(self, write: "Write") -> None:
        """Record the outcome of a commit."""
        self.write = None
        if write.fenced or write.error is not None:
            self.error = write.error or Fenced(f"run {self.run_id} has another owner")


@dataclass(slots=True, eq=False)
class Write:
    """What the log of one run adds in one commit: events, and what they change on the row."""

    log: PendingWrites
    run_id: str
    epoch: int
    last_seq: int
    events: list[Event]
    card: CardChange
    waiters: list[asyncio.Future[None]]
    fenced: bool = False
    published: list[Event] = field(default_factory=list)  # that the commit itself has added to the run
    error: Exception | None = None
