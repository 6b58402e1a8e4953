"""The one way to start a run: for the form, the HTTP API and the command line alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError
from django.db.models import BigAutoField, CharField, Count
from uuid_utils.compat import uuid7

from runs.catalog.missing_code import missing_code
from runs.catalog.registry import content_hash, ready_made, registry, runnable
from runs.engine import UNSET, Workflow
from runs.engine.commands.request import start_data
from runs.engine.data.clock import now_ms
from runs.engine.errors import RunAlreadyExists, RunAlreadyStarted
from runs.engine.graph.ids import RESOURCE_RULE, RUN_RULE, is_address_id, is_resource_id, is_tag
from runs.engine.log.deadline import LONGEST_SECONDS, Deadline
from runs.engine.log.events import Event, EventType
from runs.engine.trace.tracing_options import InvalidTracing, TracingOptions
from runs.models import Actor, WorkflowDefinition, WorkflowRun, WorkflowVersion
from runs.models.prepared import Prepared
from runs.store import transitions
from runs.store.large_values import encoded_event
from runs.store.request_trace import trace_parent

from .request_trace import labels_for, trace_of

__all__ = [
    "CodeMissing",
    "InputTooLarge",
    "InvalidRunId",
    "InvalidTime",
    "InvalidTracing",
    "QueueFull",
    "RunPurged",
    "StartRefused",
    "StartRequest",
    "UnknownWorkflow",
    "WorkflowDisabled",
    "check_start",
    "start_run",
]

ORIGIN_STEP_LENGTH = WorkflowRun._meta.get_field("origin_step").max_length or 0
LATE_SECONDS = 60.0  # a start that is due earlier than this was meant otherwise


class StartRefused(Exception):
    """A run was not started, and nothing was stored. The text is a sentence for people."""


class UnknownWorkflow(StartRefused):
    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        super().__init__(f"There is no workflow {workflow_id}.")


class WorkflowDisabled(StartRefused):
    """The workflow takes no new runs; `reason` tells why."""

    def __init__(self, workflow_id: str, reason: str) -> None:
        self.workflow_id = workflow_id
        self.reason = reason
        super().__init__(f"{workflow_id} takes no new runs. {reason}")


class CodeMissing(WorkflowDisabled):
    """This server does not have the code that a run goes on with. The text says which, and what helps."""

    def __init__(self, workflow_id: str, sentence: str) -> None:
        super().__init__(workflow_id, sentence)
        self.args = (sentence,)


class InputTooLarge(StartRefused):
    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(f"The run's data has {size} bytes; at most {limit} are taken.")


class QueueFull(StartRefused):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{limit} runs of yours wait to start already. Start more when some have begun.")


class KeyUsed(StartRefused):
    """The start key has made another request's run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"This idempotency key has started run {run_id} with another request.")


class RunPurged(StartRefused):
    """What it takes to run a run again is deleted."""

    def __init__(self, run: WorkflowRun) -> None:
        super().__init__(f"Run {run.pk} cannot be run again. {run.purge_told}")


