"""Runs one step on the engine alone."""

from collections.abc import Awaitable, Callable

import pytest

from runs.engine import Run, Step, Workflow, WorkflowResult


def run_of(step: Step) -> Run:
    """A run of a workflow that has this step alone."""
    return Workflow(id="alone").then(step).commit().create_run()


@pytest.fixture
def play() -> Callable[..., Awaitable[WorkflowResult]]:
    async def play(step: Step, **given: object) -> WorkflowResult:
        return await run_of(step).start(input_data=given)

    return play


@pytest.fixture
def output(play) -> Callable[..., Awaitable[object]]:
    """What a step gives for this input; it must succeed."""

    async def output(step: Step, **given: object) -> object:
        result = await play(step, **given)
        assert result.status == "success", result.error
        return result.result

    return output


@pytest.fixture
def failure(play) -> Callable[..., Awaitable[str]]:
    """The message of a step that must fail."""

    async def failure(step: Step, **given: object) -> str:
        result = await play(step, **given)
        assert result.status == "failed", result.result
        return result.error["message"]

    return failure
