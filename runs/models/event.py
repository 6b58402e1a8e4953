"""The log of a run, append-only: the truth, of which state, results, steps and chunks are folds."""

from collections.abc import Iterable, Mapping, Sequence

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


class PayloadQuerySet(models.QuerySet["Payload"]):
    def whole(self, digests: Iterable[str]) -> dict[str, bytes]:
        """The values of these digests, each as it was before its large members were taken out. In two queries."""
        rows = {payload.sha256: payload for payload in self.filter(sha256__in=set(digests))}
        inner = {digest for payload in rows.values() for _, digest in payload.parts or []}
        members = {digest: bytes(data) for digest, data in self.filter(sha256__in=inner).values_list("sha256", "data")}
        return {digest: put_together(bytes(row.data), row.parts, members) for digest, row in rows.items()}


def put_together(data: bytes, parts: Sequence[Sequence] | None, members: Mapping[str, bytes]) -> bytes:
    """A value with its large members back in their places."""
    pieces, start = [], 0
    for place, digest in parts or []:
        pieces += [data[start:place], members[digest]]
        start = place
    return b"".join([*pieces, data[start:]])


class Payload(models.Model):
    """A large value, kept once however often it occurs.

    Of an object, large members stand in rows of their own: a step that hands on a megabyte and counts one field up
    stores the field. `PayloadQuerySet.whole()` gives values back as they were.
    """

    sha256 = models.CharField(primary_key=True, max_length=64)  # of the whole value, hexadecimal
    data = models.BinaryField()  # JSON, UTF-8; without its large members, if it has `parts`
    parts = models.JSONField(null=True)  # [[place in data, SHA-256 of the member that belongs there], …], in order

    objects = PayloadQuerySet.as_manager()

    def __str__(self) -> str:
        return self.sha256


class PayloadUseQuerySet(models.QuerySet["PayloadUse"]):
    def forget_runs(self, run_ids: Iterable[str]) -> int:
        """Delete these runs' uses, and the values that nobody else uses. How many values. In a transaction."""
        mine = self.filter(run_id__in=list(run_ids))
        digests = sorted(set(mine.values_list("sha256", flat=True)))
        # Whoever is just noting a use of one of them is waited for: the next statement sees it.
        values = Payload.objects.filter(sha256__in=digests).order_by("sha256")
        list(values.select_for_update().values_list("sha256", flat=True))
        mine.delete()
        used = self.model.objects.filter(sha256=models.OuterRef("sha256"))
        return values.exclude(models.Exists(used)).delete()[0]


class PayloadUse(models.Model):
    """A run whose history holds a large value: the value is deleted with the last of them."""

    pk = models.CompositePrimaryKey("sha256", "run_id")
    sha256 = models.CharField(max_length=64)
    # No foreign key in the database, as in the log.
    run = models.ForeignKey(WorkflowRun, on_delete=models.CASCADE, related_name="+", db_constraint=False)

    objects = PayloadUseQuerySet.as_manager()

    class Meta:
        verbose_name = "use of a large value"

    def __str__(self) -> str:
        return f"{self.run_id} {self.sha256}"
