"""`manage.py resume_run`: answers a suspended run."""

import argparse
from typing import Any

from django.core.management.base import CommandError

from runs.actions.resume import Answer, find_run, resume_run
from runs.actions.start import WorkflowDisabled
from runs.engine.errors import UnreadableEvent
from runs.engine.log.snapshot import UNSET

from ..console_command import FAILED, ConsoleCommand, read_json
from ..following import END_CODES, Follower
from ..people import who


class Command(ConsoleCommand):
    help = (
        "Answer a suspended run. With --follow, stream its chunks until it ends; exit code 0: success or answered, "
        "1: failed or canceled, 2: the answer or the run is not one that can be taken, 3: suspended again."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", help="its id")
        parser.add_argument("--data", metavar="JSON|@file|-", help="the answer; absent: the step goes on without one")
        parser.add_argument("--step", metavar="PATH", help="which step, when several wait: review, inner.review")
        parser.add_argument("--label", help="which question, by the label that its step gave it")
        parser.add_argument("--item", type=int, metavar="INDEX", help="which item of a foreach, from 0")
        parser.add_argument("--follow", action="store_true", help="wait for the end and stream what the steps write")
        parser.add_argument("--json", action="store_true", help="machine-readable; with --follow a line for each event")

    def handle(self, *, run: str, follow: bool, **options: Any) -> None:
        data = UNSET if options["data"] is None else read_json(options["data"], "--data")
        answer = Answer(
            run_id=run, data=data, step=options["step"], label=options["label"], for_each_index=options["item"]
        )
        try:
            resume_run(answer, actor=who())
        except (WorkflowDisabled, UnreadableEvent) as error:
            raise CommandError(str(error), returncode=FAILED) from None
        if follow:
            status = Follower(self.stdout, self.stderr, find_run(run), as_json=options["json"]).follow()
            if code := END_CODES[status]:
                raise SystemExit(code)
        elif options["json"]:
            self.print_json({"runId": run, "answered": True})
        else:
            self.stdout.write(f"{run} was answered and goes on")
