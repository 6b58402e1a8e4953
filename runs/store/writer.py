"""The writer: commits the hot writes of many runs together, and loses none.

Whatever one tick of the event loop has produced goes into one transaction. On SQLite the loop itself commits at the
end of the tick: handing over to a thread and back costs more than the commit. Where a commit may take long, on
PostgreSQL and with `synchronous=FULL`, and whenever the database is locked, a thread does it, and what comes meanwhile
is the next batch.

A database that is locked, full, read-only or gone loses nothing: the batch is kept and tried until it succeeds, those
who wait for it go on waiting, and `trouble` tells the reason in one sentence.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from django.conf import settings

from runs.engine.errors import Fenced
from runs.engine.log.events import Event
from runs.engine.walk.writer import DONE

from .announcements import announce
from .background import Background
from .batch import Batch, Operation
from .connection import Connection, connect, is_database_error
from .pending_writes import PendingWrites

logger = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_MS = 5  # the loop waits no longer than this for another writer; the thread may
CHUNK_SECONDS = 0.005  # events that nobody waits for are committed together, this often at most
ALONE_SECONDS = 0.005
RETRY_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
TROUBLE_SECONDS = 1.0  # a lock that lasts less is none


class Writer:
    """Commits what the logs of one event loop append. Not to be shared by threads; `trouble` may be read anywhere."""

    def __init__(self, *, in_loop: bool | None = None) -> None:
        """`in_loop`: whether the loop itself commits; None: as suits the database."""
        self.trouble = ""
        self.commits = 0
        if in_loop is None:
            in_loop = not settings.ON_POSTGRESQL and settings.ENV.wfconsole_sqlite_synchronous == "normal"
        self._in_loop = in_loop
        self._connection: Connection | None = None
        self._thread: Background | None = None
        self._thread_busy = False  # changed on the loop alone
        self._closing = threading.Event()
        self._give_up_at = 0.0
        # The next commit, at the end of this tick or a little later. One that was made before its time is not called
        # off: when it comes, it finds nothing to do.
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.Handle | None = None
        self._logs: dict[PendingWrites, None] = {}
        self._acts: list[Operation] = []
        self._flushed_at = 0.0
        self._yielded_at = 0.0

    # --- What the logs and the store call, on the loop ---

    def enqueue(self, log: PendingWrites) -> None:
        """The log has got its first event since its last commit."""
        self._logs[log] = None
        if self._turn is None and self._timer is None and not self._thread_busy:
            loop = asyncio.get_running_loop()
            wait = self._flushed_at + CHUNK_SECONDS - time.monotonic()
            if wait <= 0:
                self._turn = loop.call_soon(self._take_turn)
            else:
                self._timer = loop.call_later(wait, self._take_time)

    def flush_now(self) -> None:
        """A log has piled up many events without a pause: commit them now, unless the thread is at it."""
        if self._in_loop and not self._thread_busy:
            self._flush()

    def committed(self, log: PendingWrites) -> Awaitable[None]:
        """Wait until all that this log has appended is durable. Raises Fenced, now or when it is awaited."""
        loop = asyncio.get_running_loop()
        if self._is_alone(loop):
            self._logs[log] = None
            self._flush()
            if log.write is None:  # done; else the database is locked, and the thread is at it
                if log.error is not None:
                    raise log.error
                return DONE
        waiter: asyncio.Future[None] = loop.create_future()
        if not log.events and log.write is not None:
            log.write.waiters.append(waiter)
        else:
            log.waiters.append(waiter)
            self._logs[log] = None
            self._soon()
        return waiter

    async def perform(
        self, act: Callable[[Connection], T], was_applied: Callable[[Connection, T], bool] | None = None
    ) -> T:
        """Carry out an act in the next transaction; its outcome, once that is durable.

        An act may be carried out again when the transaction had to be: it keeps nothing outside the database. One that
        would find its own traces then brings a `was_applied`; see Act.
        """
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._acts.append(Operation(act, waiter, was_applied))
        if self._is_alone(loop):
            self._flush()
            if waiter.done():
                return waiter.result()
        else:
            self._soon()
        return await waiter

    def _is_alone(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether nothing else of this tick could join the next commit: then it is made at once, and the two ways
        through the loop are saved. Not for long, or timers and sockets would wait for a run of many quick steps."""
        ready = getattr(loop, "_ready", None)  # other loops than asyncio's own have none: there, it is never alone
        if ready is None or not self._in_loop or self._thread_busy or len(ready) > (self._turn is not None):
            return False
        now = time.monotonic()
        if now - self._yielded_at > ALONE_SECONDS:
            self._yielded_at = now  # from here on it is the loop's turn first
            return False
        return True

    def _soon(self) -> None:
        """Commit at the end of this tick."""
        if self._turn is None and not self._thread_busy:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        self._flush()

    def _take_time(self) -> None:
        self._timer = None
        self._flush()

    # --- One flush ---

    def _flush(self) -> None:
        if self._thread_busy:
            return  # what has come meanwhile is the next batch
        batch = self._take()
        if not batch:
            return
        if self._in_loop:
            try:
                batch.commit(self._connected())
            except Exception as error:
                if not is_database_error(error):
                    logger.debug("A batch is tried again in parts: %s", error)
            else:
                self._settle(batch)
                return
        self._thread_busy = True
        self._thread = self._thread or Background("writer")
        loop = asyncio.get_running_loop()
        self._thread.submit(lambda: self._commit_with_retry(batch, loop))

    def _take(self) -> Batch:
        batch = Batch(acts=self._acts)
        for log in self._logs:
            batch.writes.append(log.take())
        self._logs, self._acts = {}, []
        return batch

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect()
            if not settings.ON_POSTGRESQL:
                self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
                self._connection.execute("PRAGMA wal_autocheckpoint = 0")  # checkpoints.py does it, in its own thread
        return self._connection

    def _commit_with_retry(self, batch: Batch, loop: asyncio.AbstractEventLoop) -> None:
        """Commit, however long it takes. In the thread."""
        self._commit_at_last(batch)
        try:
            loop.call_soon_threadsafe(self._settled_in_thread, batch)
        except RuntimeError:
            logger.debug("The loop has ended before a batch of it was committed.")

    def _commit_at_last(self, batch: Batch) -> None:
        began = time.monotonic()
        attempt = 0
        while True:
            try:
                if not batch.was_committed(self._connected()):
                    batch.commit(self._connected())
            except Exception as error:
                if not is_database_error(error):
                    self._commit_parts(batch, error)
                    break
                if self._closing.is_set() and time.monotonic() > self._give_up_at:
                    logger.error("The database refused the last writes of this process: %s", error)
                    _refuse(batch, error)
                    return
                self._note_trouble(error, time.monotonic() - began)
            else:
                break
            time.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1
        if self.trouble:
            logger.warning("The database takes writes again.")
            self.trouble = ""

    def _note_trouble(self, error: Exception, lasting: float) -> None:
        if self._connection is not None and not self._connection.is_usable:
            self._connection.close()
            self._connection = None
        words = database_error_words(error)
        if lasting >= TROUBLE_SECONDS and words != self.trouble:
            logger.warning("%s Nothing is lost; the writes are tried again. (%s)", words, error)
            self.trouble = words

    def _commit_parts(self, batch: Batch, error: Exception) -> None:
        """The database refuses a statement: find whose it is, so that the others do not fail with it."""
        parts = batch.alone()
        if len(parts) == 1:
            logger.error("The database refused a write: %s", error)
            _refuse(batch, error)
            return
        for part in parts:
            self._commit_at_last(part)

    def _settled_in_thread(self, batch: Batch) -> None:
        self._thread_busy = False
        self._settle(batch)
        if self._logs or self._acts:
            self._soon()

    def _settle(self, batch: Batch) -> None:
        """Tell everybody how it went. On the loop."""
        self.commits += 1
        self._flushed_at = time.monotonic()
        told: dict[str, list[Event]] = {}
        for act in batch.acts:
            _answer(act.waiter, act.outcome, act.error)
            for run_id, event in act.published if act.error is None else ():
                told.setdefault(run_id, []).append(event)
        for write in batch.writes:
            write.log.settle(write)
            error = write.error or (Fenced(f"run {write.run_id} has another owner") if write.fenced else None)
            for waiter in write.waiters:
                _answer(waiter, None, error)
            if error is None and write.events:
                told[write.run_id] = [*told.get(write.run_id, ()), *write.events, *write.published]
        if told:
            announce(told)

    def close(self, seconds: float = 5.0) -> None:
        """Commit what is left, for so many seconds at most, and let the database go. On the loop, or after its end."""
        self._give_up_at = time.monotonic() + seconds
        self._closing.set()
        if self._thread is not None:
            self._thread.close(seconds + 1)
            self._thread = None
            self._thread_busy = False
        if batch := self._take():
            self._commit_at_last(batch)
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _refuse(batch: Batch, error: Exception) -> None:
    """Set the error on each part of a batch: its waiters raise it, and its events are not announced."""
    for act in batch.acts:
        act.error = error
    for write in batch.writes:
        write.error = error


def _answer(waiter: asyncio.Future | None, outcome: object, error: Exception | None) -> None:
    if waiter is None or waiter.done():  # whoever waited was canceled
        return
    if error is None:
        waiter.set_result(outcome)
    else:
        waiter.set_exception(error)


DAMAGED = "The database file is damaged: stop the console, and restore a backup."
UNREACHABLE = "The database does not answer."


def database_error_words(error: BaseException) -> str:
    """One sentence for a page, without a path or a host."""
    text = str(error)
    for part, words in {
        "locked": "The database is locked by another program.",
        "full": "The disk of the database is full.",
        "No space left": "The disk of the database is full.",
        "readonly": "The database is read-only.",
        "read-only": "The database is read-only.",
        "malformed": DAMAGED,
        "not a database": DAMAGED,
        "unable to open": "The database file cannot be opened.",
        "connection": UNREACHABLE,
        "starting up": UNREACHABLE,
        "shutting down": UNREACHABLE,
    }.items():
        if part in text:
            return words
    return "The database does not take writes."
