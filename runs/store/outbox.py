"""Writes down whom to tell of a run that has ended or waits for an answer, in the transaction in which it did."""

from collections.abc import Callable, Sequence
from typing import Any

from runs.engine.data.clock import now_ms
from runs.models import Webhook, WebhookDelivery, WorkflowRun
from runs.models.webhook import EVENTS

NOTIFIED = frozenset(EVENTS)
RUNS = WorkflowRun._meta.db_table
WEBHOOKS = Webhook._meta.db_table
DELIVERIES = WebhookDelivery._meta.db_table
INSERT = (
    f"INSERT INTO {DELIVERIES} (webhook_id, run_id, seq, event, created_at, next_at, state, attempts, body,"  # noqa: S608
    " response, error)"
    " SELECT webhook.id, run.id, run.last_seq, run.status, %s, %s, 'waiting', 0, '', '', ''"
    f" FROM {WEBHOOKS} AS webhook CROSS JOIN {RUNS} AS run"
    " WHERE webhook.enabled AND (webhook.workflow_id IS NULL OR webhook.workflow_id = run.workflow_id)"
    " AND webhook.events LIKE '%%' || run.status || '%%' AND run.id IN ({marks}) ON CONFLICT DO NOTHING"
)


def enqueue_notices(execute: Callable[[str, Sequence[object]], Any], run_ids: Sequence[str]) -> None:
    """Note each of these runs, as its card stands now, for every webhook that wants to know.

    `execute` runs a statement in the caller's transaction. A run is noted once for each of its events, however often
    this is called.
    """
    if not run_ids:
        return
    now = now_ms()
    execute(INSERT.format(marks=", ".join(["%s"] * len(run_ids))), [now, now, *run_ids])
