"""Workflows made from data: stored as versions, run like any other."""

from functools import partial

import pytest

from runs.actions.start import StartRequest, WorkflowDisabled, check_start
from runs.catalog import definition_check, definitions, registry
from runs.catalog.definitions import InUse, Outdated, check, refresh_definitions
from runs.engine.definition.definition import InvalidDefinition
from runs.models import Actor, AuditEntry, WorkflowDefinition, WorkflowVersion
from runs.models.workflow import DELETED
from runs.store.history import snapshot
from tests.refused_schemas import NAMES, no_request, refused_schema

TESTS = Actor("tests")
save = partial(definitions.save, actor=TESTS)
save_many = partial(definitions.save_many, actor=TESTS)
delete = partial(definitions.delete, actor=TESTS)


def fill(text: str, **more: object) -> dict:
    """A definition that fills the name into a text."""
    values = {"template": {"value": text}, "values": {"initData": True, "path": "."}}
    return {
        "id": "greet",
        "description": "Greets",
        "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        "outputSchema": {},
        "graph": [
            {"type": "mapping", "id": "words", "mapConfig": values},
            {"type": "tool", "id": "fill", "toolId": "text_template"},
        ],
    } | more


def around(inner: str = "greet", **more: object) -> dict:
    """A definition that runs another one as a step."""
    step = {"type": "workflow", "id": "inner", "workflowId": inner}
    return {"id": "around", "inputSchema": fill("")["inputSchema"], "outputSchema": {}, "graph": [step]} | more


def issues(data: object) -> list[tuple[str, str]]:
    return [(issue.path, issue.code) for issue in check(data)]


def result(run) -> object:
    return snapshot(run.id).result


def test_saving_makes_a_version_and_saving_the_same_again_makes_none(workflows, admin):
    saved = definitions.save(fill("Hello ${name}"), actor=Actor.person(admin))
    definition = WorkflowDefinition.objects.with_current().get(pk="greet")
    assert (saved.outcome, saved.change, definition.origin) == ("created", "First version", "dynamic")
    version = definition.current
    assert (version.number, version.created_by, version.definition_json) == (1, admin, fill("Hello ${name}"))
    assert (definition.description, list(version.steps)) == ("Greets", ["words", "fill"])
    assert version.input_schema["required"] == ["name"]
    assert save(fill("Hello ${name}")).outcome == "unchanged"
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.object_id, entry.actor_label, entry.after["version"]) == ("create", "greet", "Ada", 1)


def test_a_run_keeps_the_version_that_it_was_started_with(start, executor, until):
    save(fill("Hello ${name}"))
    executor.stop()  # the run shall find a newer version when it begins
    first = start("greet", {"name": "Ada"})
    saved = save(fill("Bye ${name}"))
    assert (saved.outcome, saved.change, saved.version.number) == ("changed", "Changed words", 2)
    second = start("greet", {"name": "Ada"})
    again = type(executor)()
    again.start()
    try:
        assert result(until(first, "success")) == {"text": "Hello Ada"}
        assert result(until(second, "success")) == {"text": "Bye Ada"}
    finally:
        again.stop()


def test_saving_what_an_older_version_was_goes_back_to_it(workflows):
    save(fill("a"))
    save(fill("b"))
    saved = save(fill("a"))
    assert (saved.version.number, saved.change) == (1, "Back to version 1")
    assert WorkflowDefinition.objects.get(pk="greet").current.number == 1


def test_bad_definitions_are_refused_and_nothing_is_stored(workflows):
    with pytest.raises(InvalidDefinition) as caught:
        save(fill("", graph=[{"type": "tool", "id": "x", "toolId": "nope"}]))
    assert [issue.path for issue in caught.value.issues] == ["graph.0.toolId"]
    assert not WorkflowDefinition.objects.filter(pk="greet").exists()


@pytest.mark.parametrize("definition_id", ["a/b", " a", "a\n", ".", "x" * 201])
def test_an_id_that_no_address_can_carry_is_refused(workflows, definition_id):
    assert issues(fill("", id=definition_id)) == [("id", "invalid-id")]


def test_the_id_of_a_code_workflow_is_taken(workflows):
    assert issues(fill("", id="quick")) == [("id", "id-in-use")]


def test_input_is_checked_by_the_definitions_schema(start, workflows):
    save(fill("Hello"))
    with pytest.raises(Exception, match="name: Invalid input: expected string"):
        check_start(StartRequest(workflow_id="greet", input={"name": 7}))


def test_a_definition_can_run_others_from_data_and_from_code(start, executor, until):
    save(fill("Hello ${name}"))
    save(around())
    assert result(until(start("around", {"name": "Ada"}), "success")) == {"text": "Hello Ada"}
    save(around("quick", id="coded", inputSchema={}))
    assert until(start("coded", {"value": 1}), "success")


