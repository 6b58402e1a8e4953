"""News of runs: what was just committed, brought to the sockets of this process, and a nudge to the other ones.

The log is the truth. Whatever this file loses, the watch finds within `POLL_SECONDS`, and a socket reads what lies
beyond its own cursor; so news may come late here, but never wrong.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from django.db import DatabaseError

from runs.engine.log.events import Event, EventType
from runs.engine.log.results import FINAL_STATUSES, RunStatus
from runs.store.redaction import RunRedactor

from . import nudge
from .log import Head, in_reader, read_heads
from .ring import Ring

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5  # how late news of another process may come when its nudge is lost, or when there is none
ENDING_TYPES = frozenset({EventType.RUN_FINISH, EventType.RUN_CANCELED})
STOPPING_TYPES = ENDING_TYPES | {EventType.RUN_SUSPENDED, EventType.RUN_PAUSED}
SETTLED = frozenset({*FINAL_STATUSES, RunStatus.SUSPENDED, RunStatus.PAUSED})  # nothing more comes by itself

_type = attrgetter("type")


class Subscription:
    """One run that sockets of this process follow: its newest lines, and whom to wake. Lives on Daphne's loop."""

    def __init__(self, run_id: str, redactor: RunRedactor, loop: asyncio.AbstractEventLoop) -> None:
        self.run_id = run_id
        self.redactor = redactor
        self.loop = loop
        self.head = Head(0, False, "")
        self.sockets: set[asyncio.Event] = set()
        self.waiting: set[asyncio.Event] = set()  # of those who only want to know that the run stands
        self.ring = Ring(redactor)

    def wants(self, events: Sequence[Event]) -> bool:
        """Whether anybody here is to hear of them. From any thread."""
        return bool(self.sockets) or not STOPPING_TYPES.isdisjoint(map(_type, events))

    def publish(self, events: Sequence[Event]) -> None:
        """Take in what was just committed."""
        if not STOPPING_TYPES.isdisjoint(map(_type, events)):
            _set(self.waiting)
        if not self.sockets:
            return
        self.ring.add(events)
        last = events[-1]
        if last.seq > self.head.last_seq:
            self.head = Head(last.seq, False, self.head.status)
        if not ENDING_TYPES.isdisjoint(map(_type, events)):
            _watch.ask_now()  # only the run's card says whether it has ended: an ended run may be taken up again
        _set(self.sockets)

    def update_head(self, head: Head) -> None:
        """Take in what the run's card says; wake the sockets when it says something new."""
        if head.last_seq < self.head.last_seq:  # read before the news that came meanwhile
            return
        if head != self.head:
            self.head = head
            _set(self.sockets)
            if head.status in SETTLED:
                _set(self.waiting)


def _set(followers: Iterable[asyncio.Event]) -> None:
    for news in followers:
        news.set()


_rooms: dict[str, Subscription] = {}


def publish(run_id: str, events: Sequence[Event]) -> None:
    """Tell of events that were just committed. Called in the thread that committed; never waits, never raises.

    A run that nobody follows costs one look into a dictionary.
    """
    room = _rooms.get(run_id)
    if room is not None and events and room.wants(events):
        try:
            # The loop of the sockets is not this thread's: only this call wakes it.
            room.loop.call_soon_threadsafe(room.publish, events)
        except RuntimeError:  # the loop is closed: the server is going down
            logger.debug("nobody is left to hear of run %s", run_id)
    nudge.send(run_id)


def join(run_id: str, redactor: RunRedactor, news: asyncio.Event, *, until_settled: bool = False) -> Subscription:
    """Follow a run: `news` is set whenever there may be something beyond a cursor; with `until_settled`, only when
    the run may have ended, or waits for an answer. On the sockets' loop."""
    loop = asyncio.get_running_loop()
    room = _rooms.get(run_id)
    if room is None or room.loop is not loop:
        room = _rooms[run_id] = Subscription(run_id, redactor, loop)
    (room.waiting if until_settled else room.sockets).add(news)
    _watch.start(loop)
    return room


def leave(room: Subscription, news: asyncio.Event) -> None:
    """Follow no longer. With its last follower a room goes, and its ring."""
    room.sockets.discard(news)
    room.waiting.discard(news)
    if not room.sockets and not room.waiting and _rooms.get(room.run_id) is room:
        del _rooms[room.run_id]


class Watch:
    """Asks the cards of all followed runs in one query, again and again: for nudges that were lost, and for runs
    that another process works on. Runs only while somebody follows something."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = asyncio.Event()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._task is None or self._task.done() or self._loop is not loop:
            self._loop = loop
            self._asked = asyncio.Event()
            self._task = loop.create_task(self._run(loop), name="live-watch")

    def ask_now(self) -> None:
        self._asked.set()

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        listener = loop.create_task(nudge.listen(self._nudged), name="live-listen")
        try:
            while any(room.loop is loop for room in _rooms.values()):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), POLL_SECONDS)
                self._asked.clear()  # before the read: who asks meanwhile asks for another one
                rooms = {run_id: room for run_id, room in _rooms.items() if room.loop is loop}
                try:
                    _tell(rooms, await in_reader(read_heads, rooms))
                except DatabaseError:
                    logger.warning("the runs that pages follow could not be asked for", exc_info=True)
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            listener.cancel()

    def _nudged(self, run_ids: Sequence[str]) -> None:
        if not _rooms.keys().isdisjoint(run_ids):
            self.ask_now()


def _tell(rooms: Mapping[str, Subscription], heads: Mapping[str, Head]) -> None:
    for run_id, room in rooms.items():
        if run_id in heads:
            room.update_head(heads[run_id])


_watch = Watch()
