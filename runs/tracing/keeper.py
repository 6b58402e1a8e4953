"""Keeps this process's spans until they are stored: in batches, in a thread, and never in the way of a run.

A span that ends is put in a queue. Every 100 ms, or when there are enough, the thread makes rows of what is there and
has them stored: on SQLite by the executor's writer, as part of its next commit, so that two writers never wait for
each other; else by a connection of its own. Spans that stay open for a while are stored as open ones, and renewed when
they end. A database that takes no writes fills the queue; beyond its end the oldest are dropped, and counted.
"""

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from runs.engine.walk.current_step import current_step

from .rows import REQUEST_RUN, Row, row_of, row_of_other, signed
from .run_span import RunSpan
from .span_redaction import REDACTOR

if TYPE_CHECKING:
    from runs.store.side_writer import Committer, SideWriter

logger = logging.getLogger(__name__)

BATCH = 256  # at most so many in one commit
# So many are worth one. Not more: a run whose commit takes them along waits for them, and for the thread that makes
# their rows; two hundred made one run in a hundred three times as long.
ENOUGH = 64
MOST_WAITING = 100_000
FLUSH_SECONDS = 0.1
OPEN_SECONDS = 0.25  # a span that is shorter is never stored as an open one
LAST_SECONDS = 3.0  # for what is left when the process ends
RETRY_SECONDS = 0.25
IN_RUN = "wfconsole_in_run"  # marks spans of the SDK that hang below a run's


