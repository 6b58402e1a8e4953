"""What the steps of a run have logged."""

import logging
from datetime import UTC, datetime

from django.db import models

from .run import WorkflowRun


class LogLevel(models.IntegerChoices):
    """As Python numbers them; a level in between counts as the one below it."""

    DEBUG = logging.DEBUG, "debug"
    INFO = logging.INFO, "info"
    WARNING = logging.WARNING, "warning"
    ERROR = logging.ERROR, "error"
    CRITICAL = logging.CRITICAL, "critical"


class RunLogQuerySet(models.QuerySet["RunLog"]):
    def of_run(self, run_id: str) -> "RunLogQuerySet":
        """The lines of a run, in the order in which they were written."""
        return self.filter(run_id=run_id, dropped=0).order_by("pk")

    def dropped_of(self, run_id: str) -> int:
        """How many lines of the run were too many to be kept."""
        return self.filter(run_id=run_id, dropped__gt=0).aggregate(count=models.Sum("dropped"))["count"] or 0


class RunLog(models.Model):
    """One line. What is secret in the run is masked before the line is stored."""

    # No foreign key in the database, as in the log of events.
    run = models.ForeignKey(
        WorkflowRun, on_delete=models.CASCADE, related_name="log_lines", db_index=False, db_constraint=False
    )
    at = models.BigIntegerField()  # epoch milliseconds
    level = models.PositiveSmallIntegerField(choices=LogLevel.choices)
    logger = models.CharField(max_length=200)
    step = models.CharField(max_length=500)  # its path
    message = models.TextField()
    error = models.TextField(blank=True)  # the exception's text, with its stack
    # Above 0: no line, but that many lines that came after the last one and were not kept.
    dropped = models.PositiveIntegerField(default=0)

    objects = RunLogQuerySet.as_manager()

    class Meta:
        verbose_name = "log line"
        indexes = [models.Index(fields=["run", "id"], name="log_of_run")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.level_name}: {self.message[:60]}"

    @property
    def level_name(self) -> str:
        return level_name(self.level)


def level_name(level: int) -> str:
    """`info` for 20 and whatever lies up to the next level."""
    return next((each.label for each in reversed(LogLevel) if level >= each), LogLevel.DEBUG.label)


def line_text(line: RunLog) -> str:
    """A line as a file holds it: what belongs to it stands below it, indented."""
    at = datetime.fromtimestamp(line.at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = f"{at} {line.level_name.upper():8} {line.step} {line.logger}: {line.message}"
    return "\n    ".join([*text.splitlines(), *line.error.splitlines()])