class InvalidRunId(StartRefused):
    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class InvalidTime(StartRefused):
    """A start or an end that cannot be kept to. `field`: startAt or timeLimit."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """What somebody asks for. Values are Python data as parsed from JSON; UNSET is "nothing given", None is null."""

    workflow_id: str
    input: object = UNSET
    initial_state: object = UNSET
    request_context: Mapping[str, object] = field(default_factory=dict)
    # traceId, parentSpanId, tags, metadata, requestContextKeys, rootSpanName, hideInput, hideOutput
    tracing_options: Mapping[str, object] = field(default_factory=dict)
    output_options: Mapping[str, object] = field(default_factory=dict)  # includeState, includeResumeLabels
    per_step: bool = False  # stop after one entry, with status paused
    resource_id: str = ""
    run_id: str | None = None  # None: a new UUIDv7
    start_key: str | None = None  # a second start with the same key gives the run that the first one made
    start_digest: str | None = None  # of all that is asked with that key; the same key with another one is refused
    priority: int = 0  # higher goes first
    start_at: datetime | None = None  # with its zone; None: as soon as there is room
    time_limit: float | None = None  # seconds until the run fails if it has not ended; None: the workflow's own limit
    origin_id: str | None = None  # the run that this one was made from, and the step that it starts at
    origin_step: str = ""
    version_id: int | None = None  # of the workflow; None: the one that new runs get


def start_run(
    request: StartRequest,
    *,
    actor: Actor,
    made: WorkflowRun | None = None,
    second: Callable[[Event], Event] | None = None,
) -> WorkflowRun:
    """Check a request, store the run with its first event, and have it executed. The run, as stored.

    `made`: the row that make_run() has stored for it. `second`: makes the event that follows on the first one. Raises,
    with nothing stored: StartRefused and its kin, InvalidInput, InvalidTracing, NotJson, RunAlreadyExists, and for a
    made run RunAlreadyStarted.
    """
    if known := made_with(request.start_key, request.start_digest):
        return known
    checked = _check(request, actor.user)
    run = _row(request, checked, actor, made)
    tags = checked.tracing.tags
    audited = {"workflow": run.workflow_id, "version": checked.version_number, "tags": list(tags)}
    first = Event(1, EventType.RUN_START.value, checked.at, checked.text, checked.large)
    events = [first] if second is None else [first, second(first)]
    try:
        transitions.start(
            run, events, actor=actor, tags=tags, labels=checked.labels, audited=audited, made=made is not None
        )
    except (IntegrityError, RunAlreadyStarted) as error:
        # The form was sent twice at the same moment, or the id is in use.
        if known := made_with(request.start_key, request.start_digest):
            return known
        if isinstance(error, RunAlreadyStarted):
            raise
        _refuse_used_id(run.id)
        raise
    return run


def _row(request: StartRequest, checked: "_Checked", actor: Actor, made: WorkflowRun | None) -> WorkflowRun:
    now = datetime.fromtimestamp(checked.at / 1000, UTC)
    return WorkflowRun(
        id=request.run_id or str(uuid7()),
        workflow_id=request.workflow_id,
        version_id=checked.version_id,
        priority=request.priority,
        created_at=made.created_at if made else now,
        updated_at=now,
        wake_at=checked.start_at,
        deadline_at=datetime.fromtimestamp(checked.deadline.at / 1000, UTC) if checked.deadline else None,
        actor=actor.user,
        actor_label=actor.label,
        resource_id=request.resource_id,
        trace_id=checked.tracing.trace_id or checked.trace_id,
        origin_id=request.origin_id,
        origin_step=_cut_path(request.origin_step),
        start_key=request.start_key or None,
        start_digest=request.start_digest,
    )


def _cut_path(path: str) -> str:
    """A step's path as the run's card takes it: of a longer one, the end."""
    return path if len(path) <= ORIGIN_STEP_LENGTH else f"…{path[1 - ORIGIN_STEP_LENGTH :]}"


def check_start(request: StartRequest, *, user: AbstractBaseUser | None = None) -> None:
    """All the checks of start_run(), with its errors, and nothing stored."""
    _check(request, user)
    if request.run_id is not None:
        _refuse_used_id(request.run_id)


@dataclass(frozen=True)
class _Checked:
    """A request that may be carried out: of what, and with which first event."""

    at: int  # epoch milliseconds
    start_at: datetime | None  # None: now
    deadline: Deadline | None
    version_id: int
    version_number: int
    tracing: TracingOptions
    trace_id: str  # of the request that asks, unless the caller wants another one
    labels: Mapping[str, object]  # metadata that the run shall be found by
    text: bytes
    large: Mapping[str, bytes] | None


def _check(request: StartRequest, user: AbstractBaseUser | None) -> _Checked:
    workflow, version_id, number, console_limit = _runnable(request.workflow_id, request.version_id)
    now = now_ms()
    start_at, deadline = _times(request, workflow, console_limit, now)
    data, tracing = _first_event(request, workflow, deadline)
    text, large = encoded_event(data)
    _refuse_beyond_limits(request, user, size=len(text) + sum(map(len, (large or {}).values())))
    labels = labels_for(workflow, tracing, request.request_context, request.input)
    trace_id = trace_of(data.get("traceParent"), tracing)
    return _Checked(now, start_at, deadline, version_id, number, tracing, trace_id, labels, text, large)


def _refuse_used_id(run_id: str) -> None:
    if WorkflowRun.objects.filter(pk=run_id).exists():
        raise RunAlreadyExists(f"There is a run {run_id} already.") from None


def made_with(key: str | None, digest: str | None) -> WorkflowRun | None:
    """The run that a start with this key has made. Raises KeyUsed where that start asked for something else."""
    made = WorkflowRun.objects.filter(start_key=key).first() if key else None
    if made is not None and made.start_digest != digest:
        raise KeyUsed(made.pk)
    return made


def _times(
    request: StartRequest, workflow: Workflow, console_limit: int | None, now: int
) -> tuple[datetime | None, Deadline | None]:
    """When the run is to start, if not now, and when it must have ended. `now`: epoch milliseconds."""
    start_at, begins = request.start_at, now
    if start_at is not None:
        if start_at.tzinfo is None:
            raise InvalidTime("startAt", "The start needs a time with its zone, such as 2026-11-22T14:00:00Z.")
        ahead = start_at.timestamp() - now / 1000
        if ahead < -LATE_SECONDS:
            raise InvalidTime("startAt", f"The start lies in the past: {start_at.isoformat(timespec='seconds')}.")
        if ahead > LONGEST_SECONDS:
            raise InvalidTime("startAt", "The start lies more than a year ahead.")
        start_at = start_at if ahead > 0 else None
        begins += max(0, round(ahead * 1000))
    limit = request.time_limit
    if limit is not None and not 0 < limit <= LONGEST_SECONDS:
        raise InvalidTime("timeLimit", f"A time limit has 1 to {LONGEST_SECONDS:.0f} seconds.")
    of_console = min(console_limit, LONGEST_SECONDS) if console_limit else None
    return start_at, workflow.deadline(limit, begins, of_console=of_console)


# Not the version itself: its graph and schemas take longer to read than all else here.
_DEFINITION = Prepared(
    lambda workflow_id: WorkflowDefinition.objects.filter(pk=workflow_id).values_list(
        "problem", "enabled", "current_id", "current__number", "current__content_hash", "time_limit"
    ),
    CharField(),
)
_QUEUED = Prepared(
    lambda actor: (
        WorkflowRun.objects.ready()
        .filter(actor=actor)
        .order_by()
        .values("actor")
        .annotate(number=Count("pk"))
        .values_list("number")
    ),
    BigAutoField(),
)


def _runnable(workflow_id: str, wanted: int | None) -> tuple[Workflow, int, int, int | None]:
    """The workflow, the id and the number of the version wanted (None: of the one that new runs get), and the seconds
    that the console gives its runs."""
    found = _DEFINITION(workflow_id)
    if not found:
        raise UnknownWorkflow(workflow_id)
    problem, enabled, version_id, number, hash, limit = found[0]
    if problem:
        raise WorkflowDisabled(workflow_id, problem)
    if not enabled:
        raise WorkflowDisabled(workflow_id, "It has been switched off.")
    if wanted not in (None, version_id):
        return *_earlier(workflow_id, wanted), limit
    workflow = registry().get(workflow_id)
    if workflow is None or hash != content_hash(workflow_id):
        workflow = ready_made(workflow_id, hash)
        if workflow is None and version_id:
            workflow = runnable(WorkflowVersion.objects.get(pk=version_id))
    if workflow is None:
        raise WorkflowDisabled(workflow_id, "This server does not have its code, or has another version of it.")
    return workflow, version_id, number, limit


def _earlier(workflow_id: str, version_id: int | None) -> tuple[Workflow, int, int]:
    """An earlier version of the workflow, as far as this process still has what it did."""
    version = WorkflowVersion.objects.filter(pk=version_id, definition=workflow_id).first()
    if version is None:
        raise WorkflowDisabled(workflow_id, "It does not have that version.")
    workflow = runnable(version)
    if workflow is None:
        raise CodeMissing(workflow_id, missing_code(version, has_ended=True))
    return workflow, version.pk, version.number


def _first_event(
    request: StartRequest, workflow: Workflow, deadline: Deadline | None
) -> tuple[dict[str, object], TracingOptions]:
    """The data of event 1, with everything that was asked for."""
    tracing = TracingOptions.strict(request.tracing_options)
    given = {"inputData": request.input, "initialState": request.initial_state}
    options = {
        "tracingOptions": tracing.to_json(),
        "outputOptions": dict(request.output_options),
        "perStep": request.per_step,
        "traceParent": trace_parent(),
    }
    data = start_data(
        workflow,
        {key: value for key, value in given.items() if value is not UNSET}
        | {"requestContext": dict(request.request_context)},
        resource_id=request.resource_id or None,
        deadline=deadline,
        options={key: value for key, value in options.items() if value},
    )
    return data, tracing


def _refuse_beyond_limits(request: StartRequest, user: AbstractBaseUser | None, *, size: int) -> None:
    if size > settings.MAX_BODY_BYTES:
        raise InputTooLarge(size, settings.MAX_BODY_BYTES)
    tags = request.tracing_options.get("tags") or []
    if len(tags) > settings.MAX_TAGS:
        raise InvalidTracing("tags", f"A run has at most {settings.MAX_TAGS} tags; these are {len(tags)}.")
    for index, tag in enumerate(tags):
        if not is_tag(tag, settings.MAX_TAG_LENGTH):
            limit = settings.MAX_TAG_LENGTH
            raise InvalidTracing(f"tags.{index}", f"A tag has 1 to {limit} characters, none of them a line break.")
    if request.run_id is not None and not is_address_id(request.run_id):
        raise InvalidRunId(RUN_RULE)
    if not is_resource_id(request.resource_id):
        raise InvalidRunId(RESOURCE_RULE)
    if user is not None:
        limit = settings.MAX_QUEUED_PER_USER
        if (queued := _QUEUED(user.pk)) and queued[0][0] >= limit:
            raise QueueFull(limit)
        if request.start_at is not None and WorkflowRun.objects.to_start().filter(actor=user)[:limit].count() >= limit:
            raise QueueFull(limit)
