"""Runs a sample on the engine alone, with all that it wrote on the way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from runs.engine import Workflow, WorkflowResult


@dataclass
class Played:
    """A run that has ended: its result, and its chunks in order."""

    result: WorkflowResult
    chunks: list[object]

    @property
    def text(self) -> str:
        return "".join(chunk for chunk in self.chunks if isinstance(chunk, str))

    def of_type(self, kind: str) -> list[dict]:
        return [chunk for chunk in self.chunks if isinstance(chunk, dict) and chunk.get("type") == kind]


@pytest.fixture
def play() -> Callable[..., Awaitable[Played]]:
    async def run(workflow: Workflow, **start: object) -> Played:
        chunks: list[object] = []

        async def keep(written: dict) -> None:
            chunks.append(written["payload"]["output"])

        result = await workflow.create_run().start(output_writer=keep, **start)
        return Played(result, chunks)

    return run
