"""What a crash leaves behind, made from a log: a store that holds only the first events of a run."""

from collections.abc import Mapping
from typing import Any

from runs.engine import Event, MemoryRunStore, RunCard, RunStatus, Workflow, execute, fold
from runs.engine.log.events import put_back

RUN_ID = "run-1"
_TIMES = ("startedAt", "endedAt", "suspendedAt", "resumedAt", "nestedRunId", "runId")


async def store_with(workflow: Workflow, events: list[Event]) -> MemoryRunStore:
    """A store with the run as a crash leaves it after these events became durable."""
    store = MemoryRunStore()
    await store.create(RunCard(RUN_ID, workflow.id, RunStatus.RUNNING, 1, 1))
    log = await store.claim(RUN_ID, expected=[RunStatus.RUNNING])
    assert log is not None
    for event in events:
        log.append(event.type, event.decoded(), at=event.at)
    return store


async def carry_on(workflow: Workflow, events: list[Event], answers: list[Mapping[str, object]]) -> list[Event]:
    """Execute the run from these events to its end, answering each suspension in turn; the whole log."""
    store = await store_with(workflow, events)
    given = sum(event.type == "workflow-resume" for event in events)
    while True:
        log = await store.claim(RUN_ID, expected=list(RunStatus))
        assert log is not None
        status = await execute(workflow, log, await store.load(RUN_ID))
        if status is not RunStatus.SUSPENDED:
            return await store.load(RUN_ID)
        snapshot = fold(RUN_ID, workflow.id, await store.load(RUN_ID))
        log = await store.claim(RUN_ID, expected=list(RunStatus))
        assert log is not None
        log.append("workflow-resume", workflow.check_resume(snapshot, answers[given]))
        given += 1


def outcome(workflow: Workflow, events: list[Event]) -> dict[str, Any]:
    """How the run ended, without times and generated ids."""
    from runs.engine.log.step_result import run_result

    snapshot = fold(RUN_ID, workflow.id, put_back(events))
    result = run_result(snapshot, trace_id=None, span_id=None).to_json()
    return _timeless(result | {"state": snapshot.state, "context": snapshot.request_context})


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


async def assert_same_from_every_point(
    workflow: Workflow, first: Mapping[str, object], answers: list[Mapping[str, object]] | None = None
) -> list[Event]:
    """Cut the log of a run after each of its events, carry on, and compare the ends. Gives the uncut log."""
    answers = answers or []
    store = await store_with(workflow, [])
    log = await store.claim(RUN_ID, expected=list(RunStatus))
    assert log is not None
    log.append("workflow-start", {"workflowId": workflow.id, **first})
    whole = await carry_on(workflow, await store.load(RUN_ID), answers)
    expected = outcome(workflow, whole)
    for length in range(1, len(whole)):
        rest = await carry_on(workflow, whole[:length], answers)
        found = outcome(workflow, rest)
        assert found == expected, f"cut after event {length} ({whole[length - 1].type} {whole[length - 1].data!r})"
    return whole
