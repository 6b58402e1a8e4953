"""`manage.py export_runs`: runs as NDJSON, a line each, for other programs."""

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime

import orjson
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from runs.engine.log.results import RunStatus
from runs.models import WorkflowRun
from runs.models.run import WorkflowRunQuerySet

from ..console_command import FAILED, ConsoleCommand, bad_input
from ..run_json import run_json

RUNS_AT_ONCE = 200
PROGRESS_RUNS = 1_000


class Command(ConsoleCommand):
    help = "Export runs as NDJSON, newest first: input, context, steps, state and result of each; secrets are hidden."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workflow", help="only of this workflow")
        parser.add_argument("--status", choices=[str(status) for status in RunStatus], help="only with this status")
        parser.add_argument("--tag", action="append", default=[], help="only with this tag; repeatable")
        parser.add_argument("--since", metavar="TIME", help="created then or later: 2026-11-22 or 2026-11-22T13:00")
        parser.add_argument("--until", metavar="TIME", help="created before")
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many")
        parser.add_argument("--output", metavar="FILE", help="default: standard output")

    def handle(self, *, output: str | None, limit: int | None, **options: object) -> None:
        if limit is not None and limit < 1:
            raise bad_input(f"--limit {limit}: a number from 1 is needed.")
        lines = _lines(_wanted(options), limit)
        if output is None:
            count = self._write(lines, sys.stdout.buffer)
        else:
            try:
                with open(output, "xb") as file:
                    count = self._write(lines, file)
            except FileExistsError:
                raise CommandError(f"--output {output}: the file exists already.", returncode=FAILED) from None
            except OSError as error:
                raise CommandError(f"--output {output}: {error.strerror}.", returncode=FAILED) from None
        self.stderr.write(f"{count} runs exported")

    def _write(self, lines: Iterator[bytes], file) -> int:
        count = 0
        for line in lines:
            file.write(line)
            count += 1
            if count % PROGRESS_RUNS == 0:
                self.stderr.write(f"{count} runs …")
        file.flush()
        return count


def _wanted(options: dict) -> WorkflowRunQuerySet:
    runs = WorkflowRun.objects.newest_first().select_related("version")
    if options["workflow"]:
        runs = runs.filter(workflow_id=options["workflow"])
    if options["status"]:
        runs = runs.filter(status=options["status"])
    for tag in options["tag"]:
        runs = runs.filter(run_tags__tag=tag)
    if options["since"]:
        runs = runs.filter(created_at__gte=_moment(options["since"], "--since"))
    if options["until"]:
        runs = runs.filter(created_at__lt=_moment(options["until"], "--until"))
    return runs


def _lines(runs: WorkflowRunQuerySet, limit: int | None) -> Iterator[bytes]:
    """Page by page, each a query of its own: an open read would keep the database from tidying its log up."""
    last: WorkflowRun | None = None
    left = limit
    while left is None or left > 0:
        size = RUNS_AT_ONCE if left is None else min(RUNS_AT_ONCE, left)
        page = list((runs if last is None else runs.before(last.cursor))[:size])
        for run in page:
            yield orjson.dumps(run_json(run), option=orjson.OPT_APPEND_NEWLINE)
        if len(page) < size:
            return
        last = page[-1]
        left = None if left is None else left - len(page)


def _moment(text: str, option: str) -> datetime:
    """A day is its first moment; without a zone, the server's."""
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)
    if moment is None:
        raise bad_input(f"{option} {text}: a time such as 2026-11-22 or 2026-11-22T13:00 is needed.")
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
