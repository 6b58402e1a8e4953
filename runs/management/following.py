"""Follows one run on a terminal: its chunks as they are committed, then its result."""

import time
from typing import Any

import orjson
from django.core.management.base import OutputWrapper

from runs.engine.log.events import CHUNK_TYPES, UNREADABLE
from runs.engine.log.results import RunStatus
from runs.live.log import read_lines
from runs.models import WorkflowRun
from runs.store import history
from runs.store.redaction import RunRedactor, redactor_of

from .console_command import FAILED, SUSPENDED

POLL_SECONDS = 0.05
BATCH_EVENTS = 500
BATCH_BYTES = 1_000_000

END_CODES = {
    RunStatus.SUCCESS: 0,
    RunStatus.FAILED: FAILED,
    RunStatus.TRIPWIRE: FAILED,
    RunStatus.CANCELED: FAILED,
    RunStatus.SUSPENDED: SUSPENDED,
    RunStatus.PAUSED: SUSPENDED,
}


class Follower:
    """Chunks and the result go to `out`, so that they can be piped; words about the run go to `err`."""

    def __init__(self, out: OutputWrapper, err: OutputWrapper, run: WorkflowRun, *, as_json: bool = False) -> None:
        self.out = out
        self.err = err
        self.run = run
        self.as_json = as_json
        self.redactor: RunRedactor = redactor_of(run.id)  # type: ignore[assignment]
        self._cursor = 0
        self._in_text = False

    def follow(self) -> RunStatus:
        """Print until the run ends or waits for an answer; its status then."""
        if not self.as_json:
            self.err.write(f"Run {self.run.id} of {self.run.workflow_id}")
        while True:
            # The status first: what is committed after this read is printed in the next round.
            status = RunStatus(WorkflowRun.objects.values_list("status", flat=True).get(pk=self.run.id))
            self._print_new()
            if status in END_CODES:
                if not self.as_json:
                    self._print_end(status)
                return status
            time.sleep(POLL_SECONDS)

    def _print_new(self) -> None:
        while lines := read_lines(self.run.id, self.redactor, self._cursor, limit=BATCH_EVENTS, max_bytes=BATCH_BYTES):
            for line in lines:
                if self.as_json:
                    self.out.write(line.text.decode())
                elif line.type in CHUNK_TYPES:
                    self._print_chunk(orjson.loads(line.text))
            self._cursor = lines[-1].seq
            self.out.flush()

    def _print_chunk(self, event: dict[str, Any]) -> None:
        data = event["data"]
        chunk = data.get("output", data.get("chunk"))
        if UNREADABLE in data:
            self._end_text()
            self.err.write(data[UNREADABLE])
            return
        if "large" in event:
            self._end_text()
            self.out.write(f"{data['id']} a chunk of more than 64 KiB, see event {event['seq']}")
        elif isinstance(chunk, str):
            self.out.write(chunk, ending="")
            self._in_text = not chunk.endswith("\n")
        else:
            self._end_text()
            self.out.write(f"{data['id']} {orjson.dumps(chunk).decode()}")

    def _end_text(self) -> None:
        if self._in_text:
            self.out.write("")
            self._in_text = False

    def _print_end(self, status: RunStatus) -> None:
        self._end_text()
        self.out.flush()
        run, unreadable = history.readable_snapshot(self.run.id)
        self.redactor.reach(run.seq)
        for problem in unreadable:
            self.err.write(str(problem))
        took = "" if run.started_at is None or run.ended_at is None else f" after {run.ended_at - run.started_at} ms"
        self.err.write(f"{status.capitalize()}{took}")
        shown = {"result": run.result, "error": run.error, "tripwire": run.tripwire}
        if run.output_options.get("includeState"):
            shown["state"] = run.state
        for name, value in shown.items():
            # A result that is null is a result; an error that is None is none.
            if value or (name == "result" and status is RunStatus.SUCCESS):
                text = orjson.dumps(self.redactor.apply(value), option=orjson.OPT_INDENT_2).decode()
                self.out.write(text if name == "result" else f"{name}: {text}")
