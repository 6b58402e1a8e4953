"""`manage.py show_run`: one run, as its page shows it."""

import argparse
from typing import Any

import orjson
from django.core.management.base import CommandError

from runs.models import RunLog, WorkflowRun
from runs.models.run_log import line_text

from ..console_command import BAD_INPUT, ConsoleCommand
from ..run_json import run_json

LINES_AT_ONCE = 1_000


class Command(ConsoleCommand):
    help = "Show a run: its status, steps, result or error."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", help="its id")
        parser.add_argument("--logs", action="store_true", help="what its steps have logged, instead")
        parser.add_argument("--json", action="store_true", help="everything, as JSON; with --logs a line each")

    def handle(self, *, run: str, json: bool, logs: bool, **options: object) -> None:
        found = WorkflowRun.objects.select_related("version").filter(pk=run).first()
        if found is None:
            raise CommandError(f"There is no run {run}.", returncode=BAD_INPUT)
        if logs:
            self._print_logs(run, as_json=json)
            return
        form = run_json(found)
        if json:
            self.print_json(form, pretty=True)
        else:
            self._print(form)

    def _print_logs(self, run: str, *, as_json: bool) -> None:
        for line in RunLog.objects.of_run(run).iterator(LINES_AT_ONCE):
            if as_json:
                entry = {"at": line.at, "level": line.level_name, "logger": line.logger, "step": line.step}
                self.print_json(entry | {"message": line.message} | ({"error": line.error} if line.error else {}))
            else:
                self.stdout.write(line_text(line))
        if dropped := RunLog.objects.dropped_of(run):
            self.stderr.write(f"{dropped} further lines dropped")

    def _print(self, run: dict[str, Any]) -> None:
        steps = run.pop("steps")
        values = [(key, run.pop(key)) for key in ("input", "requestContext", "state", "result", "error") if key in run]
        for key, value in run.items():
            self.stdout.write(f"{key:12} {', '.join(value) if isinstance(value, list) else value}".rstrip())
        self.stdout.write("steps")
        for path, step in steps.items():
            tries = f", {step['attempts']} attempts" if step["attempts"] > 1 else ""
            error = f": {step['error'].get('message', '')}" if "error" in step else ""
            self.stdout.write(f"  {path}  {step['status']}{tries}{error}")
        for key, value in values:
            self.stdout.write(key)
            self.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
