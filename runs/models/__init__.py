"""What is stored: a file for each noun."""

from .audit import AuditEntry
from .event import Payload, RunEvent
from .run import RunTag, WorkflowRun
from .workflow import WorkflowDefinition, WorkflowVersion

__all__ = [
    "AuditEntry",
    "Payload",
    "RunEvent",
    "RunTag",
    "WorkflowDefinition",
    "WorkflowRun",
    "WorkflowVersion",
]
