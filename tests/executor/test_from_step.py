"""Runs that start at a step of an earlier one: in branches, blocks, loops, foreachs and nested workflows."""

import pytest

from runs.actions.list_schema import list_of
from runs.actions.resume import Answer
from runs.actions.start import WorkflowDisabled
from runs.engine.data.json_schema import JsonSchema
from runs.engine.errors import CannotTimeTravel, InvalidInput
from runs.forms.run_start import RunStartForm
from runs.forms.schema.exact_json import exact
from runs.forms.schema.json_schema import shape_of
from runs.models import WorkflowDefinition, WorkflowRun, WorkflowVersion
from runs.store.history import read_events, snapshot
from runs.store.redaction import redactor_for
from tests.executor.acting import resume_run, run_again, run_from_step

pytestmark = pytest.mark.usefixtures("executor")


@pytest.fixture
def ended(start, until):
    """Starts a run, and gives it when it has succeeded."""

    def run(workflow_id, input):
        return until(start(workflow_id, input), "success")

    return run


@pytest.fixture
def from_step(until):
    """Starts a run from a step, and gives its snapshot when it has succeeded."""

    def run(origin, step, **more):
        return snapshot(until(run_from_step(origin.pk, step, **more), "success").pk)

    return run


def test_the_arm_of_a_branch_that_ran_runs_again_and_the_other_stays_out(ended, from_step):
    told = from_step(ended("branching", {"value": 1}), "low", input={"value": 50})
    assert told.result == {"low": {"low": 50}}
    assert "high" not in told.steps or told.steps["high"].status == "skipped"


def test_the_step_after_a_branch_gets_what_its_arm_gave_or_what_is_given_instead(ended, from_step):
    run = ended("branching", {"value": 1})
    assert from_step(run, "gather").result == {"low": {"low": 2}}
    assert from_step(run, "gather", input={"low": {"low": 7}}).result == {"low": {"low": 7}}


def test_a_member_of_a_parallel_block_runs_again_and_its_neighbours_keep_their_results(ended, from_step):
    told = from_step(ended("abreast", {"value": 1}), "low", input={"value": 9})
    assert told.result == {"low": {"low": 9}, "high": {"high": 2}}


def test_an_input_that_does_not_name_the_steps_before_is_refused(ended):
    with pytest.raises(InvalidInput) as refused:
        run_from_step(ended("abreast", {"value": 1}).pk, "gather", input={"middle": 1})
    assert "low, high" in str(refused.value)


def test_a_loop_starts_at_its_first_round(ended, from_step):
    run = ended("counting", {"value": 0})
    assert from_step(run, "first").result == {"value": 4}
    assert from_step(run, "second", input={"value": 100}).result == {"value": 101}


def test_a_foreach_starts_with_all_its_items_and_not_with_one(ended, from_step):
    run = ended("asking-items", [2, 4])
    assert from_step(run, "item", input=[6]).result == [60]
    with pytest.raises(CannotTimeTravel, match="whole steps"):
        run_from_step(run.pk, "item[1]")
    with pytest.raises(InvalidInput, match="array"):
        run_from_step(run.pk, "item", input={"value": 1})


@pytest.fixture
def nested(start, until):
    """second -> inner (first -> decide, answered -> sum_up) -> third."""
    run = until(start("nesting", {"value": 1}), "suspended")
    resume_run(Answer(run_id=run.pk, data={"ok": True}))
    return until(run, "success")


def test_a_step_of_a_nested_workflow_starts_with_that_workflows_results_and_input(nested, from_step):
    assert snapshot(nested.pk).result == {"value": 6}
    told = from_step(nested, "inner.sum_up")
    assert told.steps["inner.first"].output == {"value": 3}
    assert told.result == {"value": 6}
    assert from_step(nested, "inner.sum_up", input={"value": 100}).result == {"value": 103}


def test_the_first_step_of_a_nested_workflow_can_get_another_input(nested, until):
    child = until(run_from_step(nested.pk, "inner.first", input={"value": 20}), "suspended")
    resume_run(Answer(run_id=child.pk, data={"ok": True}))
    assert snapshot(until(child, "success").pk).result == {"value": 42}


def test_a_step_that_was_answered_asks_again(nested, until):
    child = until(run_from_step(nested.pk, "inner.decide"), "suspended")
    resume_run(Answer(run_id=child.pk, data={"ok": True}))
    assert snapshot(until(child, "success").pk).result == {"value": 6}


