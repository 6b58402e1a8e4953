"""`manage.py purge_runs`: deletes old runs, by the workflows' policies or by what is asked for."""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize

from runs.actions.durations import read_seconds
from runs.models import WorkflowDefinition
from runs.retention.purge import Purge
from runs.retention.retention import Policy, carry_out, old_runs, old_values, stored_policies
from runs.store.connection import Connection, connect

from ..console_command import ConsoleCommand, bad_input
from ..people import who

PROGRESS_SECONDS = 1.0
NAMES_SHOWN = 10
MOMENT = "%Y-%m-%d %H:%M UTC"


class Command(ConsoleCommand):
    help = (
        "Delete old runs that have ended: by the policies of the workflows (see the admin site), or all that ended "
        "longer ago than --older-than, or all but the newest --keep of each workflow. Values are deleted before cards; "
        "runs may start and go on all the while. The space is used again by new runs; the file does not shrink. On a "
        "terminal it asks before it deletes; elsewhere it needs --yes."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workflow", help="only of this workflow")
        parser.add_argument("--older-than", metavar="TIME", help="those that ended longer ago, such as 30d or 12h")
        parser.add_argument("--keep", type=int, metavar="N", help="all but the newest N of each workflow")
        parser.add_argument(
            "--values-only", action="store_true", help="with --older-than: keep the runs, delete what they hold"
        )
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--yes", action="store_true", help="delete without asking")
        parser.add_argument("--json", action="store_true", help="machine-readable")

    def handle(self, *, dry_run: bool, json: bool, yes: bool, **options: Any) -> None:
        policies = _policies(options)
        connection = connect()
        try:
            if dry_run:
                outcome = self._count(connection, policies)
            elif yes or self._is_confirmed(connection, policies):
                outcome = self._purge(connection, policies)
            else:
                raise CommandError("Nothing was deleted.")
        finally:
            connection.close()
        if json:
            self.print_json({"dryRun": dry_run, **outcome})
        else:
            would = "would be " if dry_run else ""
            self.stdout.write(f"{outcome['runs']} runs {would}deleted, the values of {outcome['values']} others")
            if dry_run:
                self.stdout.write("\n".join(_limits_in_words(policies)))

    def _is_confirmed(self, connection: Connection, policies: list[Policy]) -> bool:
        """Show what would go, and ask. Raises CommandError without a terminal."""
        if not sys.stdin.isatty():
            raise bad_input("This deletes runs: give --yes, or --dry-run to only count them.")
        counts = self._count(connection, policies)
        self.stderr.write("\n".join(_limits_in_words(policies)))
        runs = f"{counts['runs']} run{pluralize(counts['runs'])}"
        self.stderr.write(f"This deletes {runs}, and the values of {counts['values']} others.")
        return input("Type yes to go on: ").strip().lower() == "yes"

    def _count(self, connection: Connection, policies: list[Policy]) -> dict[str, object]:
        runs: set[str] = set()
        values: set[str] = set()
        for policy in policies:
            for found, find in ((runs, old_runs), (values, old_values)):
                found.update(run.run_id for some in find(connection, policy) for run in some)
        return {"runs": len(runs), "values": len(values - runs)}

    def _purge(self, connection: Connection, policies: list[Policy]) -> dict[str, object]:
        purge = Purge(connection)
        began = time.monotonic()
        tell = self._progress(purge, sum(_sizes(connection, policies)))
        for policy in policies:
            carry_out(purge, policy, actor=who(), told=tell)
        return {
            "runs": purge.runs,
            "values": purge.values,
            "events": purge.events,
            "payloads": purge.payloads,
            "seconds": round(time.monotonic() - began, 3),
            "longestTransactionMs": round(purge.longest * 1000, 1),
        }

    def _progress(self, purge: Purge, total: int) -> Callable[[], None]:
        last = time.monotonic()

        def tell() -> None:
            nonlocal last
            if time.monotonic() - last >= PROGRESS_SECONDS:
                last = time.monotonic()
                done = purge.values + purge.runs
                self.stderr.write(f"{done} of {total} runs …")

        return tell


def _limits_in_words(policies: list[Policy]) -> list[str]:
    """What the policies mean, with the moments that were computed; a line for each limit."""
    lines: dict[str, list[str]] = {}
    for policy in policies:
        for line in (
            f"Runs that ended before {policy.before:{MOMENT}}" if policy.before else "",
            f"All but the newest {policy.keep} that have ended" if policy.keep is not None else "",
            f"The values of runs that ended before {policy.values_before:{MOMENT}}" if policy.values_before else "",
        ):
            if line:
                lines.setdefault(line, []).append(policy.workflow_id)
    return [f"{line}: {_listed(names)}" for line, names in lines.items()]


def _listed(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more workflows" if more > 0 else "")


def _sizes(connection: Connection, policies: list[Policy]) -> list[int]:
    return [len(some) for policy in policies for find in (old_runs, old_values) for some in find(connection, policy)]


def _policies(options: dict) -> list[Policy]:
    workflow, older, keep = options["workflow"], options["older_than"], options["keep"]
    now = datetime.now(UTC)
    if workflow is not None and not WorkflowDefinition.objects.filter(pk=workflow).exists():
        raise bad_input(f"--workflow {workflow}: there is no such workflow.")
    if keep is not None and keep < 0:
        raise bad_input(f"--keep {keep}: a number from 0 is needed.")
    if options["values_only"] and (older is None or keep is not None):
        raise bad_input("--values-only: give --older-than with it, and no --keep.")
    if older is None and keep is None:
        policies = stored_policies(now, workflow)
        if not policies:
            of = f"The workflow {workflow}" if workflow else "No workflow"
            none = "has no policy" if workflow else "has a policy"
            raise bad_input(f"{of} {none} in the admin site. Give --older-than or --keep.")
        return policies
    before = None if older is None else now - timedelta(seconds=_seconds(older))
    names = [workflow] if workflow else WorkflowDefinition.objects.order_by("pk").values_list("pk", flat=True)
    if options["values_only"]:
        return [Policy(name, values_before=before) for name in names]
    return [Policy(name, before, keep) for name in names]


def _seconds(text: str) -> float:
    try:
        return min(read_seconds(text), 100 * 366 * 86_400)
    except ValueError as error:
        raise bad_input(f"--older-than {text}: {error}.") from None
