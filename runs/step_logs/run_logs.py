"""What steps log belongs to their run: each line is taken from Python's logging, and stored with the run.

Whichever logger a step uses, its lines come by a handler at the root, which knows the step from the context. Lines
are queued, and a thread stores them ten times a second, on SQLite as part of the executor's next commit. A database
that takes no writes fills the queue; what is beyond its end is dropped and counted, as are lines beyond a run's limit.
A process that is killed loses what it logged in its last moment, and nothing that a step returned.
"""

import atexit
import logging
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings

from runs.engine.data.clock import now_ms
from runs.engine.redaction.redactor import Redactor
from runs.engine.walk.current_step import CurrentStep, current_step
from runs.models import RunLog
from runs.store.connection import Connection, is_database_error
from runs.store.side_writer import Committer, SideWriter

logger = logging.getLogger(__name__)

LINES = RunLog._meta.db_table
INSERT = (
    f"INSERT INTO {LINES} (run_id, at, level, logger, step, message, error, dropped)"  # noqa: S608
    " VALUES (%s, %s, %s, %s, %s, %s, %s, 0)"
)
MOST_WAITING = 20_000  # lines of this process that are not stored yet
BATCH = 1_000
FLUSH_SECONDS = 0.1
RETRY_SECONDS = 0.25
LAST_SECONDS = 2.0
RUNS_REMEMBERED = 10_000
CUT_CHARACTERS = 4_096  # beyond the longest line, that are searched for secrets
NO_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))
_traceback = logging.Formatter()


class Line(NamedTuple):
    run_id: str
    at: int
    level: int
    logger: str
    step: str
    message: str
    error: str


class RunLogHandler(logging.Handler):
    """Takes what is logged inside a step; anything else is not for it. From any thread."""

    def __init__(self, keeper: "RunLogKeeper") -> None:
        super().__init__()
        self._keeper = keeper

    def emit(self, record: logging.LogRecord) -> None:
        step = current_step.get()
        if step is None or not self._keeper.has_room(step.run_id):
            return
        try:
            self._keeper.take(self._line(record, step))
        except Exception:
            self.handleError(record)

    def _line(self, record: logging.LogRecord, step: CurrentStep) -> Line:
        message = _message(record)
        error = record.exc_text or ""
        if not error and record.exc_info and record.exc_info[0] is not None:
            error = _traceback.formatException(record.exc_info)
        if record.stack_info:
            error = f"{error}\n{record.stack_info}".strip()
        hide = redactor_of_step(step).line
        return Line(
            step.run_id,
            int(record.created * 1000),
            max(min(record.levelno, 32_767), 0),
            record.name[:200],
            step.path[:500],
            shortened(hide(_beginning(message))),
            shortened(hide(_beginning(error))),
        )


def redactor_of_step(step: CurrentStep) -> Redactor:
    """The run's redactor, which knows what this step was given, too: learned once for each attempt."""
    redactor = step.redactor
    if not step.is_learned:
        step.is_learned = True
        for value in step.given():
            redactor.learn(value)
    return redactor


def _beginning(text: str) -> str:
    """What may be stored of a text, and a little more: a secret at the cut is found whole."""
    return text[: settings.ENV.wfconsole_run_log_line_bytes + CUT_CHARACTERS]


def _message(record: logging.LogRecord) -> str:
    """structlog hands on a mapping where others hand on a text."""
    if not isinstance(record.msg, Mapping):
        return record.getMessage()
    values = {str(key): value for key, value in record.msg.items() if not str(key).startswith("_")}
    told = str(values.pop("event", ""))
    for name in ("level", "logger", "timestamp", "exc_info"):
        values.pop(name, None)
    return " ".join([told, *(f"{key}={value!r}" for key, value in values.items())])


def shortened(text: str) -> str:
    """The text as it can be stored: without control characters, and no longer than a line may be."""
    most = settings.ENV.wfconsole_run_log_line_bytes
    text = text.translate(NO_CONTROLS).rstrip()
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return data.decode()
    left = data[:most].decode("utf-8", "ignore")
    return f"{left}… ({len(data) - most} bytes more)"


