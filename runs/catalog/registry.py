"""Which workflows this process can run, and how they become definitions and versions in the database."""

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from pydantic.alias_generators import to_camel

from runs.engine import Step, Workflow
from runs.engine.data.text import clipped
from runs.engine.definition.definition import build_workflow
from runs.engine.errors import InvalidWorkflow
from runs.engine.graph.step_info import StepInfo
from runs.engine.graph.version_hash import former_content_hash, plan
from runs.models import WorkflowDefinition, WorkflowVersion
from runs.steps import TOOLS
from runs.steps.addresses import LIMITS

logger = logging.getLogger(__name__)

GONE = "Its code is not among the workflows of this console (WFCONSOLE_WORKFLOWS) any more."
CHANGE_LENGTH = WorkflowVersion._meta.get_field("change").max_length
SCHEMAS = {
    "input_schema": "input",
    "output_schema": "output",
    "state_schema": "state",
    "request_context_schema": "request context",
}

KEPT_BUILT = 500  # workflows made from data that are kept ready

_built: OrderedDict[tuple[str, str], Workflow] = OrderedDict()  # by id and content hash: a content never changes
_building = threading.Lock()
_loading = threading.Lock()  # two threads that import one module from both ends would each see half of it


def registry() -> dict[str, Workflow]:
    """The workflows of WFCONSOLE_WORKFLOWS, by id. Raises ImproperlyConfigured when a module cannot be used."""
    with _loading:
        return _registry()


@cache
def _registry() -> dict[str, Workflow]:
    LIMITS.hosts, LIMITS.private_networks = settings.HTTP_HOSTS, settings.HTTP_PRIVATE_NETWORKS
    LIMITS.max_bytes = settings.HTTP_MAX_BYTES
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


def tools() -> dict[str, Step]:
    """The steps that definitions can use, by id: ours, and those that stand in the modules of WFCONSOLE_WORKFLOWS."""
    registry()
    return _tools(tuple(settings.WORKFLOW_MODULES))


@lru_cache(maxsize=8)
def _tools(modules: tuple[str, ...]) -> dict[str, Step]:
    own: dict[str, Step] = {}
    for name in modules:
        for step in vars(import_module(name)).values():
            if isinstance(step, Step) and step.kind == "step" and own.setdefault(step.id, step) is not step:
                logger.warning(
                    "Two steps have the id %s; definitions get the one found first, not %s's.", step.id, name
                )
    return {tool.id: tool for tool in TOOLS} | own


@cache
def content_hash(workflow_id: str) -> str:
    return registry()[workflow_id].content_hash()


@cache
def code_plan(workflow_id: str) -> list[object]:
    return plan(graph_of(registry()[workflow_id]))


def runnable(version: WorkflowVersion) -> Workflow | None:
    """The workflow that continues runs of this version, or None when this process does not have it.

    A run goes on under another version of the code that has the same plan: steps of the same ids and kinds in the same
    order, which its history is read by. Changed schemas, functions and words do not strand it. A version that was made
    from data runs exactly as it was saved.
    """
    if version.definition_json is not None:
        return _from_data(version)
    workflow = registry().get(version.definition_id)
    if workflow is None:
        return None
    if version.content_hash in {"", content_hash(workflow.id)} or plan(version.graph) == code_plan(workflow.id):
        return workflow
    return None


def ready_made(workflow_id: str, content_hash: str) -> Workflow | None:
    """A workflow made from data, if it was built before: for who wants to spare reading its version."""
    with _building:
        return _built.get((workflow_id, content_hash))


def _from_data(version: WorkflowVersion) -> Workflow | None:
    workflow = ready_made(version.definition_id, version.content_hash)
    if workflow is None:
        try:
            workflow = built(version)
        except InvalidWorkflow:
            return None  # a step or a workflow that it uses is gone
        with _building:
            _built[version.definition_id, version.content_hash] = workflow
            if len(_built) > KEPT_BUILT:
                _built.popitem(last=False)
    return workflow


def built(version: WorkflowVersion, *, as_new: bool = False) -> Workflow:
    """The workflow of a version that was made from data. Raises InvalidWorkflow.

    It was checked when it was stored: what has been refused only since then, or does not fit the schemas of today's
    steps, does not keep its runs from going on. `as_new`: with all the checks that a definition saved now has to pass.
    """
    nested = nested_workflows(version.nested or {})
    return build_workflow(version.definition_json, tools=tools(), workflows=nested, stored=not as_new)


def nested_workflows(numbers: Mapping[str, int]) -> dict[str, Workflow]:
    """The workflows of these versions, by id; those that this process cannot run are missing."""
    found = {}
    for workflow_id, number in numbers.items():
        version = WorkflowVersion.objects.filter(definition=workflow_id, number=number).first()
        workflow = runnable(version) if version is not None else None
        if workflow is not None:
            found[workflow_id] = workflow
    return found


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
        is_known = current and not definition.problem and current.content_hash == content_hash(workflow.id)
        if not is_known or new_words(current, described(workflow, current.content_hash)):
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
        found = described(workflow, content_hash(workflow.id))
        version = _stored_version(definition, workflow, found.content_hash)
        if version is None:
            version = found
            version.definition, version.number = definition, latest.number + 1 if latest else 1
            version.change = changes(latest, version)
            version.save()
        elif words := new_words(version, found):
            for name, value in words.items():
                setattr(version, name, value)
            version.save(update_fields=list(words))
        if definition.problem:
            definition.enabled = definition.enabled or not (latest and latest.content_hash)
        definition.current, definition.problem = version, ""
        definition.description = workflow.description or ""
        definition.save(update_fields=["current", "problem", "description", "enabled", "updated_at"])


def _stored_version(definition: WorkflowDefinition, workflow: Workflow, hash: str) -> WorkflowVersion | None:
    """The version of this content; one that an earlier release has stored gets the hash that is made now."""
    version = definition.versions.filter(content_hash=hash).first()
    if version is None:
        version = definition.versions.filter(content_hash=former_content_hash(workflow)).first()
        if version is not None:
            version.content_hash = hash
            version.save(update_fields=["content_hash"])
    return version


def new_words(stored: WorkflowVersion, found: WorkflowVersion) -> dict[str, object]:
    """The fields in which a version tells other words than the code does now: descriptions, titles, examples.

    They make no version of their own, so they are brought up to date where they stand.
    """
    names = ("graph", "steps", *SCHEMAS)
    texts = {name: json.dumps(getattr(found, name), default=str) for name in names}  # the order of keys counts
    return {name: json.loads(text) for name, text in texts.items() if json.dumps(getattr(stored, name)) != text}


def described(workflow: Workflow, content_hash: str) -> WorkflowVersion:
    """A workflow as a version tells it; of which definition, and which number, is still to be said."""
    schemas = {field: getattr(workflow, field) for field in SCHEMAS}
    return WorkflowVersion(
        content_hash=content_hash,
        graph=graph_of(workflow),
        steps={path: _step_form(info) for path, info in workflow.describe_steps().items()},
        **{field: schema.json_schema if schema is not None else None for field, schema in schemas.items()},
    )


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
    return one_line(parts or ["changed a setting"])


def one_line(parts: list[str]) -> str:
    """What changed, as a version keeps it."""
    text = "; ".join(parts)
    text = text[:1].upper() + text[1:]
    return clipped(text, CHANGE_LENGTH)
