"""The redactor of a stored run: what its version's schemas mark, and the secrets that its log holds."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from django.db import connection

from runs.engine.errors import MissingValue
from runs.engine.log.events import CHUNK_TYPES, Event, EventType
from runs.engine.redaction.redactor import Redactor
from runs.models import WorkflowRun, WorkflowVersion

from .batch import EVENTS
from .history import as_bytes, select_events

RUNS_CACHED = 256
ROWS_AT_ONCE = 500
STARTS = frozenset({EventType.RUN_START, EventType.RUN_TIME_TRAVEL})
ANSWERS = ("resumeData", "resumePayload")
INPUTS = ("input", "inputGiven")
LARGE_PARTS = frozenset(
    {*INPUTS, "given", "initialState", "initialStateGiven", "requestContext", "tracingOptions", "resumeData", "state"}
)
_CHUNKS = ", ".join(f"'{kind}'" for kind in sorted(CHUNK_TYPES))
_NEXT = (
    f"SELECT seq, type, data, large FROM {EVENTS}"  # noqa: S608
    f" WHERE run_id = %s AND seq > %s AND seq <= %s AND type NOT IN ({_CHUNKS}) ORDER BY seq"
)


class RunRedactor(Redactor):
    """Knows the secrets of a run's log up to an event, and reads on when it is asked for a later one. From any thread.

    What is known when a line is read is taken out of it. Downloads and digests know the whole log first, so they agree;
    a line that was sent before its secret became known as one is redacted from then on.
    """

    def __init__(self, run_id: str, names: Redactor) -> None:
        self._take_names(names, (run_id,))
        self.run_id = run_id
        self.reached = 0  # the last event whose secrets are known
        self._lock = threading.Lock()

    def reach(self, seq: int) -> None:
        """Know the secrets of all events up to this one. Reads the database."""
        if seq <= self.reached:
            return
        with self._lock, connection.cursor() as cursor:
            cursor.execute(_NEXT, [self.run_id, self.reached, seq])
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                for number, type, data, large in rows:
                    self._take(number, type, as_bytes(data), large)
            self.reached = max(self.reached, seq)

    def follow(self, events: Sequence[Sequence]) -> bool:
        """Know the secrets of events that follow on what is known (seq, type, at, data, large), without reading.

        False: they do not follow, hold a value that is kept apart, or another thread reads; nothing was taken. Never
        waits.
        """
        if not events or max(events[0][0], events[-1][0]) <= self.reached:
            return True
        if not self._lock.acquire(blocking=False):
            return False
        try:
            new = [event for event in events if event[0] > self.reached]
            if not new:
                return True
            has_gap = new[0][0] != self.reached + 1 or new[-1][0] - new[0][0] + 1 != len(new)
            if has_gap or any(event[4] for event in new if event[1] not in CHUNK_TYPES):
                return False
            for seq, type, _, data, _ in new:
                if type not in CHUNK_TYPES:
                    self._take(seq, type, bytes(data), None)
            self.reached = new[-1][0]
            return True
        finally:
            self._lock.release()

    def take_log(self, events: Sequence[Event]) -> None:
        """Know the secrets of a log that was read already: all its events but chunks, with what is kept apart."""
        with self._lock:
            for event in events:
                if event.seq > self.reached:
                    self._take(event.seq, event.type, event.data, None)
                    self._take_parts(event)
                    self.reached = event.seq

    def _take(self, seq: int, type: str, text: bytes, large: Any) -> None:
        with suppress(orjson.JSONDecodeError, AttributeError):  # who reads the event says so
            if self._input_is_secret and type in STARTS:
                data = orjson.loads(text)
                for key in INPUTS:
                    self.learn_secret(data.get(key))
            if self._answer_is_secret:
                data = orjson.loads(text)
                for key in ANSWERS:
                    self.learn_secret(data.get(key))
            self.learn_text(text)
        if large:
            self._take_large(seq)

    def _take_large(self, seq: int) -> None:
        with connection.cursor() as cursor:

            def execute(sql: str, values: Sequence[Any]) -> Any:
                cursor.execute(sql, values)
                return cursor

            for event in select_events(execute, self.run_id, seqs=[seq]):
                self._take_parts(event)

    def _take_parts(self, event: Event) -> None:
        large = event.large or {}
        for key in large:
            if key in LARGE_PARTS:
                with suppress(MissingValue, orjson.JSONDecodeError):  # who reads the event says so
                    self._take_part(key, large[key])

    def _take_part(self, key: str, text: bytes) -> None:
        if (key in INPUTS and self._input_is_secret) or (key in ANSWERS and self._answer_is_secret):
            self.learn_secret(orjson.loads(text))
        self.learn_text(text)

    def events(self, events: Sequence[Event]) -> list[Event]:
        """The events of a log, redacted by all that is known."""
        texts = self.texts([event.data for event in events])
        return [
            event._replace(data=text, large=RedactedValues(self, event.large) if event.large else None)
            for event, text in zip(events, texts, strict=True)
        ]


class RedactedValues(Mapping[str, bytes]):
    """The large values of an event, each redacted when it is asked for."""

    __slots__ = ("_redactor", "_values")

    def __init__(self, redactor: Redactor, values: Mapping[str, bytes]) -> None:
        self._redactor = redactor
        self._values = values

    def __getitem__(self, key: str) -> bytes:
        """Raises MissingValue."""
        return self._redactor.json(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


_cached: OrderedDict[tuple[str, datetime], RunRedactor] = OrderedDict()
_cache_lock = threading.Lock()


def redactor_of(run_id: str) -> RunRedactor | None:
    """The redactor of a run, which knows what its log holds by now; None: there is no such run. Reads the database."""
    card = WorkflowRun.objects.filter(pk=run_id).values_list("version_id", "created_at", "last_seq").first()
    return None if card is None else _redactor(run_id, *card)


def redactor_for(run: WorkflowRun, seq: int = 0) -> RunRedactor:
    """The redactor of a run, which knows at least what the log holds up to an event."""
    return _redactor(run.pk, run.version_id, run.created_at, seq)


def _redactor(run_id: str, version_id: int, created_at: datetime, seq: int) -> RunRedactor:
    key = (run_id, created_at)  # a run that was deleted may have a successor with its id
    with _cache_lock:
        redactor = _cached.get(key)
        if redactor is None:
            redactor = _cached[key] = RunRedactor(run_id, names_of_version(version_id))
        _cached.move_to_end(key)
        while len(_cached) > RUNS_CACHED:
            _cached.popitem(last=False)
    redactor.reach(seq)
    return redactor


@lru_cache(maxsize=512)  # a version never changes
def names_of_version(version_id: int) -> Redactor:
    """What the schemas of a version mark. Reads the database, once for each version."""
    version = WorkflowVersion.objects.get(pk=version_id)
    steps = {path: step for path, step in version.steps.items() if isinstance(step, Mapping)}
    redactor = Redactor.of(*_schemas(version, steps))
    redactor.mark_whole(version.input_schema, *(step.get("resumeSchema") for step in steps.values()))
    ids = {str(step.get("id")) for step in steps.values()}
    redactor.never_secret([version.definition_id, *steps, *ids])
    return redactor


def _schemas(version: WorkflowVersion, steps: Mapping[str, Mapping]) -> Iterator[Mapping]:
    for schema in (version.input_schema, version.output_schema, version.state_schema, version.request_context_schema):
        if isinstance(schema, Mapping):
            yield schema
    for step in steps.values():
        for part in step.values():
            if isinstance(part, Mapping):
                yield part
