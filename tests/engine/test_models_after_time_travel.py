"""A step that is traveled to is given what its model makes of the value that is meant for it, read once."""

import pytest

from runs.engine import UNSET, RunStatus, Workflow, fold, step
from tests.engine.changing_models import MODELS, OTHERS, Seen, models, once, started
from tests.engine.crashes import RUN_ID, carry_on, store_with

PLACES = ["first", "after a sleep", "nested", "nested twice", "in parallel", "in a branch", "foreach", "loop"]


def at_a_place(place: str, name: str, seen: Seen) -> tuple[Workflow, list[str]]:
    """A workflow of the model with a step of the model, and the path of the step. The step fails once."""
    model = MODELS[name][0]
    use = seen.step(model, failures=1)
    start = Workflow(id="wf", input=None if place == "foreach" else model)
    inner = Workflow(id="inner", input=model).then(use).commit()
    middle = Workflow(id="middle", input=model).sleep(0.001).then(inner).commit()
    return {
        "first": lambda: (start.then(use), ["use"]),
        "after a sleep": lambda: (start.sleep(0.001).sleep(0.001).then(use), ["use"]),
        "nested": lambda: (start.then(inner), ["inner", "use"]),
        "nested twice": lambda: (start.then(middle), ["middle", "inner", "use"]),
        "in parallel": lambda: (start.parallel([use, step(id="beside")(lambda ctx: 1)]), ["use"]),
        "in a branch": lambda: (start.branch([(lambda ctx: True, use)]), ["use"]),
        "foreach": lambda: (start.foreach(use), ["use"]),
        "loop": lambda: (start.dountil(use, lambda ctx: True), ["use"]),
    }[place]()


@models
@pytest.mark.parametrize("place", PLACES)
async def test_time_travel_gives_the_step_the_new_input_and_not_that_of_the_run(name, place):
    seen = Seen()
    value, other = (as_input(place, each[name]) for each in ({name: MODELS[name][1]}, OTHERS))
    workflow, path = at_a_place(place, name, seen)
    run, _ = await started(workflow, value)
    assert set(seen) == {once(name)}
    for replaced, expected in ((UNSET, once(name)), (other, once(name, OTHERS[name]))):
        seen.clear()
        result = await workflow.create_run(run_id=run.run_id).time_travel(step=path, input_data=replaced)
        assert result.status is RunStatus.SUCCESS, result.error
        assert seen == [expected] * 2
    events = await workflow.store.load(run.run_id)
    travel = max(event.seq for event in events if event.type == "workflow-time-travel")
    for length in range(travel, len(events)):  # a crash after it
        seen.clear()
        await carry_on(workflow, events[:length], [])
        assert set(seen) <= {once(name, OTHERS[name])}


def as_input(place: str, value: object) -> object:
    return [value] if place == "foreach" else value


@models
@pytest.mark.parametrize("nested", [False, True])
async def test_a_step_that_the_run_never_came_to_reads_the_input_of_the_run_once(name, nested):
    seen = Seen()
    workflow, path = at_a_place("nested" if nested else "first", name, seen)
    value = MODELS[name][1]

    workflow.commit()
    checked = workflow.check_request({"inputData": value})
    begun = {"input": checked["inputData"]} | {key: checked[key] for key in ("inputGiven",) if key in checked}
    store = await store_with(workflow, [])
    log = await store.claim(RUN_ID, expected=[RunStatus.RUNNING])
    log.append("workflow-start", {"workflowId": "wf", **begun})
    at_its_start = fold(RUN_ID, "wf", await store.load(RUN_ID))
    log.append("workflow-time-travel", workflow.check_time_travel(at_its_start, {"step": path}))
    await carry_on(workflow, await store.load(RUN_ID), [])
    assert seen == [once(name)] * 2


@models
async def test_time_travel_takes_an_input_as_it_is_given(name):
    model, value = MODELS[name]
    seen = Seen()
    workflow = Workflow(id="wf").then(step(id="first")(lambda ctx: value)).then(seen.step(model))
    run, _ = await started(workflow, {})
    result = await workflow.create_run(run_id=run.run_id).time_travel(step="use", input_data=value)
    assert result.status is RunStatus.SUCCESS, result.error
    assert seen == [once(name)] * 2
