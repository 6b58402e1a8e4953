"""Workflows and their runs: pure Python, usable without Django."""

from .data.request_context import RequestContext
from .data.schemas import Schema
from .data.undefined import UNSET
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
from .graph.conditions import Predicate
from .graph.lifecycle import RunEnd, RunInfo
from .graph.mapping import MapConfig
from .graph.step import RetryPolicy, Step, step
from .graph.step_info import StepInfo
from .log.events import Event, EventType
from .log.fold import fold
from .log.records import RunSnapshot, StepRecord
from .log.results import RunStatus, StepStatus, WorkflowResult
from .log.store import MemoryRunStore, RunCard, RunLog, RunStore
from .run.run import Run
from .run.stream import RunStream
from .run.workflow import Workflow
from .trace.tracing import Tracing, TracingContext, TracingOptions
from .walk.cancellation import CancelToken
from .walk.context import FunctionContext, StepContext
from .walk.executor import append_cancel, execute

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
