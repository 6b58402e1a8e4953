"""The log of a run, append-only: the truth, of which state, results, steps and chunks are folds."""

from collections.abc import Mapping, Sequence

from django.db import models

from .run import WorkflowRun


class RunEventQuerySet(models.QuerySet["RunEvent"]):
    def after(self, run_id: str, seq: int) -> "RunEventQuerySet":
        """The events of a run beyond a cursor, in order."""
        return self.filter(run_id=run_id, seq__gt=seq).order_by("seq")


class RunEvent(models.Model):
    """One event. Hot paths read and write this table by plain SQL; see store/writer.py."""

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
    """A row of a large value, stored once however often it occurs.

    Large members of an object or a list have rows of their own, and theirs, too: a step that hands on a megabyte and
    increments a field stores the field. `put_together()` returns a value as it was.
    """

    # Hexadecimal. Of data; of a row with parts, of data and parts (store/large_values.py); of one that an earlier
    # release wrote with parts, of the whole value.
    sha256 = models.CharField(primary_key=True, max_length=64)
    data = models.BinaryField()  # JSON, UTF-8; without its large members, if it has `parts`
    parts = models.JSONField(null=True)  # [[place in data, SHA-256 of the row that belongs there], …], in order

    def __str__(self) -> str:
        return self.sha256


# Of values in values: JSON is never nested so deeply. More are a row that contains itself.
DEEPEST_PARTS = 1_100


def put_together(digest: str, rows: Mapping[str, tuple[bytes, Sequence[Sequence]]]) -> bytes:
    """The value of a row with its members back in their places, at every depth.

    `rows`: data and parts by SHA-256. Raises KeyError for a row that is not among them, and ValueError for rows that
    contain themselves.
    """
    pieces: list[bytes] = []
    path = [(digest, 0, 0)]  # the row, the number of its next part, and how much of its data is done
    while path:
        name, number, start = path.pop()
        data, parts = rows[name]
        if number == len(parts):
            pieces.append(data[start:] if start else data)
            continue
        place, member = parts[number]
        pieces.append(data[start:place])
        path += [(name, number + 1, place), (member, 0, 0)]
        if len(path) > DEEPEST_PARTS:
            raise ValueError(f"the value {digest} contains itself")
    return b"".join(pieces)


class PayloadUse(models.Model):
    """A run whose history holds a large value: the value is deleted with the last of them."""

    pk = models.CompositePrimaryKey("sha256", "run_id")
    sha256 = models.CharField(max_length=64)
    # No foreign key in the database, as in the log.
    run = models.ForeignKey(WorkflowRun, on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        verbose_name = "use of a large value"

    def __str__(self) -> str:
        return f"{self.run_id} {self.sha256}"
