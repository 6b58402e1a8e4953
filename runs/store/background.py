"""A thread for what may take long: a commit of a locked database, a question to a server."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Background:
    """One thread that does what it is given, in order.

    A daemon, unlike the threads of a pool: Python waits for those, and refuses them work, before it lets anybody
    clean up at the end of the process.
    """

    def __init__(self, name: str) -> None:
        self._inbox: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], object]) -> None:
        """Have it done. It must not raise."""
        self._inbox.put(work)

    async def ask(self, question: Callable[[], T]) -> T:
        """What the question gives, or raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                value = question()
            except BaseException as error:  # whatever it is: somebody waits for it
                _tell(loop, answer, answer.set_exception, error)
            else:
                _tell(loop, answer, answer.set_result, value)

        self.submit(work)
        return await answer

    def close(self, seconds: float) -> None:
        """End it once everything is done; do not wait for longer than this."""
        self._inbox.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (work := self._inbox.get()) is not None:
            work()
            del work  # or its values live until there is more to do


def _tell(loop: asyncio.AbstractEventLoop, answer: asyncio.Future, set: Callable, value: object) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if answer.done() else set(value))
    except RuntimeError:
        return  # the loop has ended, and nobody waits
