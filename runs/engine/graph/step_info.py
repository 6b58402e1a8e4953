"""What people may want to know of a step: its schemas, its retries, its time limit."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..data.schemas import Schema
from .step import RetryPolicy, Step


@dataclass(frozen=True, slots=True)
class StepInfo:
    """What people may want to know of a step. Schemas are JSON Schemas."""

    id: str
    path: str
    kind: str  # step, mapping, workflow, sleep
    description: str | None = None
    metadata: Mapping[str, object] | None = None
    input_schema: Mapping[str, object] | None = None
    output_schema: Mapping[str, object] | None = None
    resume_schema: Mapping[str, object] | None = None
    suspend_schema: Mapping[str, object] | None = None
    retries: int = 0  # tries after the first
    timeout: float | None = None  # seconds that one try may take
    state_schema: Mapping[str, object] | None = None
    request_context_schema: Mapping[str, object] | None = None


def described(step: Step, path: str, retries: RetryPolicy) -> StepInfo:
    return StepInfo(
        step.id,
        path,
        step.kind,
        step.description,
        step.metadata,
        schema_json(step.input_schema),
        schema_json(step.output_schema),
        schema_json(step.resume_schema),
        schema_json(step.suspend_schema),
        step.retry_policy(retries).attempts,
        step.time_limit(retries),
        schema_json(step.state_schema),
        schema_json(step.request_context_schema),
    )


def schema_json(schema: Schema | None) -> dict[str, object] | None:
    return schema.json_schema if schema is not None else None
