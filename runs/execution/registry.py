"""Which workflows this process can run, and how they become definitions and versions in the database."""

import threading
from functools import cache
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from pydantic.alias_generators import to_camel

from runs.engine import Workflow
from runs.engine.workflow import StepInfo
from runs.models import WorkflowDefinition, WorkflowVersion

GONE = "Its code is not among the workflows of this console (WFCONSOLE_WORKFLOWS) any more."
CHANGE_LENGTH = WorkflowVersion._meta.get_field("change").max_length
SCHEMAS = {
    "input_schema": "input",
    "output_schema": "output",
    "state_schema": "state",
    "request_context_schema": "request context",
}

_loading = threading.Lock()  # two threads that import one module from both ends would each see half of it


def registry() -> dict[str, Workflow]:
    """The workflows of WFCONSOLE_WORKFLOWS, by id. Raises ImproperlyConfigured when a module cannot be used."""
    with _loading:
        return _registry()


@cache
def _registry() -> dict[str, Workflow]:
    found: dict[str, Workflow] = {}
    for name in settings.WORKFLOW_MODULES:
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # a module that this one imports
            raise ImproperlyConfigured(f"WFCONSOLE_WORKFLOWS names {name}, and there is no such module.") from None
        for workflow in vars(module).values():
            if isinstance(workflow, Workflow) and found.setdefault(workflow.id, workflow) is not workflow:
                raise ImproperlyConfigured(f"Two workflows of WFCONSOLE_WORKFLOWS have the id {workflow.id}.")
    return found


@cache
def content_hash(workflow_id: str) -> str:
    return registry()[workflow_id].content_hash()


def runnable(version: WorkflowVersion) -> Workflow | None:
    """The workflow that continues runs of this version, or None when this process does not have it.

    A run goes on under a later version of the code as long as its steps still stand in the same order: what its
    history tells is found by their places. A changed schema or description does not strand it.
    """
    workflow = registry().get(version.definition_id)
    if workflow is None:
        return None
    if version.content_hash in {"", content_hash(workflow.id)} or version.graph == graph_of(workflow):
        return workflow
    return None


def graph_of(workflow: Workflow) -> list:
    return workflow.serialized_step_graph()


def register_versions(*, all_of_them: bool = True) -> None:
    """Store what the workflows of this process are: new content is a new version, and what new runs get.

    Safe to call again, and from several processes at once. With `all_of_them`, code workflows that this process does
    not have are marked as gone.
    """
    ours = registry()
    stored = {
        definition.id: definition
        for definition in WorkflowDefinition.objects.filter(origin=WorkflowDefinition.Origin.CODE).with_current()
    }
    for workflow in ours.values():
        definition = stored.get(workflow.id)
        current = definition and definition.current
        if not current or definition.problem or current.content_hash != content_hash(workflow.id):
            _register(workflow)
    if all_of_them and (gone := [definition.id for definition in stored.values() if definition.id not in ours]):
        # Those with a problem already keep it: it may be another one.
        WorkflowDefinition.objects.filter(pk__in=gone, problem="").update(problem=GONE)


def _register(workflow: Workflow) -> None:
    with transaction.atomic():
        fresh = WorkflowDefinition(id=workflow.id, origin=WorkflowDefinition.Origin.CODE)
        WorkflowDefinition.objects.bulk_create([fresh], ignore_conflicts=True)
        # The lock: of two processes the second one waits here, and then finds the version.
        definition = WorkflowDefinition.objects.select_for_update().get(pk=workflow.id)
        if definition.origin != WorkflowDefinition.Origin.CODE:
            return  # a JSON definition was there first, and keeps its name
        latest = definition.versions.order_by("-number").first()
        version = definition.versions.filter(content_hash=content_hash(workflow.id)).first()
        if version is None:
            version = _version(workflow, definition, latest)
            version.save()
        if definition.problem:
            definition.enabled = definition.enabled or not (latest and latest.content_hash)
        definition.current, definition.problem = version, ""
        definition.description = workflow.description or ""
        definition.save(update_fields=["current", "problem", "description", "enabled", "updated_at"])


def _version(workflow: Workflow, definition: WorkflowDefinition, latest: WorkflowVersion | None) -> WorkflowVersion:
    schemas = {field: getattr(workflow, field) for field in SCHEMAS}
    version = WorkflowVersion(
        definition=definition,
        number=latest.number + 1 if latest else 1,
        content_hash=content_hash(workflow.id),
        graph=graph_of(workflow),
        steps={path: _step_form(info) for path, info in workflow.describe_steps().items()},
        **{field: schema.json_schema if schema is not None else None for field, schema in schemas.items()},
    )
    version.change = changes(latest, version)
    return version


def _step_form(info: StepInfo) -> dict[str, object]:
    """What a version keeps of a step, in camelCase as the graph is, without what is not told."""
    told = {name: getattr(info, name) for name in StepInfo.__slots__}
    return {to_camel(name): value for name, value in told.items() if value not in (None, 0)}


def changes(old: WorkflowVersion | None, new: WorkflowVersion) -> str:
    """What changed between two versions, in one line."""
    if old is None or not old.content_hash:
        return "First version"
    parts = []
    for words, steps in (
        ("added", [step for step in new.steps if step not in old.steps]),
        ("removed", [step for step in old.steps if step not in new.steps]),
        ("changed", [step for step in new.steps if step in old.steps and new.steps[step] != old.steps[step]]),
    ):
        if steps:
            shown = ", ".join(steps[:3]) + (f" and {len(steps) - 3} more" if len(steps) > 3 else "")
            parts.append(f"{words} {'step' if len(steps) == 1 else 'steps'} {shown}")
    schemas = [words for field, words in SCHEMAS.items() if getattr(old, field) != getattr(new, field)]
    if schemas:
        parts.append(f"changed the schema of {' and '.join(schemas)}")
    if old.graph != new.graph and not parts:
        parts.append("changed how the steps are joined")
    text = "; ".join(parts) or "changed a setting"
    text = text[:1].upper() + text[1:]
    return text if len(text) <= CHANGE_LENGTH else text[: CHANGE_LENGTH - 1] + "…"