def test_what_runs_a_definition_gets_its_new_version_and_old_runs_keep_theirs(start, executor, until):
    save(fill("Hello ${name}"))
    first = save(around()).version
    save(fill("Bye ${name}"))
    definition = WorkflowDefinition.objects.with_current().get(pk="around")
    assert (definition.current.number, definition.current.change) == (2, "Runs version 2 of greet")
    before, now = registry.runnable(first), registry.runnable(definition.current)
    assert before.entries[0].step.workflow is not now.entries[0].step.workflow
    assert result(until(start("around", {"name": "Ada"}), "success")) == {"text": "Bye Ada"}


def test_what_no_longer_fits_keeps_running_the_version_before(workflows):
    save(fill("Hello ${name}"))
    save(around())
    number = {"type": "object", "properties": {"name": {"type": "number"}}, "required": ["name"]}
    saved = save(fill("Hello ${name}", inputSchema=number))
    [(behind, issue)] = saved.left_behind
    assert (behind, issue.path) == ("around", "graph.0")
    around_now = WorkflowDefinition.objects.with_current().get(pk="around")
    assert (around_now.current.number, around_now.problem) == (1, "")
    assert registry.runnable(around_now.current) is not None


def test_definitions_cannot_run_each_other_in_a_circle(workflows):
    save(fill("Hello ${name}"))
    save(around())
    circle = around("around", id="greet")
    assert issues(circle) == [("graph.0.workflowId", "self-reference")]


def test_who_saves_over_a_newer_version_is_told(workflows):
    save(fill("a"))
    save(fill("b"), base=1)
    with pytest.raises(Outdated) as caught:
        save(fill("c"), base=1)
    assert caught.value.current.number == 2


def test_several_are_saved_in_the_order_that_nesting_asks_for(workflows):
    broken = fill("", id="broken", graph=[])
    items = save_many([around(), broken, fill("Hello ${name}")])
    assert [(item.id, item.outcome) for item in items] == [
        ("around", "created"),
        ("broken", "refused"),
        ("greet", "created"),
    ]
    assert items[1].issues[0].path == "graph"


def test_several_can_be_looked_at_without_being_stored(workflows):
    assert [item.outcome for item in save_many([around(), fill("Hello")], only_look=True)] == ["created", "created"]
    assert not WorkflowDefinition.objects.dynamic().exists()


def test_several_are_saved_all_or_none_when_asked(workflows):
    items = save_many([fill("Hello"), {"id": "broken"}], all_or_none=True)
    assert [item.outcome for item in items] == ["created", "refused"]
    assert not WorkflowDefinition.objects.dynamic().exists()


def test_a_deleted_definition_without_runs_is_gone_and_one_with_runs_stays_readable(start, workflows):
    save(fill("Hello"))
    assert delete("greet")
    assert not WorkflowVersion.objects.filter(definition="greet").exists()
    assert not delete("greet")
    save(fill("Hello"))
    run = start("greet", {"name": "Ada"})
    assert delete("greet")
    with pytest.raises(WorkflowDisabled, match=DELETED):
        start("greet", {"name": "Ada"})
    run.refresh_from_db()
    assert run.version.definition_json == fill("Hello")
    assert save(fill("Hello")).change == "Restored"
    assert start("greet", {"name": "Ada"})


def test_a_definition_that_others_run_is_not_deleted(workflows):
    save(fill("Hello"))
    save(around())
    with pytest.raises(InUse, match="greet is a step of around"):
        delete("greet")


def test_a_definition_whose_tool_is_gone_says_so_until_it_is_back(workflows, monkeypatch):
    save(fill("Hello"))
    whole = registry.tools()
    without = {name: tool for name, tool in whole.items() if name != "text_template"}
    for module in (definition_check, registry):
        monkeypatch.setattr(module, "tools", lambda: without)
    registry._built.clear()
    refresh_definitions()
    problem = WorkflowDefinition.objects.get(pk="greet").problem
    assert problem.startswith("graph.1.toolId: ")
    monkeypatch.undo()
    refresh_definitions()
    assert WorkflowDefinition.objects.get(pk="greet").problem == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_definition_whose_schema_cannot_be_used_says_so_and_keeps_no_other_from_running(workflows, name):
    save(fill("Hello"))
    save(fill("Bye", id="other"))
    with no_request() as address:
        schema, pointer = refused_schema(name, address)
        data = fill("Hello", inputSchema=schema)  # as an earlier release may have stored it
        WorkflowVersion.objects.filter(definition="greet").update(definition_json=data)
        registry._built.clear()
        refresh_definitions()
    greet, other = (WorkflowDefinition.objects.with_current().get(pk=key) for key in ("greet", "other"))
    assert f"inputSchema: The JSON Schema is broken at {pointer}" in greet.problem
    assert registry.runnable(greet.current) is None
    assert other.problem == ""
    assert registry.runnable(other.current) is not None


def test_steps_of_the_applications_modules_are_tools(workflows):
    assert {"text_template", "first"} <= registry.tools().keys()
