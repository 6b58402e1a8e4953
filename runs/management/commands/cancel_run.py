"""`manage.py cancel_run`: ends runs that are not over yet."""

import argparse

from django.core.management.base import CommandError

from runs.executor import dispatch
from runs.models import WorkflowRun

from ..console_command import BAD_INPUT, FAILED, ConsoleCommand
from ..people import who


class Command(ConsoleCommand):
    help = "Cancel runs. A step that is under way sees the signal; nothing starts after it. Exit code 1: one had ended."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("runs", nargs="+", metavar="run", help="run ids")
        parser.add_argument("--json", action="store_true", help="one JSON object by run id")

    def handle(self, *, runs: list[str], json: bool, **options: object) -> None:
        known = set(WorkflowRun.objects.filter(pk__in=runs).values_list("id", flat=True))
        if unknown := [run for run in runs if run not in known]:
            raise CommandError(f"There is no run {', '.join(unknown)}. Nothing was canceled.", returncode=BAD_INPUT)
        canceled = {run: dispatch.cancel(run, actor=who()) for run in dict.fromkeys(runs)}
        if json:
            self.print_json({run: {"canceled": done} for run, done in canceled.items()})
        else:
            for run, done in canceled.items():
                self.stdout.write(f"{run} is being canceled" if done else f"{run} had ended before")
        if not all(canceled.values()):
            raise SystemExit(FAILED)