class RunLogKeeper:
    """Lines on their way to the database. take() from any thread."""

    def __init__(self) -> None:
        self.executor: Committer | None = None
        self._lines: deque[Line] = deque()
        self._kept: OrderedDict[str, int] = OrderedDict()  # lines that each run has, as far as it is remembered
        self._too_many: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._writer = SideWriter(self._closing)

    def has_room(self, run_id: str) -> bool:
        """Whether a line more of this run is kept; one that is not is counted here."""
        if self._kept.get(run_id, 0) < settings.ENV.wfconsole_run_log_lines and len(self._lines) < MOST_WAITING:
            return True
        self._drop(run_id, 1)
        return False

    def take(self, line: Line) -> None:
        self._lines.append(line)
        self._rouse()

    def _drop(self, run_id: str, count: int) -> None:
        with self._lock:
            self._too_many[run_id] += count
        self._rouse()

    def _rouse(self) -> None:
        if self._wake.is_set():
            return
        self._wake.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._live, name="run logs", daemon=True)
                    self._thread.start()
                    atexit.register(self.close)

    def close(self) -> None:
        """Store what is left, for a moment."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(LAST_SECONDS)

    # --- The thread ---

    def _live(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(FLUSH_SECONDS)
            self._wake.clear()
            try:
                self._flush()
            except Exception:
                logger.exception("Log lines of runs could not be stored.")
        with suppress(Exception):
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        while self._lines or self._too_many:
            lines: list[Line] = []
            with suppress(IndexError):
                while len(lines) < BATCH:
                    lines.append(self._lines.popleft())
            with self._lock:
                dropped, self._too_many = self._too_many, Counter()
            self._insist(lines, dropped)

    def _insist(self, lines: list[Line], dropped: Mapping[str, int]) -> None:
        while True:
            try:
                kept = self._writer.write(lambda connection: self._write(connection, lines, dropped), self.executor)
            except Exception as error:
                if not is_database_error(error):
                    raise
                self._writer.close()
                if self._closing.wait(RETRY_SECONDS):
                    return
            else:
                break
        for run_id, count in kept.items():
            self._kept[run_id] = count
            self._kept.move_to_end(run_id)
        while len(self._kept) > RUNS_REMEMBERED:
            self._kept.popitem(last=False)

    def _write(self, connection: Connection, lines: Iterable[Line], dropped: Mapping[str, int]) -> dict[str, int]:
        """How many lines each of these runs has now. In the caller's transaction, and maybe more than once."""
        by_run: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            by_run[line.run_id].append(line)
        kept, gone = {}, Counter(dropped)
        for run_id, its in by_run.items():
            have = self._kept.get(run_id)
            if have is None:
                sql = f"SELECT COUNT(*) FROM {LINES} WHERE run_id = %s AND dropped = 0"  # noqa: S608
                have = connection.execute(sql, (run_id,)).fetchone()[0]
            room = max(settings.ENV.wfconsole_run_log_lines - have, 0)
            connection.executemany(INSERT, its[:room])
            kept[run_id] = have + min(room, len(its))
            if len(its) > room:
                gone[run_id] += len(its) - room
        for run_id, count in gone.items():
            _count_dropped(connection, run_id, count)
        return kept


def _count_dropped(connection: Connection, run_id: str, count: int) -> None:
    sql = f"UPDATE {LINES} SET dropped = dropped + %s WHERE run_id = %s AND dropped > 0"  # noqa: S608
    if connection.execute(sql, (count, run_id)).rowcount == 0:
        sql = (
            f"INSERT INTO {LINES} (run_id, at, level, logger, step, message, error, dropped)"  # noqa: S608
            " VALUES (%s, %s, 0, '', '', '', '', %s)"
        )
        connection.execute(sql, (run_id, now_ms(), count))


keeper = RunLogKeeper()  # of this process; at rest until a step logs


def capture(executor: Committer) -> None:
    """Take what the steps that this executor runs log from now on."""
    keeper.executor = executor
    root = logging.getLogger()
    if not any(isinstance(handler, RunLogHandler) for handler in root.handlers):
        root.addHandler(RunLogHandler(keeper))
    structlog = sys.modules.get("structlog")
    if structlog is not None and not structlog.is_configured():
        # A workflow uses structlog as it comes, which would print past all logging.
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.filter_by_level,
                structlog.processors.format_exc_info,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
            cache_logger_on_first_use=False,
        )
