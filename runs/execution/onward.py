"""Runs in other states than a start or an answer finds them: made before they start, restarted, sent back in time."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from uuid_utils.compat import uuid7

from runs.engine.errors import CannotTimeTravel, NotActive, RunAlreadyExists, RunAlreadyStarted
from runs.engine.events import Event, EventType
from runs.engine.records import RunSnapshot
from runs.engine.restarting import restart_data
from runs.engine.results import RunStatus
from runs.models import Actor, AuditEntry, RunWatch, WorkflowDefinition, WorkflowRun

from . import dispatch
from .announce import announce
from .answer import find_run, told
from .outside import event_of, store_event
from .start import RunPurged, StartRequest, UnknownWorkflow, WorkflowDisabled, check_start, start_run
from .trace_place import tell_request, trace_parent

STILL_RUNNING = "This workflow run is still running, cannot time travel"
UNTOUCHED = {"status": RunStatus.PENDING, "queued": False, "last_seq": 0}  # made, and not started


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
    request = replace(request, resource_id=made.resource_id)
    check_start(replace(request, run_id=None), user=actor.user)
    with transaction.atomic():
        # Its row gives way to the one of the start; of two starts one finds it.
        watches = list(RunWatch.objects.filter(run=made))
        if not WorkflowRun.objects.filter(pk=made.pk, **UNTOUCHED).delete()[0]:
            raise RunAlreadyStarted(f"Run {made.pk} was started before. Make a new run to start again.")
        run = start_run(request, actor=actor)
        WorkflowRun.objects.filter(pk=run.pk).update(created_at=made.created_at)
        RunWatch.objects.bulk_create(watches)  # who waits for its end still does
    return run


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
    taken = _set_going(run, snapshot, EventType.RUN_RESTART, data, [RunStatus.WAITING], _Act("restart", actor))
    if not taken:
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
    allowed = [status for status in RunStatus if status is not RunStatus.RUNNING]
    act = _Act("time travel", actor)
    if not _set_going(run, snapshot, EventType.RUN_TIME_TRAVEL, data, allowed, act):
        raise CannotTimeTravel(STILL_RUNNING)


class _Act(NamedTuple):
    verb: str
    actor: Actor


def _deadline(snapshot: RunSnapshot, event: Event) -> datetime | None:
    """When the run must have ended: one that is sent back to a step has its whole time again."""
    deadline = snapshot.deadline
    if deadline is None:
        return None
    if event.type == EventType.RUN_TIME_TRAVEL:
        deadline = deadline.again(event.at)
    return datetime.fromtimestamp(deadline.at / 1000, UTC)


def _set_going(
    run: WorkflowRun,
    snapshot: RunSnapshot,
    kind: EventType,
    data: Mapping[str, object],
    allowed: Sequence[RunStatus],
    act: _Act,
) -> bool:
    """Store the event, and queue the run. False, with nothing stored: somebody else has written meanwhile."""
    if (place := trace_parent()) is not None:
        data = {**data, "traceParent": place}
    event = event_of(snapshot.seq + 1, kind, time.time_ns() // 1_000_000, data)
    with transaction.atomic():
        mine = WorkflowRun.objects.filter(pk=run.pk, status__in=allowed, queued=False, last_seq=snapshot.seq)
        mine = mine.filter(purged_at__isnull=True)
        taken = mine.update(
            status=RunStatus.RUNNING,
            queued=True,
            epoch=F("epoch") + 1,
            last_seq=event.seq,
            detail="",
            wake_at=None,
            ended_at=None,
            cancel_requested_at=None,
            deadline_at=_deadline(snapshot, event),
            updated_at=timezone.now(),
        )
        if not taken:
            return False
        store_event(run.pk, event)
        AuditEntry.objects.record(act.actor, act.verb, "run", run.pk)
        transaction.on_commit(lambda: announce({run.pk: [event]}))
        dispatch.dispatch(run.pk)
    tell_request(run.pk)
    return True
