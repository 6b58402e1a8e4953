"""Django's ASGI handler, with each request handled in one thread, from a pool whose threads keep their connections.

All middleware and all views of the console are synchronous. Django's own handler begins each request in a new thread,
with a new connection to the database, and switches between its event loop and the thread for each signal, each check
before the view, the view itself and the end: eight switches, where one is enough.

Gains, measured together with two smaller changes of the same day: 15.5 to 10.9 ms of processor time for one start over
HTTP with its run, 60 to 88 runs a second at 16 clients. After 200 MB of chunks the server needs 141 MB instead of 900,
of which the threads' connections were a part.
Can go when Django's ASGIHandler calls synchronous middleware and views in one switch, in reused threads.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar, cast

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import response_for_exception
from django.db import connections
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from wfconsole.middleware.database_errors import answer_to

IDLE_THREADS = 8  # that wait for the next request; more are made while they are needed

Scope = dict[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]

P = ParamSpec("P")
T = TypeVar("T")


class RequestThreads:
    """A pool of single threads, which keep their connections to the database."""

    def __init__(self) -> None:
        self._free: deque[ThreadPoolExecutor] = deque()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread, which is free when its work is done, even if the caller is canceled before."""
        thread, context = self.take(), copy_context()

        def work() -> T:
            try:
                return context.run(function, *args, **kwargs)
            finally:
                self.give_back(thread)

        return await asyncio.get_running_loop().run_in_executor(thread, work)

    def take(self) -> ThreadPoolExecutor:
        """A thread for the caller alone, until it is given back."""
        try:
            # The one that rested last: its connection's cache is the warmest, and the others' can be forgotten.
            return self._free.pop()
        except IndexError:
            return ThreadPoolExecutor(1, "request")

    def give_back(self, thread: ThreadPoolExecutor) -> None:
        """Call it in the thread itself, as the last thing that it does."""
        if len(self._free) < IDLE_THREADS:
            self._free.append(thread)
        else:
            connections.close_all()
            thread.shutdown(wait=False)


class RequestHandler(ASGIHandler):
    """The HTTP application."""

    def __init__(self) -> None:
        self._threads = RequestThreads()
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)  # Django's own asks for the other kind

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        request, response = await self._threads.run(self._respond, scope, body)
        if request is not None and isinstance(response, StreamingHttpResponse):
            await self._stream(request, response, receive, send)
        else:
            await self.send_response(response, send)

    def _respond(self, scope: Scope, body: Any) -> tuple[HttpRequest | None, HttpResponseBase]:
        """The whole response; closed already unless it streams. In a thread."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)  # Any: its private attributes
        response._resource_closers.append(body.close)
        response._handler_class = type(self)
        if not response.streaming:
            response.close()
        return request, response

    async def _stream(
        self, request: HttpRequest, response: StreamingHttpResponse, receive: Receive, send: Send
    ) -> None:
        """Send a response part by part, until it ends or its reader has gone.

        Its first part is read before its head is sent: an error of the database can still be a 503 then.
        """
        if not response.is_async:
            if isinstance(response, FileResponse):
                response.block_size = self.chunk_size
            parts = self._parts(iter(cast("Iterable[bytes]", response.streaming_content)))
            try:
                first = await anext(parts, b"")
            except Exception as error:
                failed = await self._threads.run(self._failed, request, response, error)
                await self.send_response(failed, send)
                return
            response.streaming_content = _after(first, parts)
        sending = asyncio.create_task(self.send_response(response, send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            sent, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
            await self._threads.run(response.close)
        if isinstance(sent, Exception):
            raise sent

    def _failed(self, request: HttpRequest, response: HttpResponseBase, error: Exception) -> HttpResponseBase:
        response.close()
        return answer_to(request, error) or response_for_exception(request, error)

    async def _parts(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The parts of an iterator, each read once the one before has been sent; all in one thread, for one cursor
        may give them."""
        thread, loop, context = self._threads.take(), asyncio.get_running_loop(), copy_context()

        def read_part() -> bytes | None:
            return context.run(next, parts, None)

        try:
            while (part := await loop.run_in_executor(thread, read_part)) is not None:
                yield part
        finally:
            thread.submit(self._threads.give_back, thread)


async def _after(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part