class SpanKeeper(SpanProcessor):
    """Takes the spans of runs as their watcher, and those that hang below or above them as a processor of the SDK.

    Both from any thread. What else this process traces is not kept: it belongs to no run.
    """

    def __init__(self) -> None:
        self.committer: Committer | None = None
        self.stored = 0
        self.dropped = 0
        self._ended: deque[RunSpan | ReadableSpan] = deque()
        self._open: dict[int, RunSpan | Span] = {}  # by span id
        self._renewed: set[int] = set()  # ids of the SDK's spans that are stored as open
        self._is_awake = False
        self._is_busy = False  # with spans that are in the queue no more
        self._wake = threading.Event()  # there is something to do
        self._full = threading.Event()  # and it is enough, or the end
        self.closing = threading.Event()
        self._give_up_at = 0.0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._store: Store | None = None

    @property
    def waiting(self) -> int:
        """Spans that have ended and are not stored yet."""
        return len(self._ended)

    def write_with(self, committer: "Committer") -> None:
        """Have somebody else than this process's executor commit the spans."""
        self.committer = committer

    # --- Whoever makes spans ---

    def began(self, span: RunSpan) -> None:
        self._open[span.span_number] = span
        if not self._is_awake:
            self._rouse()

    def ended(self, span: RunSpan) -> None:
        self._open.pop(span.span_number, None)
        self._take(span)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        above = otel.get_current_span(parent_context)
        if isinstance(above, RunSpan) or getattr(above, IN_RUN, False):
            setattr(span, IN_RUN, True)
            step = current_step.get()
            setattr(span, REDACTOR, step.redactor if step is not None else getattr(above, "redactor", None))
            self._open[span.context.span_id] = span
            if not self._is_awake:
                self._rouse()

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None:
            return
        opened = self._open.pop(span.context.span_id, None)
        is_of_run = opened is not None
        if is_of_run:  # the SDK hands on a copy, without what was set on the span
            setattr(span, REDACTOR, getattr(opened, REDACTOR, None))
        if is_of_run or (span.kind is otel.SpanKind.SERVER and REQUEST_RUN in (span.attributes or {})):
            self._take(span)

    def _take(self, span: RunSpan | ReadableSpan) -> None:
        if len(self._ended) >= MOST_WAITING:
            with suppress(IndexError):  # the thread has just emptied it
                self._ended.popleft()
            self.dropped += 1
        self._ended.append(span)
        if not self._is_awake:
            self._rouse()
        elif len(self._ended) == ENOUGH:
            self._full.set()

    def _rouse(self) -> None:
        self._is_awake = True
        self._wake.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None and not self.closing.is_set():
                    self._thread = threading.Thread(target=self._live, name="spans", daemon=True)
                    self._thread.start()
                    atexit.register(self.close)

    def shutdown(self) -> None:
        """The SDK's word for close()."""
        self.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until what has ended by now is stored. Whether it was, in this time."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._ended or self._is_busy:
            self._full.set()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Store what is left, for so many seconds at most."""
        self._give_up_at = time.monotonic() + seconds
        self.closing.set()
        self._full.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds + 1)

    # --- The thread ---

    def _live(self) -> None:
        self._store = Store(self)
        while not self.closing.is_set():
            self._wake.wait()
            self._full.wait(FLUSH_SECONDS)
            try:
                self._flush()
            except Exception:
                logger.exception("Spans could not be stored.")
                time.sleep(RETRY_SECONDS)
            if not self._ended and not self._open:
                self._wake.clear()
                self._is_awake = False
                if self._ended or self._open:  # meanwhile
                    self._is_awake = True
                    self._wake.set()
        with suppress(Exception):
            self._flush()
        self._store.close()

    def _flush(self) -> None:
        while True:
            self._is_busy = True
            spans = self._some()
            early = self._long_open() if len(spans) < BATCH else []
            if len(self._ended) < ENOUGH:
                self._full.clear()
            if spans or early:
                self._keep([row for span in spans if (row := self._row(span)) is not None], early)
            self._is_busy = False
            if len(spans) < BATCH or (self.closing.is_set() and time.monotonic() > self._give_up_at):
                return

    def _some(self) -> list[RunSpan | ReadableSpan]:
        spans: list[RunSpan | ReadableSpan] = []
        with suppress(IndexError):
            while len(spans) < BATCH:
                spans.append(self._ended.popleft())
        return spans

    def _row(self, span: RunSpan | ReadableSpan) -> tuple[Row, bool] | None:
        """The row, and whether it renews one that is stored already. None: nothing can be made of it."""
        try:
            if isinstance(span, RunSpan):
                return row_of(span), span.is_stored
            row = row_of_other(span)
        except Exception:
            logger.exception("The span %s cannot be stored.", span.name)
            self.dropped += 1
            return None
        was_open = row.span_id in self._renewed
        self._renewed.discard(row.span_id)
        return row, was_open

    def _long_open(self) -> list[tuple[Row, Any]]:
        """Open spans that are not stored yet, though they have been open for a while."""
        before = time.time_ns() - int(OPEN_SECONDS * 1e9)
        found: list[tuple[Row, Any]] = []
        for span in self._open.copy().values():
            if span.start_time is None or span.start_time > before or self._is_stored(span):
                continue
            with suppress(RuntimeError):  # it got an attribute just now; the next round sees it
                found.append((row_of(span) if isinstance(span, RunSpan) else row_of_other(span), span))
        # One that ended since then has its row in the queue's next batch, which renews this one.
        return [(row, span) for row, span in found if row.end_ns is None]

    def _is_stored(self, span: RunSpan | Span) -> bool:
        return span.is_stored if isinstance(span, RunSpan) else signed(span.context.span_id) in self._renewed

    def _keep(self, rows: list[tuple[Row, bool]], early: Sequence[tuple[Row, Any]]) -> None:
        new = [row for row, renews in rows if not renews] + [row for row, _ in early]
        renewed = [row for row, renews in rows if renews]
        for row, span in early:  # before the rows are written: a span that ends meanwhile must know of its row
            if isinstance(span, RunSpan):
                span.is_stored = True
            else:
                self._renewed.add(row.span_id)
        assert self._store is not None  # noqa: S101
        lost = self._store.write(new, renewed)
        self.dropped += lost
        self.stored += len(rows) - lost


class Store:
    """Writes rows, whatever it takes. For one thread."""

    def __init__(self, keeper: SpanKeeper) -> None:
        self._keeper = keeper
        self._closing = keeper.closing
        self._writer: SideWriter | None = None

    def write(self, new: list[Row], renewed: list[Row]) -> int:
        """How many were lost: refused by the database, or still there at the end of the process."""
        from django.apps import apps

        while not apps.ready:  # a server has spans before it has a database
            if self._closing.wait(RETRY_SECONDS):
                return len(new) + len(renewed)
        return self._insist(new, renewed)

    def _insist(self, new: list[Row], renewed: list[Row]) -> int:
        from runs.executor import dispatch
        from runs.store.connection import is_database_error
        from runs.store.side_writer import SideWriter

        from .statements import write_rows

        writer = self._writer = self._writer or SideWriter(self._closing)
        while True:
            try:
                writer.write(
                    lambda conn: write_rows(conn, new, renewed), self._keeper.committer or dispatch.executor_here()
                )
                return 0
            except Exception as error:
                if is_database_error(error):
                    writer.close()
                    if self._closing.wait(RETRY_SECONDS):
                        return len(new) + len(renewed)
                elif len(new) + len(renewed) == 1:
                    logger.error("The database refused a span: %s", error)
                    return 1
                else:
                    return sum(self._insist([row], []) for row in new) + sum(self._insist([], [row]) for row in renewed)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
