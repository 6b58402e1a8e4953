"""Whether a workflow made from data can be used in this console, and what it would be."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from runs.engine import Workflow
from runs.engine.definition.definition import (
    DefinitionIssue,
    InvalidDefinition,
    build_workflow,
    check_definition,
    nested_workflow_ids,
)
from runs.engine.errors import InvalidWorkflow
from runs.engine.graph.graph import Graph, NestedStep
from runs.engine.graph.ids import WORKFLOW_RULE, is_address_id
from runs.models import WorkflowDefinition, WorkflowVersion

from .registry import described, registry, runnable, tools


@dataclass(frozen=True)
class Checked:
    """A definition looked at: everything that is wrong with it; without issues, the workflow that it describes."""

    data: object
    issues: Sequence[DefinitionIssue]
    workflow: Workflow | None = None
    nested: Mapping[str, WorkflowVersion] = field(default_factory=dict)

    @property
    def version(self) -> WorkflowVersion:
        """As it would be stored, apart from its number. Raises InvalidDefinition."""
        if self.workflow is None or not isinstance(self.data, Mapping):
            raise InvalidDefinition(id_of(self.data), list(self.issues))
        version = described(self.workflow, content_hash(self.data, self.nested.values()))
        version.definition_json = self.data
        version.nested = {workflow_id: each.number for workflow_id, each in self.nested.items()} or None
        return version


def content_hash(data: object, nested: Iterable[WorkflowVersion] = ()) -> str:
    """Of the JSON, tool ids included, in its order (that of a form's fields), and of the workflows that it runs."""
    digest = hashlib.sha256(orjson.dumps(data))
    for version in sorted(nested, key=lambda version: version.definition_id):
        digest.update(f"\n{version.definition_id} {version.content_hash}".encode())
    return digest.hexdigest()


def check(data: object) -> list[DefinitionIssue]:
    """Everything that is wrong with a definition, in its order; references are looked up in this console."""
    return list(look_at(data).issues)


def look_at(data: object) -> Checked:
    """Check a definition and build its workflow, storing nothing."""
    nested = _current_versions(names_in(data))
    built = {workflow_id: workflow for workflow_id, (workflow, _) in nested.items()}
    issues = check_definition(data, tools=tools(), workflows=built)
    if not isinstance(data, Mapping) or any(issue.code == "invalid-shape" for issue in issues):
        return Checked(data, issues)
    issues = [*_id_issues(str(data["id"])), *issues]
    for path, workflow_id in references(data):
        if workflow_id in built and data["id"] in _inner_ids(built[workflow_id]):
            words = f'Nested workflow cycles are not allowed: {workflow_id} runs "{data["id"]}" itself.'
            issues.append(DefinitionIssue(path, "self-reference", words))
    if issues:
        return Checked(data, issues)
    used = nested_workflow_ids(data)
    try:
        workflow = build_workflow(data, tools=tools(), workflows=built)
    except InvalidWorkflow as error:  # what no check foresees must not end in a traceback either
        return Checked(data, [DefinitionIssue("graph", "invalid-graph", str(error))])
    return Checked(data, (), workflow, {name: version for name, (_, version) in nested.items() if name in used})


def references(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a definition whose shape is right names other workflows: dotted path and id."""
    for index, entry in enumerate(data["graph"]):
        at = f"graph.{index}"
        parts = [(at, entry), (f"{at}.step", entry.get("step"))]
        parts += [(f"{at}.steps.{number}", step) for number, step in enumerate(entry.get("steps") or ())]
        for path, part in parts:
            if isinstance(part, Mapping) and part.get("type") == "workflow":
                yield f"{path}.workflowId", str(part["workflowId"])


def names_in(data: object) -> set[str]:
    """What a definition may mean to be a workflow; a workflow named as a tool is told as such."""
    if isinstance(data, Mapping):
        own = {item for key, item in data.items() if key in ("workflowId", "toolId") and isinstance(item, str)}
        return own.union(*(names_in(item) for key, item in data.items() if key in ("graph", "steps", "step")))
    return set().union(*map(names_in, data)) if isinstance(data, list) else set()


def _id_issues(definition_id: str) -> Iterator[DefinitionIssue]:
    if not is_address_id(definition_id):
        yield DefinitionIssue("id", "invalid-id", WORKFLOW_RULE)
    elif _of_code(definition_id):
        yield DefinitionIssue("id", "id-in-use", f"{definition_id} is a workflow of the code. Choose another id.")


def _of_code(definition_id: str) -> bool:
    stored = WorkflowDefinition.objects.filter(pk=definition_id).values_list("origin", flat=True).first()
    return definition_id in registry() if stored is None else stored == WorkflowDefinition.Origin.CODE


def _current_versions(names: set[str]) -> dict[str, tuple[Workflow, WorkflowVersion]]:
    """The workflows of these names that can be run, each with the version that a definition saved now would run."""
    found = {}
    stored = WorkflowDefinition.objects.with_current().filter(pk__in=names, problem="", current__isnull=False)
    for definition in stored:
        workflow = runnable(definition.current)
        if workflow is not None:
            found[definition.pk] = (workflow, definition.current)
    return found


def _inner_ids(workflow: Graph) -> set[str]:
    inner = [step.workflow for entry in workflow.entries for step in entry.steps if isinstance(step, NestedStep)]
    return {each.id for each in inner}.union(*map(_inner_ids, inner))


def id_of(data: object) -> str:
    """The id that a definition gives itself, or an empty text."""
    found = data.get("id") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) else ""
