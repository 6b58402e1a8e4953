"""Workflows and their runs: pure Python, usable without Django."""

from .cancellation import CancelToken
from .conditions import Predicate
from .context import FunctionContext, StepContext
from .errors import (
    CannotTimeTravel,
    EngineError,
    Fenced,
    InvalidInput,
    InvalidRequestContext,
    InvalidWorkflow,
    NonRetryableError,
    NotActive,
    NotJson,
    NotSuspended,
    ResumeAlreadyClaimed,
    RunAlreadyExists,
    RunAlreadyStarted,
    RunNotFound,
    TripWire,
)
from .events import Event, EventType
from .executor import append_cancel, execute
from .fold import fold
from .lifecycle import RunEnd, RunInfo
from .mapping import MapConfig
from .records import RunSnapshot, StepRecord
from .request_context import RequestContext
from .results import RunStatus, StepStatus, WorkflowResult
from .run import Run
from .schemas import Schema
from .step import RetryPolicy, Step, step
from .step_info import StepInfo
from .store import MemoryRunStore, RunCard, RunLog, RunStore
from .stream import RunStream
from .tracing import Tracing, TracingContext, TracingOptions
from .undefined import UNSET
from .workflow import Workflow

__all__ = [
    "UNSET",
    "CancelToken",
    "CannotTimeTravel",
    "EngineError",
    "Event",
    "EventType",
    "Fenced",
    "FunctionContext",
    "InvalidInput",
    "InvalidRequestContext",
    "InvalidWorkflow",
    "MapConfig",
    "MemoryRunStore",
    "NonRetryableError",
    "NotActive",
    "NotJson",
    "NotSuspended",
    "Predicate",
    "RequestContext",
    "ResumeAlreadyClaimed",
    "RetryPolicy",
    "Run",
    "RunAlreadyExists",
    "RunAlreadyStarted",
    "RunCard",
    "RunEnd",
    "RunInfo",
    "RunLog",
    "RunNotFound",
    "RunSnapshot",
    "RunStatus",
    "RunStore",
    "RunStream",
    "Schema",
    "Step",
    "StepContext",
    "StepInfo",
    "StepRecord",
    "StepStatus",
    "Tracing",
    "TracingContext",
    "TracingOptions",
    "TripWire",
    "Workflow",
    "WorkflowResult",
    "append_cancel",
    "execute",
    "fold",
    "step",
]
