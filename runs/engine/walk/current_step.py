"""Which step is at work here: for what a step calls without handing on its context, such as a logger."""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Protocol

from ..redaction.redactor import Redactor


class CurrentStep(Protocol):
    """An attempt of a step, as its surroundings may know it."""

    is_learned: bool  # whether the redactor knows what the step was given

    @property
    def run_id(self) -> str:
        """Of the run, also for a step of a nested workflow."""

    @property
    def workflow_id(self) -> str:
        """Of the workflow that the step is part of."""

    @property
    def path(self) -> str:
        """Such as `pack_lines[3]` or `inner.charge`."""

    @property
    def redactor(self) -> Redactor:
        """Redacts what is secret in the run."""

    def given(self) -> Iterable[object]:
        """The JSON that this step was given. Not to be changed."""


# Set in the step's task, and in the thread that a sync step runs in. Threads that a step starts itself have it only if
# they are given a copy of the context, as asyncio.to_thread() does.
current_step: ContextVar[CurrentStep | None] = ContextVar("current_step", default=None)
# Of the run that this task executes: for what is logged about it outside its steps, such as a callback that raised.
current_redactor: ContextVar[Redactor | None] = ContextVar("current_redactor", default=None)
