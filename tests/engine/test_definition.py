import json

import pytest

from runs.engine import MemoryRunStore, Workflow, step
from runs.engine.definition.definition import InvalidDefinition, build_workflow, check_definition, nested_workflow_ids

NUMBER = {"type": "object", "properties": {"value": {"type": "number"}}, "required": ["value"]}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


@step(id="double", input=NUMBER, output=NUMBER)
async def double(ctx):
    """Doubles the value."""
    return {"value": ctx.input["value"] * 2}


@step(id="shout", input=TEXT, output=TEXT)
async def shout(ctx):
    return {"text": ctx.input["text"].upper()}


@step(id="item", input={"type": "number"}, output={"type": "number"})
async def item(ctx):
    return ctx.input + 1


TOOLS = {"double": double, "shout": shout, "item": item}


def definition(*graph, **more):
    return {"id": "wf", "inputSchema": NUMBER, "outputSchema": {}, "graph": list(graph)} | more


def tool(name, tool_id=None):
    return {"type": "tool", "id": name, "toolId": tool_id or name}


def mapping(name, **config):
    return {"type": "mapping", "id": name, "mapConfig": config}


def issues(data, workflows=None):
    return [(issue.path, issue.code) for issue in check_definition(data, tools=TOOLS, workflows=workflows or {})]


def coded():
    return Workflow(id="coded", input=NUMBER, output=NUMBER).then(double).commit()


async def result(data, value, **more):
    workflow = build_workflow(data, tools=TOOLS, workflows={"coded": coded()}, store=MemoryRunStore())
    ended = await workflow.create_run().start(input_data=value, **more)
    return ended.result if ended.error is None else ended.error


