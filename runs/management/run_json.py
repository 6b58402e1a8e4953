"""One run as JSON, as show_run and export_runs write it: its row, and the fold of its log, with secrets redacted."""

from datetime import UTC, datetime
from typing import Any

from runs.engine.log.snapshot import UNSET, RunSnapshot, StepRecord
from runs.models import WorkflowRun
from runs.store import history
from runs.store.redaction import redactor_for


def run_json(run: WorkflowRun) -> dict[str, Any]:
    """Everything about the run but its chunks. Expects `run.version` to be at hand."""
    snapshot, unreadable = history.readable_snapshot(run.id)
    hidden = redactor_for(run, snapshot.seq).apply
    return _given(
        {
            "runId": run.id,
            "workflowId": run.workflow_id,
            "version": run.version.number,
            "status": run.status,
            "createdAt": _time(run.created_at),
            "startedAt": _time(run.started_at),
            "endedAt": _time(run.ended_at),
            "purgedAt": _time(run.purged_at),
            "startedBy": run.actor_label or None,
            "tags": run.tags,
            "resourceId": run.resource_id or None,
            "traceId": run.trace_id or None,
            "spanId": run.span_id or None,
            "unreadable": [str(problem) for problem in unreadable] or None,
            "chunks": snapshot.chunk_count,
            "input": hidden(snapshot.input),
            "requestContext": hidden(snapshot.request_context) or None,
            "state": hidden(snapshot.state) or None,
            "result": hidden(snapshot.result),
            "error": hidden(snapshot.error),
            "tripwire": hidden(snapshot.tripwire),
            "steps": _steps(snapshot, hidden),
        }
    )


def _steps(snapshot: RunSnapshot, hidden: Any) -> dict[str, Any]:
    return {path: _step(record, hidden) for path, record in snapshot.steps.items()}


def _step(record: StepRecord, hidden: Any) -> dict[str, Any]:
    return _given(
        {
            "status": record.status,
            "startedAt": _time(record.started_at),
            "endedAt": _time(record.ended_at),
            "attempts": len(record.attempts) + 1,
            "payload": hidden(record.payload),
            "output": hidden(record.output),
            "error": hidden(record.error),
            "suspendPayload": hidden(record.suspend_payload),
        }
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """The values without UNSET, and without None but where it is data: a null in an input or output is shown."""
    data_keys = ("input", "result", "payload", "output")
    return {
        key: value for key, value in values.items() if value is not UNSET and (value is not None or key in data_keys)
    }


def _time(moment: datetime | int | None) -> str | None:
    """As ISO 8601 in UTC, to the millisecond. Events carry epoch milliseconds, cards carry datetimes."""
    if moment is None:
        return None
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
