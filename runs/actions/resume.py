"""Answers to suspended runs: for the run's page, the inbox, the HTTP API and the command line alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runs.catalog.missing_code import missing_code
from runs.catalog.registry import runnable
from runs.engine import UNSET, RunSnapshot, Workflow
from runs.engine.commands.questions import check_answer
from runs.engine.errors import NotSuspended, ResumeAlreadyClaimed, RunNotFound
from runs.engine.log.events import CHUNK_TYPES, Event, EventType
from runs.engine.log.fold import fold
from runs.engine.log.results import RunStatus
from runs.models import Actor, WorkflowRun
from runs.store import transitions
from runs.store.history import stored_events

from .start import CodeMissing

# Of a hundred thousand chunks none decides where an answer goes.
TOLD = [kind for kind in EventType if kind not in CHUNK_TYPES]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody answers, and to which step. Without a step it goes to the only one that waits."""

    run_id: str
    data: object = UNSET  # UNSET: none, the step runs as if for the first time
    step: str | list[str] | None = None  # a path, such as `review` or `inner.review`
    label: str | None = None
    for_each_index: int | None = None
    request_context: Mapping[str, object] = field(default_factory=dict)
    tracing_options: Mapping[str, object] = field(default_factory=dict)
    per_step: bool = False  # stop after one entry, with status paused

    def to_json(self) -> dict[str, object]:
        given: dict[str, object] = {
            "step": self.step,
            "label": self.label,
            "forEachIndex": self.for_each_index,
            "requestContext": dict(self.request_context) or None,
            "tracingOptions": dict(self.tracing_options) or None,
            "perStep": self.per_step or None,
        }
        request = {key: value for key, value in given.items() if value is not None}
        return request if self.data is UNSET else request | {"resumeData": self.data}


def resume_run(answer: Answer, *, actor: Actor) -> None:
    """Check an answer, store it, and have the run go on.

    Of two answers at the same moment one wins. Raises, with nothing changed: RunNotFound, NotSuspended,
    ResumeAlreadyClaimed, InvalidInput, CodeMissing.
    """
    run = find_run(answer.run_id)
    if run.status != RunStatus.SUSPENDED:
        raise NotSuspended("This workflow run was not suspended")
    workflow, snapshot = told(run)
    data = workflow.check_resume(snapshot, answer.to_json())
    check_answer(snapshot, data)
    step = _named(data)
    if not transitions.go_on(transitions.RESUME, run.pk, snapshot.seq, data, actor=actor, audited={"step": step}):
        # The run has been written to since its log was read: the answer was meant for another question.
        raise ResumeAlreadyClaimed(run.workflow_id, run.pk, str(find_run(run.pk).status))


def _named(data: Mapping[str, object]) -> str:
    """The step that was answered, as pages write it: `pack`, `inner.review`, `items[3]`."""
    path = ".".join(map(str, data["steps"]))
    return f"{path}[{data['forEachIndex']}]" if "forEachIndex" in data else path


def find_run(run_id: str) -> WorkflowRun:
    """The run with its version. Raises RunNotFound."""
    run = WorkflowRun.objects.select_related("version").filter(pk=run_id).first()
    if run is None:
        raise RunNotFound(f"There is no run {run_id}.")
    return run


def workflow_of(run: WorkflowRun) -> Workflow:
    """The workflow that continues the run. Raises CodeMissing when this process does not have it."""
    workflow = runnable(run.version)
    if workflow is None:
        ended = RunStatus(run.status).is_final
        raise CodeMissing(run.workflow_id, missing_code(run.version, has_ended=ended))
    return workflow


def told(run: WorkflowRun) -> tuple[Workflow, RunSnapshot]:
    """The workflow that continues the run, and the run as its log tells it. Raises CodeMissing."""
    return workflow_of(run), snapshot_of(run)


def snapshot_of(run: WorkflowRun) -> RunSnapshot:
    """The fold of the run's log without its chunks. Needs no code: a run of any version can be read."""
    snapshot = fold(run.pk, run.workflow_id, stored_events(run.pk, TOLD))
    # Its last event may be a chunk, which was not read.
    snapshot.seq = max(snapshot.seq, run.last_seq)
    return snapshot


def events_of(run: WorkflowRun) -> list[Event]:
    """Everything but the chunks."""
    return stored_events(run.pk, TOLD)
