"""Answers that take as long as a run does: its result once there is one, its records as they come.

Neither holds a thread while it waits, and neither is the run: a client that goes away ends its own answer alone.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from django.db.models import CharField
from django.http import HttpResponse, StreamingHttpResponse

from runs.actions.resume import TOLD
from runs.engine.data.failures import error_json
from runs.engine.data.undefined import UNSET
from runs.engine.errors import EngineError, UnreadableEvent
from runs.engine.log.events import Event
from runs.engine.log.fold import fold
from runs.engine.log.results import RunStatus
from runs.engine.log.step_result import run_result
from runs.engine.log.watch_events import stream_finish, stream_start
from runs.live import announcements
from runs.live.log import in_reader, read_heads
from runs.models import WorkflowRun
from runs.models.prepared import Prepared
from runs.store.history import read_events, stored_events
from runs.store.redaction import RunRedactor, redactor_for

from .auth import INVALID_TOKEN
from .errors import NO_RUN
from .records import LegacyReader, RecordReader
from .router import ApiRequest

SEPARATOR = b"\x1e"
RECORDS = "text/plain; charset=utf-8"
EVENTS_AT_ONCE = 500
POLL_SECONDS = 1.0  # for news that got lost
ACCESS_SECONDS = 30.0  # between two looks at whether the caller may still read


class Access:
    """Whether the caller may still read, looked at now and then."""

    def __init__(self, request: ApiRequest) -> None:
        self._caller = request.caller
        self._looked = time.monotonic()

    async def is_lost(self) -> bool:
        now = time.monotonic()
        if now - self._looked < ACCESS_SECONDS:
            return False
        self._looked = now
        return not await in_reader(self._caller.may_still_read)


def result_response(request: ApiRequest, run: WorkflowRun) -> StreamingHttpResponse:
    """The run's whole result, once it has ended or waits for an answer. To be made once the run is queued."""
    return StreamingHttpResponse(_result(Access(request), run, redactor_for(run)), content_type="application/json")


async def _result(access: Access, run: WorkflowRun, redactor: RunRedactor) -> AsyncIterator[bytes]:
    async with _news(run.pk, redactor, until_settled=True) as news:
        while True:
            news.clear()
            text = await in_reader(_result_text, run.pk, redactor)
            if text is not None:
                yield text
                return
            await _wait(news)
            if await access.is_lost():
                yield orjson.dumps({"error": INVALID_TOKEN})
                return


_CARD = Prepared(
    lambda run_id: WorkflowRun.objects.filter(pk=run_id).values_list("workflow_id", "status", "trace_id", "span_id"),
    CharField(),
)


def _result_text(run_id: str, redactor: RunRedactor) -> bytes | None:
    """The result of a run that has settled, as JSON; None: it has not yet."""
    cards = _CARD(run_id)
    if not cards:
        return orjson.dumps({"error": NO_RUN})
    workflow_id, status, trace_id, span_id = cards[0]
    if status not in announcements.SETTLED:
        return None
    events = stored_events(run_id, TOLD)
    redactor.take_log(events)
    try:
        snapshot = fold(run_id, workflow_id, events)
    except UnreadableEvent as error:
        return orjson.dumps({"status": status, "runId": run_id, "error": error_json(error)})
    return redactor.json(
        orjson.dumps(run_result(snapshot, trace_id=trace_id or None, span_id=span_id or None).to_json())
    )


def stream_response(
    request: ApiRequest,
    run: WorkflowRun,
    *,
    first_seq: int = 1,
    offset: int = 0,
    stays_open: bool = False,
    legacy: bool = False,
) -> StreamingHttpResponse:
    """The run's records from an event on, leaving out `offset` of them, until it stops.

    A negative offset counts from the end of what there is so far.
    """
    kind = LegacyReader if legacy else RecordReader
    reader = kind(run.pk, run.workflow_id, stays_open=stays_open)
    records = _records(Access(request), run, reader, redactor_for(run), first_seq)
    return StreamingHttpResponse(_from_offset(records, offset), content_type=RECORDS)


def refused_stream(run_id: str, workflow_id: str, error: EngineError) -> HttpResponse:
    """The stream of a refused call: a start record and a failed finish record. Nothing has run."""
    finish = stream_finish(run_id, RunStatus.FAILED, UNSET, None, error_json(error))
    records = [orjson.dumps(record) + SEPARATOR for record in (stream_start(run_id, workflow_id), finish)]
    return HttpResponse(b"".join(records), content_type=RECORDS)


async def _from_offset(records: AsyncIterator[bytes | None], offset: int) -> AsyncIterator[bytes]:
    """Leave out the first ones. `None` among the records says that those there are have been given."""
    all_records: list[bytes] = []
    if offset < 0:
        async for record in records:
            if record is None:
                break
            all_records.append(record)
        for record in all_records[offset:]:
            yield record
    async for record in records:
        if record is None:
            continue
        if offset > 0:
            offset -= 1
            continue
        yield record


async def _records(
    access: Access, run: WorkflowRun, reader: RecordReader, redactor: RunRedactor, first_seq: int
) -> AsyncIterator[bytes | None]:
    cursor, over = 0, False
    async with _news(run.pk, redactor) as news:
        while True:
            news.clear()
            events = await in_reader(read_events, run.pk, cursor, EVENTS_AT_ONCE)
            if not redactor.follow(events):
                await in_reader(redactor.reach, events[-1].seq)
            for event in events:
                cursor = event.seq
                try:
                    found = reader.records(event)
                except Exception as error:
                    yield _unreadable(run.pk, event, error)
                    return
                over = event.seq >= first_seq and reader.ends(event)
                if event.seq >= first_seq:
                    for record in found:
                        yield redactor.json(orjson.dumps(record)) + SEPARATOR
            if len(events) == EVENTS_AT_ONCE:
                continue
            head = (await in_reader(read_heads, [run.pk])).get(run.pk)
            if head is not None and head.last_seq > cursor:
                continue
            yield None
            # A stop that another start follows is not the end: the run's row decides.
            if head is None or over or head.ended or head.last_seq == 0:
                return
            await _wait(news)
            if await access.is_lost():
                return


def _unreadable(run_id: str, event: Event, error: Exception) -> bytes:
    """The last record of a stream that comes to an event that cannot be read."""
    reason = error if isinstance(error, UnreadableEvent) else UnreadableEvent.of_form(event.seq, event.type, error)
    return orjson.dumps(stream_finish(run_id, RunStatus.FAILED, UNSET, None, error_json(reason))) + SEPARATOR


@asynccontextmanager
async def _news(run_id: str, redactor: RunRedactor, *, until_settled: bool = False) -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever there may be something new of the run, or whenever it may have settled."""
    news = asyncio.Event()
    room = announcements.join(run_id, redactor, news, until_settled=until_settled)
    try:
        yield news
    finally:
        announcements.leave(room, news)


async def _wait(news: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(news.wait(), POLL_SECONDS)
    except TimeoutError:
        return
