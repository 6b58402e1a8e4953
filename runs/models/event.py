"""The log of a run, append-only: the truth, of which state, results, steps and chunks are folds."""

from django.db import models

from .run import WorkflowRun


class RunEventQuerySet(models.QuerySet["RunEvent"]):
    def after(self, run_id: str, seq: int) -> "RunEventQuerySet":
        """The events of a run beyond a cursor, in order."""
        return self.filter(run_id=run_id, seq__gt=seq).order_by("seq")


class RunEvent(models.Model):
    """One event. Hot paths read and write this table by plain SQL; see execution/writer.py."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    # No foreign key in the database: it would cost one look-up for each chunk.
    run = models.ForeignKey(
        WorkflowRun, on_delete=models.CASCADE, related_name="events", db_index=False, db_constraint=False
    )
    seq = models.PositiveIntegerField()  # 1, 2, 3 … without a gap
    type = models.CharField(max_length=30)
    at = models.BigIntegerField()  # epoch milliseconds
    data = models.BinaryField()  # a JSON object, UTF-8
    large = models.JSONField(null=True)  # by top-level key of data: the SHA-256 of a value that stands in Payload

    objects = RunEventQuerySet.as_manager()

    class Meta:
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.run_id} {self.seq} {self.type}"


class Payload(models.Model):
    """A large value, kept once however often it occurs."""

    sha256 = models.CharField(primary_key=True, max_length=64)  # of data, hexadecimal
    data = models.BinaryField()  # JSON, UTF-8

    def __str__(self) -> str:
        return self.sha256
