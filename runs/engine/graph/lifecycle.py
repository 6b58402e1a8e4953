"""What a workflow's callbacks on_start, on_finish and on_error are given."""

import logging
from dataclasses import dataclass, field

from ..data.request_context import RequestContext
from ..data.undefined import UNSET
from ..log.records import RunSnapshot, Scope, StepRecord
from ..log.results import WorkflowResult
from ..log.step_result import shown_steps


@dataclass(slots=True)
class RunInfo:
    """Given to on_start. What it raises refuses the start."""

    run_id: str
    workflow_id: str
    resource_id: str | None
    request_context: RequestContext
    snapshot: RunSnapshot = field(repr=False)
    scope: Scope | None = field(default=None, repr=False)  # of a nested workflow

    @property
    def state(self) -> dict[str, object]:
        """The state, as it is now."""
        return dict((self.scope or self.snapshot.scopes[""]).state)

    @property
    def logger(self) -> logging.Logger:
        """For what the callback has to say."""
        return logging.getLogger("wfconsole.workflow")

    def get_init_data(self) -> object:
        """The input of the workflow."""
        return (self.scope or self.snapshot.scopes[""]).input


@dataclass(slots=True)
class RunEnd(RunInfo):
    """Given to on_finish, at every end but a pause, and to on_error of a failed run. What they raise is only logged."""

    status: str = ""
    result: object = UNSET
    error: dict[str, object] | None = None
    tripwire: dict[str, object] | None = None
    steps: dict[str, object] = field(default_factory=dict)
    step_execution_path: list[str] = field(default_factory=list)
    resume_labels: dict[str, dict[str, object]] | None = None

    @classmethod
    def of_run(cls, info: RunInfo, result: WorkflowResult) -> "RunEnd":
        """The end of a run."""
        return cls(
            info.run_id,
            info.workflow_id,
            info.resource_id,
            info.request_context,
            info.snapshot,
            info.scope,
            status=result.status.value,
            result=result.result,
            error=result.error,
            tripwire=result.tripwire,
            steps=result.steps,
            step_execution_path=result.step_execution_path,
        )

    @classmethod
    def of(cls, info: RunInfo, status: str, result: object, failed: StepRecord | None) -> "RunEnd":
        """The end of a nested workflow."""
        scope = info.scope or info.snapshot.scopes[""]
        return cls(
            info.run_id,
            info.workflow_id,
            info.resource_id,
            info.request_context,
            info.snapshot,
            info.scope,
            status=status,
            result=result,
            error=failed.error if failed is not None else None,
            tripwire=failed.tripwire if failed is not None else None,
            steps=shown_steps(scope),
            step_execution_path=list(scope.execution_path),
        )
