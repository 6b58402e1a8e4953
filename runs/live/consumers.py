"""The socket of a run: everything in its log beyond the client's cursor, then what comes, until the run has ended.

The protocol, with each message and close code, is told in docs/live.md.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from autobahn.exception import Disconnected
from channels.auth import get_user
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from runs.engine.data.clock import now_ms
from runs.store.redaction import redactor_of

from . import announcements
from .log import Line, in_reader, read_heads, read_lines
from .messages import BadMessage, parse_message
from .window import Window

logger = logging.getLogger(__name__)

FRAME_EVENTS = 200
FRAME_BYTES = 256 << 10  # of one frame, unless a single event is larger
READ_EVENTS = 1000  # read ahead from the database at once, and in bytes:
READ_BYTES = 1 << 20
PAUSE_SECONDS = 0.025  # after a frame that is not full: at most forty a second, none waits longer than that
HEARTBEAT_SECONDS = 15.0
SILENCE_SECONDS = 60.0  # how long a client may take to say where to begin
ACCESS_SECONDS = 30.0  # between two looks at whether the person may still see the run

SEE = "runs.view_workflowrun"
MALFORMED, SIGN_IN, FORBIDDEN, NOT_FOUND, SILENT = 4400, 4401, 4403, 4404, 4408


class RunConsumer(AsyncWebsocketConsumer):
    """One open page of one run."""

    channel_layer_alias = None  # nudges come to the process, not to the socket, which so needs no Redis to open
    run_id: str
    room: announcements.Subscription  # from the moment that the person is known to be signed in
    joined = False

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels would first go to Django's thread and back, for each acknowledgement, to close old connections to
        the database. Here `in_reader` does that, where there are any."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        """Accept always: only an accepted socket can be told why it is closed."""
        self.run_id = self.scope["url_route"]["kwargs"]["run_id"]
        self.news = asyncio.Event()
        self.window: Window | None = None
        self.closing = False
        self.ahead: list[Line] = []  # read from the database, not yet sent
        self.tasks: set[asyncio.Task[None]] = set()
        await self.accept()
        if not self.scope["user"].is_authenticated:
            await self.refuse(SIGN_IN, "Sign in to follow this run.")
            return
        if not await in_reader(self.scope["user"].has_perm, SEE):
            await self.refuse(FORBIDDEN, "Your account may not see runs.")
            return
        redactor = await in_reader(redactor_of, self.run_id)
        if redactor is None:
            await self.refuse(NOT_FOUND, "There is no run of this id.")
            return
        # Listen first, then read: what is committed in between is then heard of, or found.
        self.room = announcements.join(self.run_id, redactor, self.news)
        self.joined = True
        heads = await in_reader(read_heads, [self.run_id])
        if self.run_id in heads:
            self.room.update_head(heads[self.run_id])
        self.begin(self.end_silence)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.closing:
            return
        try:
            message = parse_message(text_data)
            if message.kind == "resume":
                self.resume(message.seq)
            elif self.window is None:
                raise BadMessage('Send {"resume": 0} first, then acknowledge.')
            elif message.seq > self.window.sent:
                raise BadMessage(
                    f"Event {message.seq} cannot be acknowledged: {self.window.sent} was the last one sent."
                )
            else:
                self.window.ack(message.seq)
        except BadMessage as error:
            await self.refuse(MALFORMED, str(error))

    def resume(self, after: int) -> None:
        """Send from here. A client that has found a hole says it again on the same socket."""
        if after > self.room.head.last_seq:
            raise BadMessage(
                f"Event {after} is not in the log: {self.room.head.last_seq} is its last one. Load it anew."
            )
        self.cancel_tasks()
        self.ahead = []
        self.window = Window(after)
        self.begin(self.pump, self.window)
        self.begin(self.beat)

    async def pump(self, window: Window) -> None:
        """Send what lies beyond the client's cursor, until the run has ended: late perhaps, never wrong."""
        while True:
            self.news.clear()  # before the read: news that come meanwhile ask for another one
            head = self.room.head  # before the read, too: all that it knows of will have been read then
            while lines := await self.next_lines(window):
                await self.send_frame(window, lines)
                if len(lines) < FRAME_EVENTS and not self.ahead:
                    await asyncio.sleep(PAUSE_SECONDS)
            if head.ended and self.room.head.ended:
                await self.tell(end=window.sent)
                await self.shut(1000)
                return
            await self.news.wait()

    async def next_lines(self, window: Window) -> list[Line]:
        """What the next frame holds. Waits while the client is behind; empty when there is nothing beyond."""
        if not window.free:
            await window.opened()
        room_for = min(FRAME_EVENTS, window.free)
        if not self.ahead:
            live = self.room.ring.after(window.sent, room_for)
            if live is not None:
                return _fitting(live)
            if window.sent >= self.room.head.last_seq:
                return []
            read = in_reader(
                read_lines, self.run_id, self.room.redactor, window.sent, limit=READ_EVENTS, max_bytes=READ_BYTES
            )
            self.ahead = await read
        lines = _fitting(self.ahead[:room_for])
        self.ahead = self.ahead[len(lines) :]
        return lines

    async def send_frame(self, window: Window, lines: list[Line]) -> None:
        """One message of events, each on a line of its own, so that a client can cut it without parsing it."""
        first, last = lines[0].seq, lines[-1].seq
        head = self.room.head.last_seq
        more = b',"head":%d' % head if head > last else b""
        frame = b'{"events":[\n%b\n],"first":%d,"last":%d%b}' % (
            b",\n".join([line.text for line in lines]),
            first,
            last,
            more,
        )
        window.add(last, len(frame))
        await self.send(frame.decode())
        # Daphne's send only puts the frame into a buffer; the loop writes it once this task lets go.
        await asyncio.sleep(0)

    async def beat(self) -> None:
        """Tell a silent client that the line is alive, and how far the log reaches."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self.tell(heartbeat=now_ms(), last=self.room.head.last_seq)
            if time.monotonic() - looked >= ACCESS_SECONDS:
                looked = time.monotonic()
                if refusal := await self.lost_access():
                    await self.refuse(*refusal)

    async def lost_access(self) -> tuple[int, str] | None:
        """Why the person may no longer see the run: the scope holds session and person as they were at the start."""
        session = self.scope["session"]
        fresh = type(session._wrapped if hasattr(session, "_wrapped") else session)(session.session_key)
        user = await get_user({"session": fresh})
        if not user.is_authenticated:
            return SIGN_IN, "You have signed out, or your account was closed. Sign in to follow this run."
        if not await in_reader(user.has_perm, SEE):
            return FORBIDDEN, "Your account may no longer see runs."
        return None

    async def end_silence(self) -> None:
        await asyncio.sleep(SILENCE_SECONDS)
        await self.refuse(SILENT, f"No resume came within {SILENCE_SECONDS:.0f} seconds.")

    async def refuse(self, code: int, reason: str) -> None:
        """Say why in a frame, for Daphne sends no reason with a close code; then close."""
        if not self.closing:
            await self.tell(error={"code": code, "message": reason})
            await self.shut(code)

    async def tell(self, **message: object) -> None:
        await self.send(orjson.dumps(message).decode())

    async def shut(self, code: int) -> None:
        self.closing = True
        self.cancel_tasks()
        await self.close(code)

    async def disconnect(self, code: int) -> None:
        self.closing = True
        self.cancel_tasks()
        if self.joined:
            announcements.leave(self.room, self.news)

    def begin(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        task = asyncio.get_running_loop().create_task(self.guard(work, *args), name=f"live-{self.run_id}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def guard(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        """A task that fails must not leave a page that waits for ever: close, and the page comes back."""
        try:
            await work(*args)
        except Disconnected:  # the client went while a frame was on its way; `disconnect` is about to be called
            self.closing = True
        except Exception:
            logger.exception("the socket of run %s failed", self.run_id)
            with contextlib.suppress(Exception):
                await self.shut(1011)

    def cancel_tasks(self) -> None:
        """End this socket's tasks, but not the one that calls."""
        for task in self.tasks - {asyncio.current_task()}:
            task.cancel()


def _fitting(lines: list[Line]) -> list[Line]:
    """As many of these lines as one frame holds: at least one."""
    if sum([len(line.text) for line in lines]) <= FRAME_BYTES:
        return lines
    size = 0
    for index, line in enumerate(lines):
        size += len(line.text)
        if size > FRAME_BYTES and index:
            return lines[:index]
    return lines
