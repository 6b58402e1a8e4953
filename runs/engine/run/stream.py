"""A run as a stream of chunks: its events and what its steps write, in one order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from ..data.failures import error_json
from ..data.undefined import UNSET
from ..log.results import RunStatus, WorkflowResult
from ..log.watch_events import stream_chunk, stream_finish, stream_start

Chunk = dict[str, object]


class RunStream:
    """What run.stream() gives: `async for chunk in stream`, then `await stream.result`.

    It may be read more than once and at any time: each reader gets all chunks from the first one on.
    """

    def __init__(self, run_id: str, workflow_id: str, *, legacy: bool = False) -> None:
        self.run_id = run_id
        self.status: RunStatus = RunStatus.RUNNING
        self.result: asyncio.Future[WorkflowResult] = asyncio.get_running_loop().create_future()
        self._legacy = legacy
        self._chunks: list[Chunk] = []
        self._news = asyncio.Event()
        self._ended = False
        old: Chunk = {"type": "start", "payload": {"runId": run_id}}
        self._add(old if legacy else stream_start(run_id, workflow_id))

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self._read()

    async def _read(self) -> AsyncIterator[Chunk]:
        position = 0
        while True:
            while position < len(self._chunks):
                yield self._chunks[position]
                position += 1
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()

    def watched(self, event: Chunk) -> None:
        """Take in a watch event."""
        if self._legacy:
            self._add({**event, "type": str(event["type"]).removeprefix("workflow-")})
            return
        chunk = stream_chunk(self.run_id, event)
        if chunk is not None:
            self._add(chunk)

    def written(self, chunk: Any) -> None:
        """Take in what a step has written."""
        if not isinstance(chunk, dict):
            chunk = {"type": "custom", "data": chunk}
        payload = chunk.get("payload")
        if chunk.get("type") == "workflow-step-output" and isinstance(payload, dict):
            self._add({**chunk, "payload": dict(payload)})
            return
        shown = stream_chunk(self.run_id, chunk)
        if shown is not None:
            self._add(shown)

    def finish(self, result: WorkflowResult) -> None:
        """The run has come to an end, or waits."""
        self.status = result.status
        if self._legacy:
            self._end({"type": "finish", "payload": {"runId": self.run_id}})
        else:
            self._end(stream_finish(self.run_id, result.status.value, result.result, result.tripwire, None))
        self.result.set_result(result)

    def fail(self, error: Exception) -> None:
        """The call was refused: nothing has run."""
        self.status = RunStatus.FAILED
        finish = stream_finish(self.run_id, RunStatus.FAILED.value, UNSET, None, error_json(error))
        self._end({"type": "finish", "payload": {"runId": self.run_id}} if self._legacy else finish)
        self.result.set_exception(error)
        self.result.exception()  # retrieved: a caller may read the chunks only

    def _add(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._news.set()

    def _end(self, chunk: Chunk) -> None:
        self._ended = True
        self._add(chunk)
