"""A run whose log a test writes by itself: committed and announced as the writer does it."""

import json
import time
from urllib.parse import quote

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction

from runs.engine.log.events import Event, EventType, encode_event_data
from runs.models import RunEvent, WorkflowDefinition, WorkflowRun, WorkflowVersion
from runs.routing import websocket_urlpatterns
from runs.store.announcements import announce

START = 1_795_000_000_000  # epoch milliseconds


class LiveRun:
    """A run on the database, and its log's writer."""

    def __init__(self, run: WorkflowRun) -> None:
        self.run = run
        self.id = run.id

    def write(self, *events: tuple[str, dict] | Event, status: str | None = None, tell: bool = True) -> list[Event]:
        """Commit events, with the card, in one transaction; then tell of them, unless another process does this."""
        seq = WorkflowRun.objects.values_list("last_seq", flat=True).get(pk=self.id)
        made = [
            event
            if isinstance(event, Event)
            else Event(seq + index, event[0], START + (seq + index) * 10, encode_event_data(event[1]))
            for index, event in enumerate(events, start=1)
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {RunEvent._meta.db_table} (run_id, seq, type, at, data) VALUES (%s, %s, %s, %s, %s)",
                [(self.id, event.seq, event.type, event.at, event.data) for event in made],
            )
            change = {"last_seq": seq + len(made)} | ({"status": status} if status else {})
            WorkflowRun.objects.filter(pk=self.id).update(**change)
        if tell:
            announce({self.id: made})
        return made

    def chunks(self, count: int, *, text: str = "chunk", **options) -> list[Event]:
        return self.write(*[chunk(f"{text} {number}") for number in range(count)], **options)

    def finish(self, **options) -> list[Event]:
        return self.write((EventType.RUN_FINISH, {"status": "success"}), status="success", **options)


def chunk(output: object, step: str = "stream") -> tuple[str, dict]:
    return EventType.STEP_OUTPUT, {"id": step, "output": output}


@pytest.fixture
def live_run(transactional_db) -> LiveRun:
    definition = WorkflowDefinition.objects.create(id="text-stream", origin="code")
    version = WorkflowVersion.objects.create(definition=definition, number=1, content_hash="0" * 64)
    run = WorkflowRun.objects.create(id=f"run {time.time_ns()}", workflow=definition, version=version, status="running")
    return LiveRun(run)


class Socket(WebsocketCommunicator):
    """A client of a run's socket, without a server in between."""

    def __init__(self, run_id: str, user: User | AnonymousUser, session: object) -> None:
        super().__init__(URLRouter(websocket_urlpatterns), f"/ws/runs/{quote(run_id)}/")
        self.scope["user"] = user
        self.scope["session"] = session

    async def open(self, resume: int | None = 0) -> "Socket":
        assert (await self.connect(5))[0]
        if resume is not None:
            await self.say(resume=resume)
        return self

    async def say(self, **message: int) -> None:
        await self.send_to(text_data=json.dumps(message))

    async def hear(self, timeout: float = 5) -> dict:
        """The next frame, as JSON."""
        return json.loads(await self.receive_from(timeout))

    async def hear_events(self, upto: int, *, ack: bool = True) -> list[dict]:
        """Read frames, and acknowledge them, until event `upto` has come."""
        events: list[dict] = []
        while not events or events[-1]["seq"] < upto:
            frame = await self.hear()
            if "events" in frame:
                assert (frame["first"], frame["last"]) == (frame["events"][0]["seq"], frame["events"][-1]["seq"])
                events += frame["events"]
                if ack:
                    await self.say(ack=frame["last"])
        return events

    async def closed(self, timeout: float = 5) -> int:
        """The code that the server closes with; every frame before it must have been read."""
        message = await self.receive_output(timeout)
        assert message["type"] == "websocket.close", message
        return message["code"]


@pytest.fixture
def in_django():
    """Calls a function in Django's thread, as a view does."""
    return database_sync_to_async


@pytest.fixture
async def socket(live_run: LiveRun, viewer: User):
    """Opens sockets, and closes them at the end: `await socket(resume=0)`."""
    sockets: list[Socket] = []

    async def open_one(
        resume: int | None = 0, *, run_id: str | None = None, user: object = viewer, session: object = None
    ) -> Socket:
        sockets.append(Socket(run_id or live_run.id, user, session))
        return await sockets[-1].open(resume)

    yield open_one
    for one in sockets:
        await one.disconnect()