EXISTS = {"op": "exists", "path": "inputData.value"}


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({"id": "x"}, ["inputSchema", "outputSchema", "graph"]),
        ("text", ["root"]),
        (definition({"type": "agent", "id": "x"}), ["graph.0.type"]),
        (definition({"type": "tool", "id": 1}), ["graph.0.id", "graph.0.toolId"]),
        (definition({"type": "conditional", "steps": [tool("double")], "predicates": []}), ["graph.0.predicates"]),
        (
            definition({"type": "conditional", "steps": [tool("double")], "predicates": [{"op": "eq"}]}),
            ["graph.0.predicates.0.left"],
        ),
        (
            definition({"type": "loop", "step": tool("double"), "loopType": "while"}),
            ["graph.0.loopType", "graph.0.predicate"],
        ),
        (definition({"type": "parallel", "steps": [{"type": "sleep", "id": "x"}]}), ["graph.0.steps.0.type"]),
        (definition({"type": "sleepUntil", "id": "x", "date": "soon"}), ["graph.0.date"]),
        (definition({"type": "sleep", "id": "x", "duration": "5"}), ["graph.0.duration"]),
        (
            definition({"type": "foreach", "step": tool("double"), "opts": {"concurrency": "2"}}),
            ["graph.0.opts.concurrency"],
        ),
    ],
)
def test_what_has_not_the_form_of_a_definition_is_named_by_its_path(data, paths):
    assert issues(data) == [(path, "invalid-shape") for path in paths]


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ([], ("graph", "empty-graph")),
        ([tool("a", "nope")], ("graph.0.toolId", "missing-reference")),
        ([{"type": "workflow", "id": "x", "workflowId": "nope"}], ("graph.0.workflowId", "missing-reference")),
        ([{"type": "workflow", "id": "x", "workflowId": "wf"}], ("graph.0.workflowId", "self-reference")),
        (
            [tool("double"), {"type": "parallel", "steps": [tool("double")]}],
            ("graph.1.steps.0.id", "duplicate-step-id"),
        ),
        ([{"type": "parallel", "id": "", "steps": [tool("double")]}], ("graph.0.id", "missing-step-id")),
        ([{"type": "parallel", "steps": [mapping("m", a={"value": 1})]}], ("graph.0.steps.0", "invalid-map-placement")),
        ([{"type": "parallel", "steps": []}], ("graph.0.steps", "invalid-parallel")),
        ([{"type": "mapping", "id": "m", "mapConfig": "{"}], ("graph.0.mapConfig", "invalid-map-config")),
        ([mapping("m", a={"initData": True, "path": "$.value"})], ("graph.0.mapConfig.a.path", "invalid-map-config")),
        ([mapping("m", a={"initData": True, "path": "nope"})], ("graph.0.mapConfig.a.path", "invalid-map-config")),
        ([mapping("m", a={"step": "later"})], ("graph.0.mapConfig.a.step", "invalid-map-reference")),
        ([mapping("m", a={})], ("graph.0.mapConfig.a", "invalid-map-config")),
        ([mapping("m", a={"template": "${nope.x}"})], ("graph.0.mapConfig.a.template", "invalid-map-reference")),
        ([mapping("m", a={"template": "${stepResults.x}"})], ("graph.0.mapConfig.a.template", "invalid-map-reference")),
        ([mapping("m", a={"template": "{{name}}"})], ("graph.0.mapConfig.a.template", "invalid-map-reference")),
        ([tool("shout")], ("graph.0", "incompatible-schema")),
        ([{"type": "foreach", "step": tool("item")}], ("graph.0", "incompatible-schema")),
        (
            [
                {
                    "type": "conditional",
                    "steps": [tool("double")],
                    "predicates": [{"op": "exists", "path": "inputData.x"}],
                }
            ],
            ("graph.0.predicates.0.path", "invalid-predicate-reference"),
        ),
        (
            [
                {
                    "type": "loop",
                    "step": tool("double"),
                    "loopType": "dountil",
                    "predicate": {"op": "not", "arg": {"op": "exists", "path": "stepResults.x.y"}},
                }
            ],
            ("graph.0.predicate.arg.path", "invalid-predicate-reference"),
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_named_by_their_path(graph, expected):
    assert issues(definition(*graph)) == [expected]


def test_an_output_schema_that_the_last_step_can_never_give_is_refused():
    assert issues(definition(tool("double"), outputSchema=TEXT)) == [("outputSchema", "incompatible-schema")]
    assert issues(definition(tool("double"), outputSchema=NUMBER)) == []


def test_what_is_not_known_is_no_issue():
    graph = [mapping("m", a={"requestContextPath": "user.id"}, b={"step": "coded", "path": "deep.er"})]
    data = definition({"type": "workflow", "id": "coded", "workflowId": "open"}, *graph, inputSchema={})
    assert issues(data, {"open": Workflow(id="open").then(double).commit()}) == []


def test_a_broken_definition_is_refused_with_every_issue_in_the_reference_form():
    with pytest.raises(InvalidDefinition) as caught:
        build_workflow(definition(tool("a", "nope"), tool("b", "nope")), tools=TOOLS, workflows={})
    assert str(caught.value).startswith(
        'Dynamic workflow "wf" failed validation with 2 issue(s):\n- [missing-reference] '
    )
    assert not caught.value.is_shape


async def test_tools_run_under_their_own_ids_and_mappings_read_them():
    config = json.dumps({"text": {"template": "${initData.value} twice is ${stepResults.first.value}"}})
    data = definition(tool("first", "double"), {"type": "mapping", "id": "m", "mapConfig": config}, tool("shout"))
    assert await result(data, {"value": 4}) == {"text": "4 TWICE IS 8"}


async def test_a_branch_takes_the_arm_whose_predicate_holds():
    many = {"op": "gt", "left": {"path": "inputData.value"}, "right": {"literal": 10}}
    arms = {"type": "conditional", "id": "route", "steps": [tool("a", "double"), tool("b", "double")]}
    data = definition({**arms, "predicates": [many, {"op": "not", "arg": many}]})
    assert await result(data, {"value": 4}) == {"b": {"value": 8}}


async def test_a_loop_ends_by_its_predicate_and_nested_workflows_run_under_their_id():
    done = {"op": "gte", "left": {"path": "inputData.value"}, "right": {"literal": 10}}
    loop = {"type": "loop", "step": {"type": "workflow", "id": "c", "workflowId": "coded"}, "loopType": "dountil"}
    data = definition({"type": "sleep", "id": "nap", "duration": 1}, {**loop, "predicate": done}, outputSchema=NUMBER)
    assert nested_workflow_ids(data) == {"coded"}
    assert await result(data, {"value": 3}) == {"value": 12}


async def test_a_foreach_runs_over_the_list_and_a_parallel_block_gives_all_outputs():
    each = {"type": "foreach", "step": tool("item"), "opts": {"concurrency": 2}}
    data = definition(each, inputSchema={"type": "array", "items": {"type": "number"}})
    assert await result(data, [1, 2, 3]) == [2, 3, 4]
    both = {"type": "parallel", "id": "both", "steps": [tool("a", "double"), tool("b", "double")]}
    assert await result(definition(both), {"value": 1}) == {"a": {"value": 2}, "b": {"value": 2}}


async def test_defaults_of_the_input_schema_are_filled_in():
    schema = {"type": "object", "properties": {"value": {"type": "number", "default": 21}}}
    assert await result(definition(tool("double"), inputSchema=schema), {}) == {"value": 42}


def tree(*kinds):
    """A schema in which each kind names all others."""
    properties = {kind: {"$ref": f"#/$defs/{kind}"} for kind in kinds}
    return {"$defs": {kind: {"type": "object", "properties": properties} for kind in kinds}, "$ref": "#/$defs/a"}


@step(id="prune", input=tree(*"abcdefghijklmnop"), output=tree(*"abcdefghijklmnop"))
async def prune(ctx):
    return ctx.input


def test_recursive_schemas_are_compared_in_time_and_without_end():
    data = definition(tool("prune")) | {"inputSchema": tree(*"abcdefghijklmnopqrst")}
    assert check_definition(data, tools={"prune": prune}, workflows={}) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"type": "object", "properties": {"a": {}}}, {"type": "object", "properties": {"value": {}}}]},
        {"type": "object", "properties": {}, "allOf": [{"properties": {"value": {}}}]},
        {"type": "object", "properties": {}, "patternProperties": {"^v": {}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}},
        {"$ref": "#/$defs/a", "properties": {"value": {}}, "$defs": {"a": {"type": "object", "properties": {}}}},
    ],
)
def test_a_key_that_a_schema_may_have_is_not_said_to_be_missing(schema):
    data = definition(tool("double")) | {"inputSchema": schema}
    assert check_definition(data, tools=TOOLS, workflows={}) == []


@pytest.mark.parametrize("key", ["inputSchema", "outputSchema", "stateSchema", "requestContextSchema"])
def test_a_definition_with_a_schema_that_cannot_be_used_is_refused_with_the_pointer(key):
    data = definition(tool("double")) | {key: {"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}}
    (issue,) = check_definition(data, tools=TOOLS, workflows={})
    assert issue.path == key
    assert "/properties/a/$ref" in issue.message


def test_a_step_keeps_its_time_limit_and_its_retries_under_the_id_of_a_definition():
    limited = step(id="limited", input=NUMBER, retries=2, timeout=1.5)(lambda ctx: None)
    workflow = build_workflow(definition(tool("mine", "limited")), tools={"limited": limited}, workflows={})
    built = workflow.entries[0].step
    assert (built.id, built.timeout, built.retries, built.input_schema) == ("mine", 1.5, 2, limited.input_schema)
    assert limited.id == "limited"
