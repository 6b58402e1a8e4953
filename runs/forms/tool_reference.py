"""What the pages tell of the steps that definitions can use."""

import inspect
import json
from dataclasses import dataclass

from runs.catalog.registry import tools
from runs.engine import Schema, Step

from .schema.schema_tree import SchemaTwig, schema_twigs

OURS = "runs.steps."


@dataclass(frozen=True, slots=True)
class Tool:
    """One step as it is told to who writes a definition. Twigs are the keys of a schema."""

    id: str
    paragraphs: list[str]
    origin: str  # the module that it comes from; "" for those that come with the console
    input: list[SchemaTwig]
    output: list[SchemaTwig]
    question: list[SchemaTwig]  # what it asks when it waits for an answer
    suspends: bool
    entries: str  # graph entries to copy, as JSON

    @property
    def summary(self) -> str:
        return self.paragraphs[0] if self.paragraphs else ""


def tool_reference() -> list[Tool]:
    """All of them, by id; those of the application first."""
    told = [_tool(step) for step in tools().values()]
    return sorted(told, key=lambda tool: (not tool.origin, tool.id))


def _tool(step: Step) -> Tool:
    module = getattr(step.function, "__module__", "")
    return Tool(
        id=step.id,
        paragraphs=_paragraphs(step),
        origin="" if module.startswith(OURS) else module,
        input=_twigs(step.input_schema),
        output=_twigs(step.output_schema),
        question=_twigs(step.suspend_schema),
        suspends=step.can_suspend,
        entries=_entries(step),
    )


def _twigs(schema: Schema | None) -> list[SchemaTwig]:
    return schema_twigs(schema.json_schema) if schema is not None else []


def _paragraphs(step: Step) -> list[str]:
    words = inspect.getdoc(step.function) or ""
    paragraphs = [" ".join(part.split()) for part in words.split("\n\n") if part.strip()]
    if step.description and step.description not in paragraphs:
        paragraphs.insert(0, step.description)
    return paragraphs


def _entries(step: Step) -> str:
    """A mapping that makes an example of the step's input, and the step itself."""
    entry: dict[str, object] = {"type": "tool", "id": f"{step.id}-1", "toolId": step.id}
    schema = step.input_schema.json_schema if step.input_schema is not None else {}
    examples, properties = schema.get("examples"), schema.get("properties")
    entries: list[dict[str, object]] = [entry]
    if isinstance(examples, list) and examples and isinstance(examples[0], dict):
        order = list(properties) if isinstance(properties, dict) else []
        keys = sorted(examples[0], key=lambda key: order.index(key) if key in order else len(order))
        config = {key: {"value": examples[0][key]} for key in keys}
        entries.insert(0, {"type": "mapping", "id": f"{step.id}-input", "mapConfig": config})
    return json.dumps(entries, indent=2, ensure_ascii=False)[2:-2].replace("\n  ", "\n").strip()
