"""What is stored: a file for each noun."""

from .api_token import ApiToken
from .audit import Actor, AuditEntry
from .event import Payload, RunEvent
from .run import RunTag, WorkflowRun
from .run_label import RunLabel
from .run_log import LogLevel, RunLog
from .run_watch import RunWatch
from .span import Span, SpanKind, SpanState
from .webhook import DeliveryState, Webhook, WebhookDelivery
from .workflow import WorkflowDefinition, WorkflowVersion

__all__ = [
    "Actor",
    "ApiToken",
    "AuditEntry",
    "DeliveryState",
    "LogLevel",
    "Payload",
    "RunEvent",
    "RunLabel",
    "RunLog",
    "RunTag",
    "RunWatch",
    "Span",
    "SpanKind",
    "SpanState",
    "Webhook",
    "WebhookDelivery",
    "WorkflowDefinition",
    "WorkflowRun",
    "WorkflowVersion",
]
