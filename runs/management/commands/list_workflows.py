"""`manage.py list_workflows`: what can be run."""

import argparse

from runs.catalog.registry import register_versions
from runs.models import WorkflowDefinition

from ..console_command import ConsoleCommand


class Command(ConsoleCommand):
    help = "List the workflows, and whether they take new runs."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array, schemas included")

    def handle(self, *, json: bool, **options: object) -> None:
        if not WorkflowDefinition.objects.exists():
            register_versions()
        definitions = list(WorkflowDefinition.objects.with_current().order_by("id"))
        if json:
            self.print_json([_as_json(definition) for definition in definitions], pretty=True)
            return
        widest = max((len(definition.id) for definition in definitions), default=0)
        for definition in definitions:
            version = f"v{definition.current.number}" if definition.current else ""
            self.stdout.write(
                f"{definition.id:{widest}}  {version:>4}  {_state(definition):8}  {definition.description}".rstrip()
            )
        if not definitions:
            self.stderr.write("There is no workflow. Name your modules in WFCONSOLE_WORKFLOWS.")


def _state(definition: WorkflowDefinition) -> str:
    if definition.problem:
        return "broken"
    return "enabled" if definition.enabled else "disabled"


def _as_json(definition: WorkflowDefinition) -> dict[str, object]:
    current = definition.current
    return {
        "id": definition.id,
        "description": definition.description,
        "enabled": definition.enabled,
        "problem": definition.problem or None,
        "version": current.number if current else None,
        "inputSchema": current.input_schema if current else None,
        "outputSchema": current.output_schema if current else None,
        "stateSchema": current.state_schema if current else None,
        "requestContextSchema": current.request_context_schema if current else None,
    }
