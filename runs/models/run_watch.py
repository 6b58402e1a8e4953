"""People who want to know when a run ends."""

from django.conf import settings
from django.db import models

from runs.engine.log.results import FINAL_STATUSES

from .run import WorkflowRun


class RunWatchQuerySet(models.QuerySet["RunWatch"]):
    def due(self, now: int) -> "RunWatchQuerySet":
        """Those whose run has ended, and who are to be told by now (epoch milliseconds)."""
        ended = self.filter(told_at=None, given_up=False, next_at__lte=now, run__status__in=list(FINAL_STATUSES))
        return ended.select_related("run", "user")


class RunWatch(models.Model):
    """A person who asked for an e-mail when a run ends."""

    run = models.ForeignKey(WorkflowRun, on_delete=models.CASCADE, related_name="watches", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    next_at = models.BigIntegerField(default=0)  # epoch milliseconds
    told_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    given_up = models.BooleanField(default=False)
    error = models.CharField(max_length=500, blank=True)  # of the last try

    objects = RunWatchQuerySet.as_manager()

    class Meta:
        verbose_name = "watch"
        verbose_name_plural = "watches"
        constraints = [models.UniqueConstraint(fields=["run", "user"], name="watch_once")]
        indexes = [models.Index(fields=["next_at"], name="watch_due", condition=models.Q(told_at=None, given_up=False))]

    def __str__(self) -> str:
        return f"{self.user} {self.run_id}"
