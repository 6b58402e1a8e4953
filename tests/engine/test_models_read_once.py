"""A model reads a value once: what a validator makes of it is not read again, in whatever way the step is reached."""

import uuid
from typing import Annotated

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, PlainSerializer

from runs.engine import UNSET, RunStatus, Workflow, fold, step
from runs.engine.data.schemas import Schema
from runs.engine.log.events import put_back
from tests.engine.changing_models import MODELS, Seen, Share, models, once, started
from tests.engine.crashes import assert_same_from_every_point


@models
async def test_each_attempt_is_given_the_same(name):
    seen = Seen()
    _, result = await started(Workflow(id="wf").then(seen.step(MODELS[name][0], failures=2)), MODELS[name][1])
    assert result.status is RunStatus.SUCCESS
    assert seen == [once(name)] * 3


@models
async def test_a_workflow_and_its_first_step_with_one_model_read_once(name):
    model, value = MODELS[name]
    seen = Seen()
    run, result = await started(Workflow(id="wf", input=model).then(seen.step(model, failures=1)), value)
    assert result.status is RunStatus.SUCCESS
    assert seen == [once(name)] * 2
    first = (await run.workflow.store.load(run.run_id))[0].decoded()
    assert first.get("inputGiven", first["input"]) == value


@models
@pytest.mark.parametrize("between", ["sleep", "nested", "nested twice", "parallel", "branch", "foreach", "loop"])
async def test_each_way_to_a_step_reads_once(name, between):
    model, value = MODELS[name]
    seen = Seen()
    use = seen.step(model, failures=1)
    inner = Workflow(id="inner", input=model).then(use).commit()
    middle = Workflow(id="middle", input=model).then(inner).commit()
    start = Workflow(id="wf", input=model)
    workflow, times = {
        "sleep": lambda: (start.sleep(0.001).sleep(0.001).then(use), 2),
        "nested": lambda: (start.then(inner), 2),
        "nested twice": lambda: (start.then(middle), 2),
        "parallel": lambda: (start.parallel([use, seen.step(model, id="other", failures=1)]), 4),
        "branch": lambda: (start.branch([(lambda ctx: True, use)]), 2),
        "foreach": lambda: (Workflow(id="wf").foreach(use, concurrency=2), 4),
        "loop": lambda: (start.dountil(use, lambda ctx: True), 2),
    }[between]()
    _, result = await started(workflow, [value, value] if between == "foreach" else value)
    assert result.status is RunStatus.SUCCESS, result.error
    assert seen == [once(name)] * times


@models
@pytest.mark.parametrize("failures", [0, 1])
async def test_an_answer_is_read_once_and_the_input_is_the_same_after_it(name, failures):
    model, value = MODELS[name]
    seen: list[str] = []

    @step(id="ask", input=model, resume=model, retries=failures)
    async def ask(ctx):
        seen.append(repr(ctx.input))
        if ctx.resume_data is UNSET:
            return await ctx.suspend({"q": 1})
        seen.append(repr(ctx.resume_data))
        if ctx.retry_count < failures:
            raise RuntimeError("again")
        return "done"

    inner = Workflow(id="inner", input=model).then(ask).commit()
    for workflow in (Workflow(id="wf").then(ask), Workflow(id="wf", input=model).then(inner)):
        seen.clear()
        run, result = await started(workflow, value)
        assert result.status is RunStatus.SUSPENDED
        result = await run.resume(resume_data=value)
        assert (result.status, result.result) == (RunStatus.SUCCESS, "done")
        assert seen == [once(name)] * (3 + 2 * failures)


@models
async def test_a_crash_anywhere_changes_nothing_that_a_step_is_given(name):
    model, value = MODELS[name]

    @step(id="a", input=model, retries=1)
    async def a(ctx):
        if ctx.retry_count == 0:
            raise RuntimeError("again")
        return repr(ctx.input)

    @step(id="b", input=model, resume=model)
    async def b(ctx):
        if ctx.resume_data is UNSET:
            return await ctx.suspend({"q": 1})
        return [repr(ctx.input), repr(ctx.resume_data)]

    async def item(ctx):
        return repr(ctx.input)

    workflow = (
        Workflow(id="wf", input=model)
        .parallel([a, Workflow(id="inner", input=model).then(b).commit()])
        .map(lambda ctx: [value, value], id="items")
        .foreach(step(id="item", input=model)(item))
        .commit()
    )
    checked = workflow.check_request({"inputData": value})
    first = {"input": checked["inputData"]}
    if "inputGiven" in checked:
        first["inputGiven"] = checked["inputGiven"]
    whole = await assert_same_from_every_point(workflow, first, [{"step": "inner.b", "resumeData": value}])
    snapshot = fold("run-1", "wf", put_back(whole))
    assert snapshot.steps["a"].output == once(name)
    assert snapshot.steps["inner.b"].output == [once(name), once(name)]
    assert snapshot.result == [once(name), once(name)]