def test_a_run_of_an_earlier_version_starts_again_in_that_version(ended, from_step):
    run = ended("quick", {"value": 1})
    definition = WorkflowDefinition.objects.get(pk="quick")
    later = WorkflowVersion.objects.get(pk=definition.current_id)
    later.pk, later.number, later.content_hash = None, later.number + 1, "0" * 64
    later.save(force_insert=True)
    WorkflowDefinition.objects.filter(pk="quick").update(current=later)
    child = run_from_step(run.pk, "third")
    assert child.version_id == run.version_id


def test_a_version_that_this_server_does_not_have_is_refused_in_a_sentence(ended):
    run = ended("quick", {"value": 1})
    WorkflowVersion.objects.filter(pk=run.version_id).update(content_hash="0" * 64, graph=[])
    with pytest.raises(
        WorkflowDisabled, match=r"needs version 1 of quick.* with other steps .* Deploy the code of version 1"
    ):
        run_from_step(run.pk, "third")
    assert WorkflowRun.objects.count() == 1


def test_a_run_is_run_again_with_what_was_given_not_with_what_its_model_made_of_it(executor, start, until):
    given = {"share": 50}
    first = until(start("sharing", given, initial_state=given), "success")
    again = until(run_again(first.id), "success")
    below = until(run_from_step(again.id, "take_share"), "success")
    edited = until(run_from_step(below.id, "take_share", input=given), "success")
    for run in (first, again, below, edited):
        assert snapshot(run.id).result == 0.5
        event = read_events(run.id)[0].decoded()
        assert (event["input"], event["inputGiven"]) == ({"share": 0.5}, given)
        assert (event["initialState"], event["initialStateGiven"]) == ({"share": 0.5}, given)
    version = WorkflowDefinition.objects.get(pk="sharing").current
    started = exact(read_events(first.id)[0].decoded())
    form = RunStartForm.of_run(version, started, priority=0, redactor=redactor_for(first, first.last_seq))
    assert form.input.value() == given
    assert form.state.value() == given


@pytest.mark.parametrize(
    ("workflow", "step"), [("sharing-first", "take_share"), ("sharing-later", "sharing-inner.take_share")]
)
def test_a_step_with_the_model_of_the_workflow_gets_the_input_that_is_given_for_it(ended, from_step, workflow, step):
    run = ended(workflow, {"share": 50})
    assert from_step(run, step).steps[step].output == 0.5
    assert from_step(run, step, input={"share": 70}).steps[step].output == 0.7


@pytest.mark.parametrize(("workflow", "read"), [("sharing-later", 0.5), ("sharing-unread", 50)])
def test_a_run_from_a_later_step_has_the_input_of_the_earlier_run_as_its_own(ended, from_step, workflow, read):
    run = ended(workflow, {"share": 50})
    told = from_step(run, "from_start")
    assert (told.input, told.result) == ({"share": read}, {"share": read})


# --- Names and schemas of any size and form ---


def test_a_run_starts_from_a_step_whose_path_is_longer_than_its_card_can_hold(ended, from_step, until):
    origin = ended("long-path", {"value": 1})
    path = ".".join(["o" * 190, "i" * 190])
    child = until(run_from_step(origin.pk, path), "success")
    assert (len(child.origin_step), child.origin_step[0], child.origin_step[-190:]) == (200, "…", "i" * 190)
    assert snapshot(child.pk).result == {"value": 1}


REFERRING = {
    "$ref root": {"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "n": {"type": "integer"}}},
    "definitions": {"properties": {"n": {"$ref": "#/definitions/n"}}, "definitions": {"n": {"type": "integer"}}},
    "$defs": {"properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}},
    "a property": {"properties": {"n": {"$ref": "#/properties/default"}, "default": {"type": "integer"}}},
    "a property named so": {
        "properties": {"n": {"$ref": "#/$defs/const"}, "const": {"$ref": "#/$defs/const"}},
        "$defs": {"const": {"type": "integer"}},
    },
    "data": {"properties": {"n": {"type": "integer"}}, "default": {"$ref": "#/x"}, "examples": [{"$ref": "#"}]},
}


@pytest.mark.parametrize("schema", REFERRING.values(), ids=REFERRING)
def test_the_schema_of_a_list_says_of_each_item_what_the_schema_of_an_item_says(schema):
    one, many = JsonSchema(schema, parses=False), JsonSchema(list_of(schema), parses=False)
    for value in ({"n": 1}, {"n": "x"}, {"next": {"n": "x"}}, {"const": "x"}, {"default": "x"}, 3):
        assert bool(many.parse([value])[1]) == bool(one.parse(value)[1]), value
    part = shape_of(list_of(schema)).items.properties["n"]
    assert part.kind == shape_of({"type": "integer"}).kind
