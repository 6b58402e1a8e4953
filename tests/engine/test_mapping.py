import pytest

from runs.engine.data.request_context import RequestContext
from runs.engine.data.undefined import UNSET
from runs.engine.errors import InvalidWorkflow
from runs.engine.graph.mapping import MapConfig, MappingError, Template, js_text


class Scope:
    input_data = {"name": "Berlin", "n": 21, "nested": {"deep": "value"}, "nil": None, "list": [1, 2]}
    init_data = {"city": "Berlin"}
    state = {"phase": "draft"}
    request_context = RequestContext({"userId": "u-1", "a.b": 1})

    def step_output(self, step_id):
        return {"a": {"text": "hello", "x": 1}, "empty": {}, "none": None}.get(step_id, UNSET)


async def apply(config):
    async def call(function):
        return function()

    return await MapConfig.parse(config).apply(Scope(), call)


async def test_every_kind_of_source_gives_its_value():
    config = {
        "value": {"value": None},
        "step": {"step": "a", "path": "text"},
        "whole": {"step": "a", "path": "."},
        "init": {"initData": True, "path": "city"},
        "context": {"requestContextPath": "a.b"},
        "template": {"template": "${initData.city} ${inputData.n}"},
        "fn": {"fn": lambda: 5},
    }
    assert await apply(config) == {
        "value": None,
        "step": "hello",
        "whole": {"text": "hello", "x": 1},
        "init": "Berlin",
        "context": 1,
        "template": "Berlin 21",
        "fn": 5,
    }


async def test_what_is_missing_at_the_end_of_a_path_leaves_the_key_out():
    assert await apply({"v": {"step": "a", "path": "nope"}, "w": {"requestContextPath": "nope"}}) == {}


async def test_a_path_through_what_is_missing_fails_the_mapping():
    with pytest.raises(MappingError, match=r"Invalid path x\.nope in step a"):
        await apply({"v": {"step": "a", "path": "x.nope"}})


async def test_a_step_without_success_gives_null_and_of_several_the_first_with_something_counts():
    config = {"v": {"step": "zzz", "path": "."}, "w": {"step": ["zzz", "empty", "a"], "path": "x"}}
    assert await apply(config) == {"v": None, "w": 1}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("City=${initData.city} phase=${state.phase}", "City=Berlin phase=draft"),
        ("user=${requestContext.userId}", "user=u-1"),
        ("${inputData.nested.deep}", "value"),
        ("${stepResults.a}", '{"text":"hello","x":1}'),
        ("[${inputData.nil}][${inputData.missing}]", "[][]"),
        ("${inputData.list} of ${inputData.list.length}", "[1,2] of 2"),
        ("no placeholders, $ and {} are plain", "no placeholders, $ and {} are plain"),
    ],
)
def test_a_template_shows_values_as_javascript_prints_them(text, rendered):
    assert Template(text).render(Scope()) == rendered


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x ${} y", "empty or whitespace-padded"),
        ("${ inputData.a }", "empty or whitespace-padded"),
        ("${foo.bar}", 'unknown namespace "foo". Use one of: inputData, initData, state, requestContext, stepResults.'),
        ("${stepResults}", "must be of the form"),
        ("${requestContext}", "requires a request-context key"),
    ],
)
def test_a_broken_template_is_refused_when_the_workflow_is_built(text, words):
    with pytest.raises(InvalidWorkflow, match="Template placeholder #1") as caught:
        Template(text)
    assert words in str(caught.value)


def test_a_template_fails_for_a_step_without_output_and_for_a_path_through_a_text():
    with pytest.raises(MappingError, match="has no successful output"):
        Template("${stepResults.zzz}").render(Scope())
    with pytest.raises(MappingError, match=r"Invalid path name\.oops"):
        Template("${inputData.name.oops}").render(Scope())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (1e21, "1e+21"),
        (1e20, "1" + "0" * 20),
        (1e-7, "1e-7"),
        (1.5e-5, "0.000015"),
        (True, "true"),
        (-0.0, "0"),
    ],
)
def test_numbers_are_printed_as_javascript_does(value, text):
    assert js_text(value) == text


def test_a_mapping_knows_the_steps_it_reads():
    config = {"a": {"step": ["x", "y"]}, "b": {"template": "${stepResults.z.q} ${stepResults.x}"}}
    assert MapConfig.parse(config).step_ids == ("x", "y", "z")


def test_a_source_that_names_nothing_is_refused_at_its_key():
    with pytest.raises(InvalidWorkflow, match=r"^map\.a: "):
        MapConfig.parse({"a": {}}, "map")