@models
async def test_a_nested_workflow_does_not_read_its_parents_state_again(name):
    model, value = MODELS[name]
    states: list[object] = []

    async def look(ctx):
        states.append(ctx.state)

    look = step(id="look")(look)
    inner = Workflow(id="inner", state=model).then(look).commit()
    _, result = await started(Workflow(id="wf", state=model).then(look).then(inner), {}, initial_state=value)
    assert result.status is RunStatus.SUCCESS, result.error
    assert states[0] == states[1]


@models
async def test_a_request_context_is_handed_on_as_it_was_given(name):
    model, value = MODELS[name]
    seen: list[object] = []

    async def look(ctx):
        seen.append(ctx.request_context.to_dict())

    workflow = Workflow(id="wf", request_context=model).then(step(id="a", request_context=model)(look))
    _, result = await started(workflow, {}, request_context=value)
    assert result.status is RunStatus.SUCCESS, result.error
    assert seen == [value]


@models
async def test_an_output_that_is_an_instance_is_not_checked_by_reading_it_again(name):
    model, value = MODELS[name]

    @step(id="make", output=model)
    async def make(ctx):
        return model.model_validate(value)

    _, result = await started(Workflow(id="wf", validate_outputs=True).then(make), {})
    assert result.status is RunStatus.SUCCESS, result.error


async def test_a_value_that_was_made_up_while_reading_stays_the_same():
    class Token(BaseModel):
        id: str = Field(default_factory=lambda: uuid.uuid4().hex)

    class Odd(Token):
        share: Annotated[float, AfterValidator(lambda value: value / 100)] = 1

    for model in (Token, Odd):
        seen = Seen()
        _, result = await started(Workflow(id="wf").then(seen.step(model, failures=2)), {})
        assert result.status is RunStatus.SUCCESS
        assert len(seen) == 3
        assert len(set(seen)) == 1


async def test_what_a_step_does_to_its_instance_is_undone_for_the_next_attempt():
    class Bag(BaseModel):
        items: Annotated[list[int], AfterValidator(lambda items: [*items, 0])]

    seen: list[list[int]] = []

    @step(id="spoil", input=Bag, retries=1)
    async def spoil(ctx):
        seen.append(list(ctx.input.items))
        ctx.input.items.append(9)
        if ctx.retry_count == 0:
            raise RuntimeError("again")

    await started(Workflow(id="wf").then(spoil), {"items": [1]})
    assert seen == [[1, 0], [1, 0]]


@models
def test_what_is_kept_of_a_value_is_read_as_the_same(name):
    model, value = MODELS[name]
    schema = Schema.of(model)
    parsed = schema.check(value)
    stored = schema.to_store(parsed, value)
    assert repr(schema.check(stored).instance) == once(name)
    assert (stored == value) or schema.reads_back(parsed)


FIELDS = {
    "plain": (int, st.integers(-5, 5)),
    "shift": (Annotated[int, AfterValidator(lambda value: value + 1)], st.integers(-5, 5)),
    "alias": (Annotated[int, Field(validation_alias="other")], st.integers(-5, 5)),
    "exclude": (Annotated[int, Field(exclude=True)], st.integers(-5, 5)),
    "text": (Annotated[int, PlainSerializer(lambda value: f"<{value}>")], st.integers(-5, 5)),
    "lists": (list[Share], st.lists(st.integers(0, 9).map(lambda share: {"share": share}), max_size=2)),
    "either": (int | str, st.integers(-5, 5) | st.text(max_size=2)),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), kinds=st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=4, unique=True))
def test_any_model_is_read_from_what_is_kept_as_from_what_was_given(data, kinds):
    from pydantic import create_model

    model = create_model("Made", **{kind: (FIELDS[kind][0], ...) for kind in kinds})
    value = {("other" if kind == "alias" else kind): data.draw(FIELDS[kind][1]) for kind in kinds}
    schema = Schema.of(model)
    parsed = schema.check(value)
    again = schema.check(schema.to_store(parsed, value))
    assert again.instance == parsed.instance
    assert again.value == parsed.value
