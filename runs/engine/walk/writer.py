"""The writer of a step, and the sink that its chunks go to."""

from collections.abc import Awaitable, Generator
from typing import Protocol


class Done:
    """An awaitable that is done already, so that a call may be awaited or not."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield  # makes it a generator


DONE = Done()


class Sink(Protocol):
    """Where chunks go."""

    def chunk(self, path: str, name: str, chunk: object, *, custom: bool) -> Awaitable[None]:
        """Store the chunk, and pass it to the subscribers of the run."""


class Writer:
    """Streams chunks out of a running step. The run's log stores them in order, also when the step fails."""

    __slots__ = ("_name", "_path", "_sink")

    def __init__(self, sink: Sink, path: str, name: str) -> None:
        self._sink = sink
        self._path = path
        self._name = name

    def write(self, chunk: object) -> Awaitable[None]:
        """Stream any JSON value, named with the step. To be awaited in async functions. Raises NotJson."""
        return self._sink.chunk(self._path, self._name, chunk, custom=False)

    def custom(self, chunk: object) -> Awaitable[None]:
        """Stream a value as it is, such as `{"type": "data-note", "data": …}`. Raises NotJson."""
        return self._sink.chunk(self._path, self._name, chunk, custom=True)
