"""Ids: what they may be, and that each path is the path of one step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.engine import UNSET, InvalidWorkflow, Step, Workflow
from runs.engine.definition.definition import build_workflow, check_definition
from runs.engine.graph.ids import is_address_id, is_id, is_tag
from runs.engine.graph.step_paths import path_of
from runs.engine.log.results import RunStatus

GOOD = ["a", "a b&c=1", "etl.v2", "été", "订单", "x" * 200, "a%2Fb", "~tilde", "...", ".a", "'\"<>"]
BAD = [
    "",
    " ",
    " a",
    "a ",
    "x" * 201,
    "a\nb",
    "a\x00b",
    "a\x1bb",
    "a\x7f",
    "a\u202eb",
    "a\u200bb",
    "a\u2028b",
    "\ud800",
]
BAD_IN_ADDRESSES = [".", "..", "a/b", "/", "a\\b"]


@pytest.mark.parametrize("text", [*GOOD, *BAD, *BAD_IN_ADDRESSES])
def test_workflows_and_runs_take_the_same_ids(text):
    good = text in GOOD
    assert is_address_id(text) is good
    assert is_id(text) is (text not in BAD)
    if not good:
        with pytest.raises(InvalidWorkflow):
            Workflow(id=text)
        if text:
            with pytest.raises(InvalidWorkflow, match="A run id has"):
                Workflow(id="w").then(step("a")).commit().create_run(run_id=text)
        return
    assert Workflow(id=text).then(step("a")).commit().create_run(run_id=text).run_id == text


@pytest.mark.parametrize("text", BAD[1:])
def test_a_step_with_a_bad_id_is_refused_at_commit_and_in_a_definition(text):
    with pytest.raises(InvalidWorkflow, match="A step id has"):
        Workflow(id="w").then(step(text)).commit()
    assert "invalid-step-id" in codes([{"type": "tool", "id": text, "toolId": "tool"}])


def test_tags_are_printable_and_not_blank():
    assert is_tag("team/etl", 100)
    assert not any(is_tag(text, 100) for text in ("", " ", "x" * 101, "a\nb", "a\u202eb"))


def step(step_id: str) -> Step:
    async def ask(ctx):
        return {"answer": ctx.resume_data} if ctx.resume_data is not UNSET else await ctx.suspend({"who": step_id})

    return Step(ask, id=step_id)


def flow(flow_id: str, *steps: "Step | Workflow") -> Workflow:
    return Workflow(id=flow_id).parallel(steps).commit()


def codes(graph: list) -> set[str]:
    tools = {"tool": step("tool")}
    inner = {"inner": flow("inner", step("x"))}
    data = {"id": "w", "inputSchema": {}, "outputSchema": {}, "graph": graph}
    return {issue.code for issue in check_definition(data, tools=tools, workflows=inner)}


AMBIGUOUS = [
    ["dot.x", flow("dot", step("x"))],
    ["a.b", "a"],
    ["items[0]", "items"],
    ["n", "n[0].x"],
    [flow("n", step("a.b")), flow("n.a", step("b"))],
    ["a", "a"],
    [flow("n", step("x")), "n"],
]


@pytest.mark.parametrize("parts", AMBIGUOUS)
def test_steps_whose_paths_meet_are_refused_at_commit_and_both_are_named(parts):
    steps = [step(part) if isinstance(part, str) else part for part in parts]
    names = [part if isinstance(part, str) else part.id for part in parts]
    for build in (
        lambda: flow("w", *steps),
        lambda: Workflow(id="w").then(steps[0]).then(steps[1]).commit(),
        lambda: Workflow(id="w").foreach(steps[1]).then(steps[0]).commit(),
    ):
        with pytest.raises(InvalidWorkflow, match="cannot be told apart") as refused:
            build()
        assert all(f'"{name}" (entry ' in str(refused.value) for name in names)


def test_a_definition_whose_paths_meet_is_refused_at_both_entries_and_runs_on_where_it_is_stored():
    graph = [
        {"type": "tool", "id": "inner.x", "toolId": "tool"},
        {"type": "workflow", "id": "inner", "workflowId": "inner"},
    ]
    data = {"id": "w", "inputSchema": {}, "outputSchema": {}, "graph": graph}
    parts = {"tools": {"tool": step("tool")}, "workflows": {"inner": flow("inner", step("x"))}}
    (issue,) = check_definition(data, **parts)
    assert (issue.path, issue.code) == ("graph.0.id", "ambiguous-step-id")
    assert '"inner.x"' in issue.message
    assert '"inner", at graph.1' in issue.message
    assert build_workflow(data, **parts, stored=True).committed


def test_the_same_step_may_be_used_twice_in_a_row():
    one, inner = step("a"), flow("inner", step("x"))
    Workflow(id="w").then(one).then(one).then(inner).then(inner).sleep(1, id="nap").sleep(1, id="nap").commit()


async def test_steps_whose_ids_hold_dots_are_answered_by_their_paths_in_words():
    outer = flow("outer", flow("n.m", step("a.b"), step("c")), step("d.e"))
    run = outer.create_run()
    assert (await run.start()).status is RunStatus.SUSPENDED
    for path in ("n.m.a.b", "d.e", "n.m.c"):
        result = await run.resume(step=path, resume_data=path)
    assert result.result == {
        "n.m": {"a.b": {"answer": "n.m.a.b"}, "c": {"answer": "n.m.c"}},
        "d.e": {"answer": "d.e"},
    }


IDS = st.text("ab.[]0", min_size=1, max_size=4)
TREES = st.recursive(st.none(), lambda inner: st.dictionaries(IDS, inner, min_size=1, max_size=3), max_leaves=6)


@given(st.dictionaries(IDS, TREES, min_size=1, max_size=3))
def test_what_is_committed_has_one_step_for_each_path(tree):
    paths: list[list[str]] = []

    def build(flow_id: str, inner: dict, above: list[str]) -> Workflow:
        made = Workflow(id=flow_id)
        for name, below in inner.items():
            paths.append([*above, name])
            made.then(step(name) if below is None else build(name, below, [*above, name]))
        return made.commit()

    try:
        workflow = build("w", tree, [])
    except InvalidWorkflow:
        return
    texts = [".".join(path) for path in paths]
    assert len(set(texts)) == len(texts)
    assert [path_of(workflow, text) for text in texts] == paths
