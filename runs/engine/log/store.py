"""Where runs are stored, as the engine sees it: the protocols that every store fulfils."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypedDict

from ..data.clock import now_ms as now_ms
from ..errors import Fenced, RunAlreadyExists, RunNotFound
from .events import Event, encode_event_data, put_back
from .results import RunStatus


class CardChange(TypedDict, total=False):
    """What an event changes on the run's card, committed with that event. Times in epoch milliseconds."""

    status: RunStatus
    started_at: int
    ended_at: int
    wake_at: int | None
    deadline_at: int | None
    tags: Sequence[str]
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
        data: Mapping[str, object] | bytes,
        *,
        at: int | None = None,
        card: CardChange | None = None,
    ) -> int:
        """Queue one event for the next commit, and give its seq. Never waits.

        Values in `data` that are encoded already are `orjson.Fragment`s: a value is serialised once. Data that is
        encoded as a whole is the bytes of an object. Later changes of a value do not change the event.
        """

    async def commit(self) -> None:
        """Wait until all that was appended is durable. Raises Fenced when another owner has the run."""


class RunStore(Protocol):
    """Keeps runs and their logs. Every implementation passes tests/store/."""

    async def create(self, card: RunCard) -> None:
        """Store a new pending run. Raises RunAlreadyExists."""

    async def begin(self, card: RunCard) -> RunLog | None:
        """Store a new pending run and take it, in one act: its log. None: there is a run of this id."""

    async def claim(
        self, run_id: str, *, expected: Sequence[RunStatus], status: RunStatus | None = None
    ) -> RunLog | None:
        """Take the run, if its status is one of `expected`: its log under a new epoch. None: another owner was first.

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


class MemoryRunLog:
    """The open log of a run in a MemoryRunStore. What is appended is committed at once."""

    __slots__ = ("_card", "_events", "epoch", "last_seq", "run_id")

    def __init__(self, card: RunCard, events: list[Event]) -> None:
        self.run_id = card.run_id
        self.epoch = card.epoch
        self.last_seq = card.last_seq
        self._card = card
        self._events = events

    def append(
        self,
        type: str,
        data: Mapping[str, object] | bytes,
        *,
        at: int | None = None,
        card: CardChange | None = None,
    ) -> int:
        """See RunLog. The events of a log that was taken over are not stored, and commit() raises."""
        encoded = encode_event_data(data)
        self.last_seq = seq = self.last_seq + 1
        if self._card.epoch != self.epoch:
            return seq
        moment = now_ms() if at is None else at
        self._events.append(Event(seq, type, moment, encoded))
        self._card.last_seq = seq
        if card is not None:
            self._card.updated_at = moment
            for name in ("status", "wake_at", "detail"):
                if name in card:
                    setattr(self._card, name, card[name])
        return seq

    async def commit(self) -> None:
        """Everything is stored already. Raises Fenced when another owner has the run."""
        if self._card.epoch != self.epoch:
            raise Fenced(f"Run {self.run_id} was taken over.")


class MemoryRunStore:
    """Runs in this process's memory: for tests, scripts and runs that need not survive."""

    def __init__(self) -> None:
        self._cards: dict[str, RunCard] = {}
        self._events: dict[str, list[Event]] = {}

    async def create(self, card: RunCard) -> None:
        """See RunStore."""
        if card.run_id in self._cards:
            raise RunAlreadyExists(f"There is a run {card.run_id} already.")
        self._cards[card.run_id] = replace(card)
        self._events[card.run_id] = []

    async def begin(self, card: RunCard) -> MemoryRunLog | None:
        """See RunStore."""
        if card.run_id in self._cards:
            return None
        await self.create(card)
        return await self.claim(card.run_id, expected=[card.status])

    async def claim(
        self, run_id: str, *, expected: Sequence[RunStatus], status: RunStatus | None = None
    ) -> MemoryRunLog | None:
        """See RunStore."""
        card = self._card(run_id)
        if card.status not in expected:
            return None
        card.epoch += 1
        if status is not None:
            card.status = status
        return MemoryRunLog(card, self._events[run_id])

    async def load(self, run_id: str, *, after: int = 0) -> list[Event]:
        """See RunStore."""
        self._card(run_id)
        return put_back(self._events[run_id])[after:]

    async def card(self, run_id: str) -> RunCard:
        """See RunStore."""
        return replace(self._card(run_id))

    async def cards(
        self, *, workflow_id: str | None = None, status: RunStatus | None = None, resource_id: str | None = None
    ) -> list[RunCard]:
        """See RunStore."""
        return [
            replace(card)
            for card in sorted(self._cards.values(), key=lambda card: (card.created_at, card.run_id), reverse=True)
            if (workflow_id is None or card.workflow_id == workflow_id)
            and (status is None or card.status == status)
            and (resource_id is None or card.resource_id == resource_id)
        ]

    async def delete(self, run_id: str) -> None:
        """See RunStore."""
        self._card(run_id).epoch += 1  # who still works on it is fenced off
        del self._cards[run_id], self._events[run_id]

    def _card(self, run_id: str) -> RunCard:
        card = self._cards.get(run_id)
        if card is None:
            raise RunNotFound(f"There is no run {run_id}.")
        return card
