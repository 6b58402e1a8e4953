"""Runs in other states than a start or an answer finds them: made before they start, restarted, sent back in time."""

from collections.abc import Mapping
from dataclasses import replace

from django.db import IntegrityError, transaction
from uuid_utils.compat import uuid7

from runs.engine.commands.restarting import restart_data
from runs.engine.data.clock import now_ms
from runs.engine.errors import CannotTimeTravel, NotActive, RunAlreadyExists
from runs.engine.log.results import RunStatus
from runs.models import Actor, WorkflowDefinition, WorkflowRun
from runs.store import transitions
from runs.store.connection import moment

from .resume import find_run, told
from .start import RunPurged, StartRequest, UnknownWorkflow, WorkflowDisabled, start_run

STILL_RUNNING = "This workflow run is still running, cannot time travel"


def make_run(
    workflow_id: str,
    run_id: str | None = None,
    *,
    resource_id: str = "",
    actor: Actor,
) -> WorkflowRun:
    """A run that is not started yet; one that is there already is given as it is.

    Raises UnknownWorkflow, WorkflowDisabled, and RunAlreadyExists when another workflow has a run of that id.
    """
    definition = WorkflowDefinition.objects.filter(pk=workflow_id).first()
    if definition is None:
        raise UnknownWorkflow(workflow_id)
    if run_id is not None and (known := _known(workflow_id, run_id)) is not None:
        return known
    if definition.problem or not definition.enabled or definition.current_id is None:
        raise WorkflowDisabled(workflow_id, definition.problem or "It has been switched off.")
    run = WorkflowRun(
        id=run_id or str(uuid7()),
        workflow_id=workflow_id,
        version_id=definition.current_id,
        resource_id=resource_id,
        actor=actor.user,
        actor_label=actor.label,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:  # made by two at the same moment
        known = _known(workflow_id, run.pk)
        if known is None:
            raise
        return known
    return run


def _known(workflow_id: str, run_id: str) -> WorkflowRun | None:
    run = WorkflowRun.objects.filter(pk=run_id).first()
    if run is not None and run.workflow_id != workflow_id:
        raise RunAlreadyExists(f"There is a run {run_id} of another workflow already.")
    return run


def start_made(
    request: StartRequest,
    *,
    actor: Actor,
) -> WorkflowRun:
    """Start a run that make_run() has made, or a new one. Raises as start_run(), and RunAlreadyStarted.

    A start that is refused leaves the made run as it was.
    """
    made = WorkflowRun.objects.filter(pk=request.run_id).first() if request.run_id else None
    if made is None:
        return start_run(request, actor=actor)
    if made.workflow_id != request.workflow_id:
        raise RunAlreadyExists(f"There is a run {made.pk} of another workflow already.")
    return start_run(replace(request, resource_id=made.resource_id), actor=actor, made=made)


def restart_run(
    run_id: str,
    options: Mapping[str, object],
    *,
    actor: Actor,
) -> None:
    """Begin the entry anew in which a sleeping run stands. `options`: requestContext, tracingOptions.

    A run whose process died goes on by itself; one that is worked on is left alone. Raises RunNotFound, NotActive.
    """
    run = find_run(run_id)
    if run.status != RunStatus.WAITING:
        working = run.status == RunStatus.RUNNING
        raise NotActive("This workflow run is being worked on" if working else "This workflow run was not active")
    workflow, snapshot = told(run)
    data = restart_data(workflow, snapshot) | dict(options)
    if not transitions.go_on(transitions.RESTART, run.pk, snapshot.seq, data, actor=actor):
        raise NotActive("This workflow run was not active")


def travel(
    run_id: str,
    way: Mapping[str, object],
    *,
    actor: Actor,
) -> None:
    """Run again from a step on, in the same run. `way`: step, inputData, context, initialState, perStep, and so on.

    Raises, with nothing changed: RunNotFound, CannotTimeTravel, InvalidInput, WorkflowDisabled.
    """
    run = find_run(run_id)
    if run.status == RunStatus.RUNNING or run.queued:
        raise CannotTimeTravel(STILL_RUNNING)
    if run.purged_at is not None:
        raise RunPurged(run)
    workflow, snapshot = told(run)
    data = workflow.check_time_travel(snapshot, way)
    now = now_ms()
    columns: dict[str, object] = {}
    if snapshot.deadline is not None:  # a run that is sent back to a step has its whole time again
        columns["deadline_at"] = moment(snapshot.deadline.again(now).at)
    if not transitions.go_on(transitions.TIME_TRAVEL, run.pk, snapshot.seq, data, actor=actor, at=now, **columns):
        raise CannotTimeTravel(STILL_RUNNING)
