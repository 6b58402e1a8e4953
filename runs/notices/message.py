"""The body of a webhook about a run, and the e-mail about one."""

import os
from datetime import UTC, datetime
from urllib.parse import quote

import orjson
from django.conf import settings

from runs.models import WebhookDelivery, WorkflowRun
from runs.models.webhook import TEST

ENDS = {"success": "succeeded", "failed": "failed", "tripwire": "was stopped by a tripwire", "canceled": "was canceled"}


def run_address(run_id: str) -> str:
    """The run's page, for a reader anywhere."""
    base = settings.ENV.wfconsole_public_url or os.environ.get("WFCONSOLE_URL", "http://127.0.0.1:8000")
    return f"{base.rstrip('/')}/runs/{quote(run_id, safe='')}/"


def body_of(delivery: WebhookDelivery) -> str:
    """The JSON of a delivery: the run's id and status. Receivers read input and result by the API, with a token."""
    data = {} if delivery.event == TEST else _run(delivery)
    body = {"id": delivery.message_id, "type": delivery.kind, "timestamp": _iso_ms(delivery.created_at), "data": data}
    return orjson.dumps(body).decode()


def _run(delivery: WebhookDelivery) -> dict[str, object]:
    run = WorkflowRun.objects.select_related("version").get(pk=delivery.run_id)
    return {
        "runId": run.pk,
        "workflowId": run.workflow_id,
        "workflowVersion": run.version.number,
        "status": delivery.event,
        "detail": run.detail,
        "createdAt": _iso(run.created_at),
        "startedAt": _iso(run.started_at),
        "endedAt": _iso(run.ended_at),
        "resourceId": run.resource_id or None,
        "tags": run.tags or [],
        "traceId": run.trace_id or None,
        "startedBy": run.actor_label or None,
        "lastSeq": delivery.seq,
        "url": run_address(run.pk),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _iso_ms(milliseconds: int) -> str | None:
    return _iso(datetime.fromtimestamp(milliseconds / 1000, UTC))


def mail_of(run: WorkflowRun) -> tuple[str, str]:
    """Subject and text of the e-mail about a run that has ended."""
    how = ENDS.get(run.status, f"ended: {run.status}")
    subject = f"{run.workflow_id} {how} ({run.pk[-6:]})"
    lines = [f"The run {run.pk} of {run.workflow_id} {how}."]
    if run.detail:
        lines.append(run.detail)
    if run.started_at and run.ended_at:
        lines.append(f"It took {(run.ended_at - run.started_at).total_seconds():.1f} s.")
    lines += ["", run_address(run.pk), "", "You asked to be told when this run ends."]
    return " ".join(subject.split()), "\n".join(lines)
