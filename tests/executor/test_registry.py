"""Code workflows become definitions and versions."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from runs.actions.resume import Answer, find_run, resume_run
from runs.actions.start import CodeMissing, WorkflowDisabled
from runs.catalog import registry
from runs.catalog.missing_code import missing_code, missing_code_of
from runs.engine import UNSET, Step, Workflow, step
from runs.engine.graph.version_hash import former_content_hash
from runs.executor.embedded import EmbeddedExecutor
from runs.models import Actor, WorkflowDefinition, WorkflowVersion
from runs.store.history import snapshot


@step(id="another")
async def another(ctx):
    return ctx.input


def changed(monkeypatch, *workflows) -> None:
    """As after a restart with other code."""
    registry.content_hash.cache_clear()
    registry.code_plan.cache_clear()
    monkeypatch.setattr(registry, "_registry", lambda: {workflow.id: workflow for workflow in workflows})


def test_each_workflow_gets_its_first_version(workflows):
    definition = WorkflowDefinition.objects.with_current().get(pk="quick")
    assert (definition.origin, definition.enabled, definition.problem) == ("code", True, "")
    assert (definition.current.number, definition.current.change) == (1, "First version")
    assert definition.current.input_schema["properties"]["value"]["type"] == "integer"
    assert set(definition.current.steps) == {"first", "second", "third"}


def test_registering_again_changes_nothing(workflows, django_assert_num_queries):
    before = list(WorkflowDefinition.objects.values_list("pk", "updated_at", "current_id"))
    with django_assert_num_queries(1):
        registry.register_versions()
    assert list(WorkflowDefinition.objects.values_list("pk", "updated_at", "current_id")) == before


def test_new_content_is_a_new_version_that_tells_what_changed(workflows, monkeypatch):
    quick = registry.registry()["quick"]
    longer = Workflow(id="quick", input=quick.input_schema).then(another).commit()
    changed(monkeypatch, longer)
    registry.register_versions()
    definition = WorkflowDefinition.objects.with_current().get(pk="quick")
    assert definition.current.number == 2
    assert definition.current.change == "Added step another; removed steps first, second, third"
    changed(monkeypatch, quick)
    registry.register_versions()
    definition.refresh_from_db()
    assert definition.current.number == 1  # the old content is the old version
    assert definition.versions.count() == 2


def asking(words: str, *more) -> Workflow:
    """A workflow that asks, with these words for people in all the places that can have some."""
    reply = {"type": "object", "title": words, "properties": {"ok": {"type": "boolean", "description": words}}}

    async def ask(ctx):
        return ctx.resume_data if ctx.resume_data is not UNSET else await ctx.suspend({"message": "Go on?"})

    workflow = Workflow(id="asks", description=words, input={"type": "object", "title": words})
    workflow.then(Step(ask, id="ask", description=words, metadata={"by": words}, resume=reply), description=words)
    for each in more:
        workflow.then(each)
    return workflow.commit()


def test_other_words_make_no_version_and_are_told_from_then_on(workflows, monkeypatch):
    changed(monkeypatch, asking("As it was."))
    registry.register_versions()
    changed(monkeypatch, asking("In other words."))
    registry.register_versions()
    definition = WorkflowDefinition.objects.with_current().get(pk="asks")
    assert (definition.versions.count(), definition.description) == (1, "In other words.")
    assert definition.current.steps["ask"]["resumeSchema"]["properties"]["ok"]["description"] == "In other words."
    assert definition.current.input_schema["title"] == "In other words."
    assert definition.current.graph[0]["step"]["description"] == "In other words."


def test_a_version_of_an_earlier_release_gets_the_hash_of_this_one(workflows, monkeypatch, django_assert_num_queries):
    workflow = asking("As it was.")
    changed(monkeypatch, workflow)
    registry.register_versions()
    former = former_content_hash(workflow)
    WorkflowVersion.objects.filter(definition="asks").update(content_hash=former, change="By the release before")
    changed(monkeypatch, workflow)
    registry.register_versions()
    (version,) = WorkflowVersion.objects.filter(definition="asks")
    assert (version.content_hash, version.change) == (workflow.content_hash(), "By the release before")
    with django_assert_num_queries(1):
        registry.register_versions(all_of_them=False)


@pytest.mark.parametrize("release_before", [False, True])
def test_a_run_that_waits_goes_on_after_a_word_was_changed(start, until, monkeypatch, request, release_before):
    before = asking("As it was.")
    changed(monkeypatch, before)
    registry.register_versions()
    executor = EmbeddedExecutor()
    executor.start()
    run = until(start("asks", {}), "suspended")
    executor.stop()
    if release_before:
        WorkflowVersion.objects.filter(pk=run.version_id).update(content_hash=former_content_hash(before))
    changed(monkeypatch, asking("In other words."))
    registry.register_versions()
    resume_run(Answer(run_id=run.pk, data={"ok": True}), actor=Actor("tests"))
    request.getfixturevalue("executor")
    assert snapshot(until(run, "success").pk).result == {"ok": True}


def test_a_run_that_cannot_go_on_says_what_is_needed_and_what_helps(start, until, request, monkeypatch):
    changed(monkeypatch, asking("As it was."))
    registry.register_versions()
    request.getfixturevalue("executor")
    run = until(start("asks", {}), "suspended")
    changed(monkeypatch, asking("As it was.", another))
    registry.register_versions()
    with pytest.raises(CodeMissing) as refused:
        resume_run(Answer(run_id=run.pk, data={"ok": True}), actor=Actor("tests"))
    assert str(refused.value) == missing_code(find_run(run.pk).version)
    assert str(refused.value) == (
        "This run needs version 1 of asks, and this server has version 2, with other steps (new: another). "
        "Deploy the code of version 1, run it again on version 2, or cancel it."
    )
    assert missing_code_of([run.version_id]) == {run.version_id: str(refused.value)}
    assert until(run, "suspended").last_seq == run.last_seq


def test_a_workflow_whose_code_is_gone_takes_no_runs_and_says_why(start, monkeypatch):
    quick = registry.registry()["quick"]
    others = [workflow for workflow in registry.registry().values() if workflow is not quick]
    changed(monkeypatch, *others)
    registry.register_versions()
    with pytest.raises(WorkflowDisabled, match="Its code is not among the workflows"):
        start("quick", {"value": 1})
    assert not WorkflowDefinition.objects.runnable().filter(pk="quick").exists()
    changed(monkeypatch, quick, *others)
    registry.register_versions()
    start("quick", {"value": 1})


def test_an_administrator_s_switch_survives_a_restart(workflows, monkeypatch):
    WorkflowDefinition.objects.filter(pk="quick").update(enabled=False)
    changed(monkeypatch)
    registry.register_versions()
    changed(monkeypatch, Workflow(id="quick").then(another).commit())
    registry.register_versions()
    definition = WorkflowDefinition.objects.get(pk="quick")
    assert (definition.enabled, definition.problem) == (False, "")


def test_several_processes_at_once_make_one_version(workflows):
    WorkflowDefinition.objects.update(current=None)
    WorkflowVersion.objects.all().delete()
    WorkflowDefinition.objects.all().delete()

    def register(_: int) -> None:
        try:
            registry.register_versions()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(register, range(6)))
    assert WorkflowVersion.objects.filter(definition="quick").count() == 1
    assert WorkflowDefinition.objects.count() == len(registry.registry())


def test_a_module_that_does_not_exist_is_named(settings):
    settings.WORKFLOW_MODULES = ["nowhere.to_be_found"]
    registry._registry.cache_clear()
    with pytest.raises(ImproperlyConfigured, match=r"WFCONSOLE_WORKFLOWS names nowhere\.to_be_found"):
        registry.registry()
    registry._registry.cache_clear()
