"""A run's card: everything that a list, a filter or a claim needs, and never a payload."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import Func, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone

from runs.engine.log.results import RunStatus

from .prepared import Insertion
from .workflow import WorkflowDefinition, WorkflowVersion


def trace_number(column: str = "trace_id") -> Lower:
    """A trace id as the number that it is: lower case, without leading zeros. The index `run_by_trace` answers it."""
    # The zero is part of the text: SQLite compares expressions with those of an index as they are written.
    return Lower(Func(column, template="LTRIM(%(expressions)s, '0')", output_field=models.CharField()))


class WorkflowRunQuerySet(models.QuerySet["WorkflowRun"]):
    def newest_first(self) -> "WorkflowRunQuerySet":
        return self.order_by("-created_at", "-id")

    def before(self, cursor: str) -> "WorkflowRunQuerySet":
        """The runs that follow, newest first, on the one whose `cursor` this is. Raises BadCursor."""
        return self.filter(beyond(*place_of(cursor)))

    def active(self) -> "WorkflowRunQuerySet":
        """Runs that have not ended: queued, running, asleep, or waiting for an answer."""
        return self.filter(status__in=ACTIVE_STATUSES)

    def ready(self) -> "WorkflowRunQuerySet":
        """Runs that an executor may take now, those that go on after a stop or an answer among them."""
        return self.filter(queued=True)

    def to_start(self) -> "WorkflowRunQuerySet":
        """Runs that are to start at a later time."""
        return self.filter(status=RunStatus.PENDING, queued=False, wake_at__isnull=False)

    def in_hand(self) -> "WorkflowRunQuerySet":
        """Runs that an executor works on."""
        return self.filter(status=RunStatus.RUNNING, queued=False)

    def with_tag(self, tag: str) -> "WorkflowRunQuerySet":
        return self.filter(run_tags__tag=tag)

    def of_trace(self, trace_id: str) -> "WorkflowRunQuerySet":
        """The runs of a trace, by its id in hexadecimal: in either case, padded to 32 digits or not."""
        return self.filter(Exact(trace_number(), Value(trace_id.strip().lower().lstrip("0"))))

    def insert(self, run: "WorkflowRun") -> None:
        """Store a new run. Raises IntegrityError when its id or its start key is in use."""
        _insert(run)


class BadCursor(ValueError):
    """The text does not tell a place in a list of runs."""


def place_of(cursor: str) -> tuple[datetime, str]:
    """The time and the id of the run whose `cursor` this is. Raises BadCursor."""
    micros, _, run_id = cursor.partition("_")
    try:
        created = datetime.fromtimestamp(int(micros) // 1_000_000, UTC).replace(microsecond=int(micros) % 1_000_000)
    except (ValueError, OverflowError, OSError):
        raise BadCursor(cursor) from None
    return created, run_id


def cursor_of(created_at: datetime, run_id: str) -> str:
    """A run's place in a list of the newest; see `place_of()`."""
    return f"{int(created_at.timestamp()) * 1_000_000 + created_at.microsecond}_{run_id}"


def beyond(created: object, run_id: object, *, newer: bool = False, run: str = "id") -> models.Q:
    """The condition on rows that are older than the run of this time and id, or newer.

    `run`: the name of the column that holds the run's id. As a comparison of rows: both databases then start inside
    the index instead of reading up to the place.
    """
    if newer:
        return models.Q(created_at__gte=created) & ~models.Q(created_at=created, **{f"{run}__lte": run_id})
    return models.Q(created_at__lte=created) & ~models.Q(created_at=created, **{f"{run}__gte": run_id})


ACTIVE_STATUSES = [RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.SUSPENDED]


