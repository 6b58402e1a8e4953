"""What makes a version of a workflow, and which releases of its code continue each other's runs."""

from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from runs.engine import Workflow
from runs.engine.graph.version_hash import former_content_hash, plan, without_words

CODE = '''
from runs.engine import Workflow, step

@step(id="first", description="{words}", metadata={{"note": "{words}"}})
async def first(ctx):
    """{words}"""
    return {{"n": {number}}}  # {words}

async def ask(ctx):
    """{words}"""
    return await ctx.suspend({{}})

def again(ctx):
    """{words}"""
    return False

class Words:
    def __call__(self, ctx):
        """{words}"""
        return ctx.input

inner = Workflow(id="inner", description="{words}").then(first).commit()
from runs.engine import Step
flow = Workflow(id="flow", description="{words}", metadata={{"note": "{words}"}}, input={schema})
flow.then(first, description="{words}").then(Step(ask, id="{name}", description="{words}"))
flow.dowhile(first, again, description="{words}").branch([(lambda ctx: ctx.input["n"] > {number}, inner)], description="{words}")
flow.map(lambda ctx: ctx.input, id="mapped", description="{words}").sleep({number}, id="nap", description="{words}")
flow.commit()
'''  # noqa: E501  the lines are part of what is hashed
SCHEMA = {"type": "object", "title": "T", "properties": {"title": {"type": "string", "description": "D"}}}


def flow(folder: Path, *, words: str = "As it was.", name: str = "ask", number: int = 1, schema: object = SCHEMA):
    file = folder / f"flow_{abs(hash((words, name, number, str(schema))))}.py"
    file.write_text(CODE.format(words=words, name=name, number=number, schema=schema))
    found: dict[str, object] = {}
    exec(compile(file.read_text(), file, "exec"), found)  # a file, so that inspect finds the source
    return found["flow"]


def test_words_for_people_make_no_version(tmp_path):
    before, after = flow(tmp_path), flow(tmp_path, words="Quite another sentence; longer.")
    assert before.content_hash() == after.content_hash()
    assert plan(before.serialized_step_graph()) == plan(after.serialized_step_graph())


@pytest.mark.parametrize(
    ("change", "continues"),
    [
        ({"number": 2}, True),  # the code of a step, a condition, a mapping
        ({"schema": SCHEMA | {"required": ["title"]}}, True),
        ({"name": "ask_other"}, False),
    ],
)
def test_what_execution_depends_on_makes_a_version(tmp_path, change, continues):
    before, after = flow(tmp_path), flow(tmp_path, **change)
    assert before.content_hash() != after.content_hash()
    same = plan(before.serialized_step_graph()) == plan(after.serialized_step_graph())
    assert same is continues


def test_the_hash_of_the_releases_before_is_made_as_they_made_it(tmp_path):
    assert former_content_hash(flow(tmp_path)) == "aa28d1eac78998af15e610b60b4d415e42493ff2f8a0ca5ce5dd353598e18288"


def workflow(*build) -> Workflow:
    made = Workflow(id="flow")
    for name, *arguments in build:
        getattr(made, name)(*arguments)
    return made.commit()


async def one(ctx): ...
async def two(ctx): ...


@pytest.mark.parametrize("reverse", [False, True])
def test_order_kind_and_predicate_are_part_of_the_plan(reverse):
    from runs.engine import step

    a, b = step(one), step(two)
    small = {"op": "lt", "left": {"path": "input.n"}, "right": {"literal": 1}}
    flows = [
        workflow(("then", a), ("then", b)),
        workflow(("then", b), ("then", a)),
        workflow(("then", a), ("foreach", b)),
        workflow(("parallel", [a, b])),
        workflow(("parallel", [b, a])),
        workflow(("then", a), ("dowhile", b, lambda ctx: False)),
        workflow(("then", a), ("dountil", b, lambda ctx: False)),
        workflow(("branch", [(small, a), (small, b)])),
    ]
    flows = flows[::-1] if reverse else flows
    plans = [str(plan(each.serialized_step_graph())) for each in flows]
    assert len(set(plans)) == len(flows)


class Order(BaseModel):
    """An order."""

    title: str = Field("x", title="T", description="D", examples=["E"])
    lines: list[dict[str, int]] = Field(default_factory=list, description="Lines")


def test_only_what_a_schema_says_to_people_is_left_out():
    stripped = without_words(Order.model_json_schema())
    assert stripped["properties"] == {
        "title": {"default": "x", "type": "string"},
        "lines": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}},
    }
    assert "description" not in stripped
    assert without_words({"const": {"title": 1}, "x-secret": True}) == {"const": {"title": 1}, "x-secret": True}
    assert without_words({"required": ["title"], "$defs": {"title": {"title": "T"}}}) == {
        "required": ["title"],
        "$defs": {"title": {}},
    }
