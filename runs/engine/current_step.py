"""Which step is at work here: for what a step calls without handing on its context, such as a logger."""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Protocol

from .masking import Mask


class CurrentStep(Protocol):
    """An attempt of a step, as its surroundings may know it."""

    secrets: object  # room for who looks for secrets, to find them once

    @property
    def run_id(self) -> str:
        """Of the run, also for a step of a nested workflow."""

    @property
    def workflow_id(self) -> str:
        """Of the workflow that the step stands in."""

    @property
    def path(self) -> str:
        """Such as `pack_lines[3]` or `inner.charge`."""

    @property
    def mask(self) -> Mask:
        """What is secret in the run."""

    def given_to_run(self) -> Iterable[object]:
        """The JSON that the run was started with. Not to be changed."""

    def given_to_step(self) -> Iterable[object]:
        """The JSON that this step was given. Not to be changed."""


# Set in the step's task, and in the thread that a sync step runs in. Threads that a step starts itself have it only if
# they are given a copy of the context, as asyncio.to_thread() does.
current_step: ContextVar[CurrentStep | None] = ContextVar("current_step", default=None)
