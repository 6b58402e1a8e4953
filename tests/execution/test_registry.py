"""Code workflows become definitions and versions."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from runs.engine import Workflow, step
from runs.execution import registry
from runs.execution.start import WorkflowDisabled
from runs.models import WorkflowDefinition, WorkflowVersion


@step(id="another")
async def another(ctx):
    return ctx.input


def changed(monkeypatch, *workflows) -> None:
    """As after a restart with other code."""
    registry.content_hash.cache_clear()
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
