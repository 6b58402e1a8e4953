"""Workflows as data: the reference's dynamic workflow definition, checked, and made into a Workflow.

A definition is a JSON object with `id`, `description`, `metadata`, `inputSchema`, `outputSchema`, `stateSchema`,
`requestContextSchema` and `graph`, a list of entries: `tool`, `mapping`, `workflow`, `parallel`, `conditional`,
`foreach`, `loop`, `sleep`, `sleepUntil`. Tools are steps that the application has registered. Times are milliseconds.
"""

from collections.abc import Mapping
from typing import Any

from ..data.json_value import parse_json
from ..data.schemas import Schema
from ..errors import InvalidWorkflow
from ..graph.step import Step
from ..run.workflow import Workflow
from .definition_check import Check
from .definition_issues import DefinitionIssue, InvalidDefinition
from .definition_shape import SCHEMAS, check_shape, parse_date

__all__ = ["DefinitionIssue", "InvalidDefinition", "build_workflow", "check_definition", "nested_workflow_ids"]

Tools = Mapping[str, Step]
Workflows = Mapping[str, Workflow]


def check_definition(data: object, *, tools: Tools, workflows: Workflows) -> list[DefinitionIssue]:
    """Everything that is wrong with a definition, in its order; the rest only when the form is right."""
    issues = check_shape(data)
    if issues or not isinstance(data, Mapping):
        return issues
    for key in SCHEMAS:
        try:
            Schema.of(data.get(key, {}))
        except InvalidWorkflow as error:
            issues.append(DefinitionIssue(key, "unsupported-schema-keyword", str(error)))
    if issues:
        return issues
    tool_ports = {key: _ports(tool) for key, tool in tools.items()}
    workflow_ports = {key: _ports(workflow) for key, workflow in workflows.items()}
    return Check(data, tool_ports, workflow_ports).run()


def _ports(part: Step | Workflow) -> tuple[dict[str, object] | None, dict[str, object] | None]:
    taken, given = part.input_schema, part.output_schema
    return taken.json_schema if taken else None, given.json_schema if given else None


def nested_workflow_ids(data: Mapping[str, Any]) -> set[str]:
    """The workflows that a definition runs: they must be there before it is built."""
    return {str(step["workflowId"]) for step in _leaves(data.get("graph")) if step.get("type") == "workflow"}


def _leaves(graph: object) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for entry in graph if isinstance(graph, list) else ():
        if isinstance(entry, Mapping):
            inner = entry.get("steps") or [entry.get("step")]
            found.extend(step for step in (entry, *inner) if isinstance(step, Mapping))
    return found


# Issues that prevent a definition from being built. All others are warnings when it is saved.
BLOCKING = ("invalid-shape", "unsupported-schema-keyword", "missing-reference")


def build_workflow(
    data: object, *, tools: Tools, workflows: Workflows, stored: bool = False, **options: Any
) -> Workflow:
    """The committed Workflow that a definition describes. `options` go to Workflow (store, tracing …).

    `stored`: the definition was checked when it was saved; only what it refers to is looked for. Raises
    InvalidDefinition with every issue.
    """
    issues = check_definition(data, tools=tools, workflows=workflows)
    if stored:
        issues = [issue for issue in issues if issue.code in BLOCKING]
    if issues or not isinstance(data, Mapping):
        raise InvalidDefinition(str(data.get("id", "")) if isinstance(data, Mapping) else "", issues)
    names = {"input": "inputSchema", "output": "outputSchema", "state": "stateSchema"}
    names["request_context"] = "requestContextSchema"
    described: dict[str, Any] = {name: Schema.of(data[key]) for name, key in names.items() if data.get(key)}
    described |= {key: data[key] for key in ("description", "metadata") if data.get(key) is not None}
    workflow = Workflow(id=data["id"], **described, **options)
    for entry in data["graph"]:
        _add(workflow, entry, tools, workflows)
    if stored:
        workflow.committed = True  # its ids were those of its runs before the rule was made
        return workflow
    return workflow.commit()


def _add(workflow: Workflow, entry: Mapping[str, Any], tools: Tools, workflows: Workflows) -> None:
    kind = entry["type"]
    options = {key: entry[key] for key in ("id", "description", "metadata") if entry.get(key) is not None}
    if kind in ("tool", "workflow"):
        workflow.then(_leaf(entry, tools, workflows))
    elif kind == "mapping":
        config: Any = entry["mapConfig"]
        workflow.map(parse_json(config) if isinstance(config, str) else config, **options)  # type: ignore[arg-type]
    elif kind == "parallel":
        workflow.parallel([_leaf(step, tools, workflows) for step in entry["steps"]], **options)
    elif kind == "conditional":
        steps = [_leaf(step, tools, workflows) for step in entry["steps"]]
        workflow.branch(list(zip(entry["predicates"], steps, strict=True)), **options)
    elif kind == "foreach":
        concurrency = entry.get("opts", {}).get("concurrency", 1)
        workflow.foreach(_leaf(entry["step"], tools, workflows), concurrency=concurrency, **options)
    elif kind == "loop":
        loop = workflow.dowhile if entry["loopType"] == "dowhile" else workflow.dountil
        loop(_leaf(entry["step"], tools, workflows), entry["predicate"], **options)
    elif kind == "sleep":
        workflow.sleep(entry["duration"] / 1000, **options)
    else:
        workflow.sleep_until(parse_date(entry["date"]), **options)


def _leaf(entry: Mapping[str, Any], tools: Tools, workflows: Workflows) -> Step:
    """A registered step, or a workflow as a step, under the id that it has in this definition."""
    described = {key: entry[key] for key in ("description", "metadata") if entry.get(key) is not None}
    if entry["type"] == "workflow":
        nested = workflows[entry["workflowId"]].as_step()
        return nested.renamed(entry["id"], **{"description": nested.description} | described)
    tool = tools[entry["toolId"]]
    return tool.renamed(entry["id"], **{"description": tool.description, "metadata": tool.metadata} | described)
