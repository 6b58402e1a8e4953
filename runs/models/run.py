"""A run's card: everything that a list, a filter or a claim needs, and never a payload."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from runs.engine.results import RunStatus

from .workflow import WorkflowDefinition, WorkflowVersion


class WorkflowRunQuerySet(models.QuerySet["WorkflowRun"]):
    def newest_first(self) -> "WorkflowRunQuerySet":
        return self.order_by("-created_at", "-id")

    def active(self) -> "WorkflowRunQuerySet":
        """Runs that have not ended: queued, running, asleep, or waiting for an answer."""
        return self.filter(status__in=ACTIVE_STATUSES)


ACTIVE_STATUSES = [RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.SUSPENDED]


class WorkflowRun(models.Model):
    """One run of a workflow. What happened in it is told by its events; this row is only its card."""

    id = models.CharField("run id", primary_key=True, max_length=200)  # a UUIDv7, or the caller's own text
    workflow = models.ForeignKey(WorkflowDefinition, on_delete=models.PROTECT, related_name="runs", db_index=False)
    version = models.ForeignKey(WorkflowVersion, on_delete=models.PROTECT, related_name="runs")
    status = models.CharField(
        max_length=10, choices=[(status.value, status.value.capitalize()) for status in RunStatus], default="pending"
    )
    # Whether the run may be taken by an executor: false for a run that was made but not started.
    queued = models.BooleanField(default=False)
    priority = models.SmallIntegerField(default=0)  # higher goes first
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)  # of a run that sleeps
    epoch = models.PositiveIntegerField(default=0)  # grows with each claim; a write of an older one is refused
    last_seq = models.PositiveIntegerField(default=0)  # of its last event
    worker = models.CharField(max_length=100, blank=True)  # who works on it
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    detail = models.CharField(max_length=300, blank=True)  # one line: the error, the question, what it is doing
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, verbose_name="started by"
    )
    actor_label = models.CharField(
        "who", max_length=150, blank=True
    )  # the name as it was: a person, a token, a command
    resource_id = models.CharField(max_length=200, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)  # as the caller gave it, or 32 hexadecimal digits
    span_id = models.CharField(max_length=16, blank=True)  # of the run's root span
    tags = models.JSONField(default=list, blank=True)  # a copy of its RunTags, so that a list needs one query
    origin = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    origin_step = models.CharField(max_length=200, blank=True)  # of a run that was started from a step
    # Made with the start form and sent back by it: a form sent twice makes one run.
    start_key = models.CharField(max_length=64, null=True, blank=True, unique=True)

    objects = WorkflowRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="run_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="run_by_status"),
            models.Index(fields=["workflow", "-created_at", "-id"], name="run_by_workflow"),
            models.Index(fields=["actor", "-created_at", "-id"], name="run_by_actor"),
            models.Index(fields=["trace_id"], name="run_by_trace"),
            # What the executor asks four times a second: who may start, who is due.
            models.Index(
                fields=["-priority", "created_at"], name="run_queue", condition=models.Q(queued=True, status="pending")
            ),
            models.Index(fields=["wake_at"], name="run_due", condition=models.Q(wake_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.id


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
