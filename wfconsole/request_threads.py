"""Threads that answer requests, one request after another.

Django gives each request a thread of its own, and each thread opens its connection to the database anew; the one before
stays open until Python's collector finds it. These threads are used again, and their connections with them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.db import connections

KEPT_THREADS = 8  # that wait for the next request; more are made while they are needed

Message = dict[str, Any]
Application = Callable[..., Awaitable[None]]


class RequestThreads:
    """Wraps the HTTP application: all synchronous work of one request is done in one of the kept threads."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._free: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Message, receive: Callable, send: Callable) -> None:
        # The one that rested last: its connection's cache is the warmest, and the others' can be forgotten.
        thread = self._free.pop() if self._free else ThreadPoolExecutor(1, "request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(scope, receive, send)
        finally:
            # Whoever has hung up leaves a thread that may still be at work for them: it is free when it comes to this.
            loop = asyncio.get_running_loop()
            thread.submit(_rest).add_done_callback(lambda rested: self._take_back(loop, thread, rested))

    def _take_back(self, loop: asyncio.AbstractEventLoop, thread: ThreadPoolExecutor, rested: Future[None]) -> None:
        if loop.is_closed():
            return
        loop.call_soon_threadsafe(self._keep, thread)

    def _keep(self, thread: ThreadPoolExecutor) -> None:
        if len(self._free) < KEPT_THREADS:
            self._free.append(thread)
        else:
            thread.submit(connections.close_all)
            thread.shutdown(wait=False)


def _rest() -> None:
    """What a thread does between two requests."""
