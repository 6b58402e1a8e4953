"""`manage.py start_run`: starts a run through the same path as the browser, and follows it if asked to."""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.core.management.base import CommandError

from runs.actions.durations import read_moment, read_seconds
from runs.actions.start import StartRefused, StartRequest, start_run
from runs.actions.start_once import start_once
from runs.catalog.registry import register_versions
from runs.engine.log.snapshot import UNSET
from runs.executor import dispatch
from runs.models import WorkflowDefinition, WorkflowRun

from ..console_command import BAD_INPUT, ConsoleCommand, bad_input, read_json
from ..following import END_CODES, Follower
from ..people import who
from ..standard_streams import EX_IOERR, discard_output

T = TypeVar("T")

EXECUTOR_SECONDS = 2.0  # how long a server may take to show a sign of life


class Command(ConsoleCommand):
    help = (
        "Start a run. With --follow, stream its chunks until it ends; exit code 0: success, 1: failed or canceled, "
        "2: bad input, 3: suspended."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("workflow", help="its id, as list_workflows shows it")
        parser.add_argument("--input", metavar="JSON|@file|-", help="input data; absent: {} for a workflow with fields")
        parser.add_argument("--state", metavar="JSON|@file|-", help="initial state")
        parser.add_argument(
            "--context", metavar="KEY=JSON", action="append", default=[], help="a request context key; repeatable"
        )
        parser.add_argument("--tag", action="append", default=[], help="repeatable")
        parser.add_argument("--trace-id", metavar="HEX", help="1 to 32 hexadecimal digits")
        parser.add_argument("--parent-span-id", metavar="HEX", help="1 to 16 hexadecimal digits")
        parser.add_argument("--metadata", metavar="JSON|@file|-", help="an object, stored with the trace")
        parser.add_argument(
            "--context-key", metavar="PATH", action="append", default=[], help="a context key to show on spans"
        )
        parser.add_argument("--include-state", action="store_true", help="put the final state into the result")
        parser.add_argument("--run-id", metavar="ID", help="your own; absent: a new one")
        parser.add_argument("--resource-id", metavar="ID", default="", help="what the run belongs to")
        parser.add_argument("--priority", type=int, default=0, help="higher starts earlier; default 0")
        parser.add_argument("--start-at", metavar="TIME", help="'in 10 min', or 2026-11-22T18:30 (UTC without a zone)")
        parser.add_argument("--time-limit", metavar="TIME", help="such as 90s or 10min; a run that takes longer fails")
        parser.add_argument(
            "--idempotency-key",
            metavar="KEY",
            help="the same key with the same request gives the run that it has started; with another one, exit code 2",
        )
        parser.add_argument("--follow", action="store_true", help="wait for the end and stream what the steps write")
        parser.add_argument("--json", action="store_true", help="machine-readable; with --follow a line for each event")

    def handle(self, *, workflow: str, follow: bool, **options: Any) -> None:
        _know_workflows()
        request = self._request(workflow, options)
        try:
            run = _start(request, options["idempotency_key"], options["start_at"])
        except StartRefused as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from None
        if not follow:
            self._tell_started(run, as_json=options["json"])
            return
        if not _somebody_executes():
            # No server runs: this process takes the executor's lock, and releases it when the run has ended.
            dispatch.start_executor()
        status = Follower(self.stdout, self.stderr, run, as_json=options["json"]).follow()
        if code := END_CODES[status]:
            raise SystemExit(code)

    def _request(self, workflow: str, options: dict[str, Any]) -> StartRequest:
        if [options[name] for name in ("input", "state", "metadata")].count("-") > 1:
            raise bad_input("Standard input can be read once: use - for one of --input, --state and --metadata.")
        tracing: dict[str, Any] = {
            "traceId": options["trace_id"],
            "parentSpanId": options["parent_span_id"],
            "tags": options["tag"] or None,
            "requestContextKeys": options["context_key"] or None,
            "metadata": None if options["metadata"] is None else read_json(options["metadata"], "--metadata"),
        }
        return StartRequest(
            workflow_id=workflow,
            input=_no_input(workflow) if options["input"] is None else read_json(options["input"], "--input"),
            initial_state=UNSET if options["state"] is None else read_json(options["state"], "--state"),
            request_context=_context(options["context"]),
            tracing_options={key: value for key, value in tracing.items() if value is not None},
            output_options={"includeState": True} if options["include_state"] else {},
            resource_id=options["resource_id"],
            run_id=options["run_id"],
            priority=options["priority"],
            start_at=_read(options["start_at"], "--start-at", lambda text: read_moment(text, datetime.now(UTC))),
            time_limit=_read(options["time_limit"], "--time-limit", read_seconds),
        )

    def _tell_started(self, run: WorkflowRun, *, as_json: bool) -> None:
        try:
            if as_json:
                self.print_json({"runId": run.id, "workflowId": run.workflow_id, "status": run.status})
            else:
                self.stdout.write(run.id)
            self.stdout.flush()
        except OSError as error:
            discard_output()
            sentence = f"Run {run.id} was started, but the output cannot be written: {error.strerror}."
            raise CommandError(sentence, returncode=EX_IOERR) from None
        if not _somebody_executes():
            self.stderr.write("No executor is running: the run starts when the console does. Or add --follow.")


def _start(request: StartRequest, key: str | None, start_at: str | None) -> WorkflowRun:
    if key is None:
        return start_run(request, actor=who())
    # The words that were given: `in 10 min` is another moment each time.
    asked = repr((replace(request, start_at=None), start_at)).encode()
    return start_once(key, "manage.py", asked, request, lambda request: start_run(request, actor=who()))


def _read(text: str | None, option: str, read: Callable[[str], T]) -> T | None:
    if text is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        raise bad_input(f"{option} {text}: {error}.") from None


def _no_input(workflow: str) -> object:
    """The value of an input that was not given: {} where a schema can fill it in, else nothing at all."""
    definition = WorkflowDefinition.objects.with_current().filter(pk=workflow).first()
    schema = definition.current.input_schema if definition and definition.current else None
    return {} if isinstance(schema, dict) and schema.get("type") == "object" else UNSET


def _context(pairs: list[str]) -> dict[str, object]:
    context: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise bad_input(f"--context {pair}: write KEY=JSON, such as tenant='\"acme\"' or user.id=7.")
        if key in context:
            raise bad_input(f"--context {key}: the key is given twice.")
        try:
            context[key] = read_json(text, f"--context {key}")
        except CommandError as error:
            raise bad_input(f"{error} Text needs its quotes: {key}='\"{text}\"'.") from None
    return context


def _know_workflows() -> None:
    """A data folder in which no server has run yet knows no workflow."""
    if not WorkflowDefinition.objects.exists():
        register_versions()


def _somebody_executes() -> bool:
    """Whether an executor lives, in whichever process; one that was just started has a moment to say so."""
    until = time.monotonic() + EXECUTOR_SECONDS
    while not (alive := dispatch.executor_state().alive) and time.monotonic() < until:
        time.sleep(0.1)
    return alive
