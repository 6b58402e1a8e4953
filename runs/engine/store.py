"""Where runs are kept, as the engine sees it: the protocols that every store fulfils."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from .events import Event
from .results import RunStatus


class CardChange(TypedDict, total=False):
    """What an event changes on the run's card, committed with that event. Times in epoch milliseconds."""

    status: RunStatus
    started_at: int
    ended_at: int
    wake_at: int | None
    detail: str  # one line for lists: the error, the question asked, what it is doing
    trace_id: str
    span_id: str


@dataclass(slots=True)
class RunCard:
    """What a list of runs shows, and what a claim needs. Never a payload."""

    run_id: str
    workflow_id: str
    status: RunStatus
    created_at: int
    updated_at: int
    resource_id: str | None = None
    epoch: int = 0
    last_seq: int = 0
    tags: tuple[str, ...] = field(default=())
    wake_at: int | None = None
    detail: str = ""


class RunLog(Protocol):
    """The open log of a run that this process owns, until another one claims it."""

    run_id: str
    epoch: int
    last_seq: int

    def append(
        self,
        type: str,
        data: Mapping[str, object],
        *,
        at: int | None = None,
        card: CardChange | None = None,
    ) -> int:
        """Queue one event for the next commit, and give its seq. Never waits.

        Values in `data` that are encoded already are `orjson.Fragment`s: a value is serialised once. Later changes
        of a value do not change the event.
        """

    async def commit(self) -> None:
        """Wait until all that was appended is durable. Raises Fenced when another owner has the run."""


class RunStore(Protocol):
    """Keeps runs and their logs. Every implementation passes tests/store/."""

    async def create(self, card: RunCard) -> None:
        """Store a new pending run. Raises RunAlreadyExists."""

    async def claim(
        self, run_id: str, *, expected: Sequence[RunStatus], status: RunStatus | None = None
    ) -> RunLog | None:
        """Take the run, if its status is one of `expected`: its log under a new epoch. None: somebody was first.

        With `status` the run gets that status in the same act.
        """

    async def load(self, run_id: str, *, after: int = 0) -> list[Event]:
        """The events after that seq, in order, with large values put back. Raises RunNotFound."""

    async def card(self, run_id: str) -> RunCard:
        """The run's card. Raises RunNotFound."""

    async def cards(
        self, *, workflow_id: str | None = None, status: RunStatus | None = None, resource_id: str | None = None
    ) -> list[RunCard]:
        """The cards that match, newest first."""

    async def delete(self, run_id: str) -> None:
        """Forget the run and its log. Raises RunNotFound."""