class WorkflowRun(models.Model):
    """One run of a workflow. What happened in it is told by its events; this row is only its card."""

    id = models.CharField("run id", primary_key=True, max_length=200)  # a UUIDv7, or the caller's own text
    workflow = models.ForeignKey(WorkflowDefinition, on_delete=models.PROTECT, related_name="runs", db_index=False)
    version = models.ForeignKey(WorkflowVersion, on_delete=models.PROTECT, related_name="runs", db_index=False)
    status = models.CharField(
        max_length=10, choices=[(status.value, status.value.capitalize()) for status in RunStatus], default="pending"
    )
    # Whether an executor may take the run now, whatever its status: a run that was answered, or whose executor died,
    # is `running` and queued. False for a run that was made but not started.
    queued = models.BooleanField(default=False)
    priority = models.SmallIntegerField(default=0)  # higher goes first
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)  # of the last change of this row
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Of a run that sleeps; of one that is pending and not queued: when it is to start.
    wake_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)  # when it fails if it has not ended
    epoch = models.PositiveIntegerField(default=0)  # grows with each claim; a write of an older one is refused
    last_seq = models.PositiveIntegerField(default=0)  # of its last event
    worker = models.CharField(max_length=100, blank=True)  # who works on it
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    # Functions that go on in their threads although their steps are over: since when (epoch milliseconds), by path.
    lingering = models.JSONField(null=True, blank=True, editable=False)
    # How often the process ended while the run's steps were at work, by step; see executor/crashes.py.
    crashes = models.JSONField(null=True, blank=True, editable=False)
    purged_at = models.DateTimeField(null=True, blank=True)  # when its history and its values were deleted
    detail = models.CharField(max_length=300, blank=True)  # one line: the error, the question, what it is doing
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        verbose_name="started by",
        db_index=False,
    )
    actor_label = models.CharField(
        "who", max_length=150, blank=True
    )  # the name as it was: a person, a token, a command
    resource_id = models.CharField(max_length=200, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)  # as the caller gave it, or 32 hexadecimal digits
    span_id = models.CharField(max_length=16, blank=True)  # of the run's root span
    tags = models.JSONField(default=list, blank=True)  # a copy of its RunTags, so that a list needs one query
    origin = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children", db_index=False
    )
    origin_step = models.CharField(max_length=200, blank=True)  # of a run that was started from a step
    # Made with the start form and sent back by it: a form sent twice makes one run.
    start_key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  no key is no text
    start_digest = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001  of what was asked with the key

    objects = WorkflowRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"
        constraints = [
            models.UniqueConstraint(
                fields=["start_key"], name="run_start_key_once", condition=models.Q(start_key__isnull=False)
            )
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="run_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="run_by_status"),
            models.Index(fields=["workflow", "-created_at", "-id"], name="run_by_workflow"),
            # Partial where most runs would stand in the index with nothing: each index is paid for at every start.
            models.Index(
                fields=["actor", "-created_at", "-id"], name="run_by_actor", condition=models.Q(actor__isnull=False)
            ),
            models.Index(fields=["origin"], name="run_by_origin", condition=models.Q(origin__isnull=False)),
            models.Index(trace_number(), name="run_by_trace"),
            # What the executor asks four times a second: who may start, who is due, who shall stop.
            models.Index(
                fields=["workflow", "-priority", "created_at"], name="run_queue", condition=models.Q(queued=True)
            ),
            models.Index(fields=["wake_at"], name="run_due", condition=models.Q(wake_at__isnull=False)),
            models.Index(
                fields=["deadline_at"],
                name="run_deadline",
                condition=models.Q(deadline_at__isnull=False, ended_at__isnull=True),
            ),
            models.Index(fields=["id"], name="run_lingering", condition=models.Q(lingering__isnull=False)),
            models.Index(
                fields=["cancel_requested_at"],
                name="run_to_cancel",
                condition=models.Q(cancel_requested_at__isnull=False, status="running"),
            ),
            # Whether a person has too many runs waiting.
            models.Index(fields=["actor"], name="run_queue_of_actor", condition=models.Q(queued=True)),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def purge_told(self) -> str:
        """When its history and its values were deleted, in one sentence; empty: they are there."""
        if self.purged_at is None:
            return ""
        return f"Its input, result, steps, chunks and spans were deleted on {self.purged_at:%-d %B %Y}."

    @property
    def cursor(self) -> str:
        """This run's place in a list of the newest; see `before()`."""
        return cursor_of(self.created_at, self.id)


_insert = Insertion(WorkflowRun)


class RunTag(models.Model):
    """A tag of a run, with the run's time, so that the newest runs of a tag are one walk along an index."""

    run = models.ForeignKey(WorkflowRun, on_delete=models.CASCADE, related_name="run_tags")
    tag = models.CharField(max_length=100)
    created_at = models.DateTimeField()  # the run's

    class Meta:
        verbose_name = "tag"
        constraints = [models.UniqueConstraint(fields=["run", "tag"], name="run_tag_once")]
        indexes = [models.Index(fields=["tag", "-created_at", "-run"], name="run_by_tag")]

    def __str__(self) -> str:
        return self.tag
