"""A span of a trace, as it is stored: what the waterfall, the trace API and the downloads are made of."""

from collections.abc import Collection, Sequence

from django.db import models


class SpanKind(models.IntegerChoices):
    """What a span is about. The labels are the types that programs see."""

    REQUEST = 0, "request"
    RUN = 1, "workflow_run"
    STEP = 2, "workflow_step"
    PARALLEL = 3, "workflow_parallel"
    CONDITIONAL = 4, "workflow_conditional"
    CONDITION = 5, "workflow_conditional_eval"
    LOOP = 6, "workflow_loop"
    SLEEP = 7, "workflow_sleep"
    GENERIC = 8, "generic"


class SpanState(models.IntegerChoices):
    ENDED = 0, "ended"
    FAILED = 1, "failed"
    OPEN = 2, "open"
    INTERRUPTED = 3, "interrupted"  # its process died; the end is when that was noticed


class SpanQuerySet(models.QuerySet["Span"]):
    def of_trace(self, trace_id: str) -> "SpanQuerySet":
        """The spans of a trace, in order of their start. `trace_id`: 1 to 32 hexadecimal digits, padded or not."""
        return self.filter(trace_id=trace_bytes(trace_id)).order_by("start_ns", "id")

    def roots(self) -> "SpanQuerySet":
        """The span of each run that nobody encloses: one for each trace and start."""
        return self.filter(is_root=True)


def spans_of_runs(rows: Sequence[tuple[int, int, int | None, str]], run_ids: Collection[str]) -> list[int]:
    """Of the spans of one trace, (id, span, parent, run) each, the ids of these runs' own and of those below them, down
    to those of other runs. Only a run's own spans name it."""
    below: dict[int | None, list[tuple[int, int]]] = {}
    for id, span, parent, run_id in rows:
        if not run_id:
            below.setdefault(parent, []).append((id, span))
    left = [(id, span) for id, span, _, run_id in rows if run_id in run_ids]
    found: dict[int, None] = {}
    while left:
        id, span = left.pop()
        if id not in found:
            found[id] = None
            left += below.get(span, ())
    return list(found)


def trace_bytes(trace_id: str) -> bytes:
    """A trace id as it is stored. Raises ValueError for a text that is none."""
    return int(trace_id, 16).to_bytes(16, "big") if len(trace_id) <= 32 else _refuse(trace_id)


def _refuse(text: str) -> bytes:
    raise ValueError(text)


def span_number(span_id: str) -> int:
    """A span id as it is stored: a signed number of 64 bits. Raises ValueError for a text that is none."""
    number = int(span_id, 16)
    if not 0 <= number < 1 << 64:
        raise ValueError(span_id)
    return signed(number)


def signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def span_text(number: int) -> str:
    """16 hexadecimal digits."""
    return f"{number & 0xFFFFFFFFFFFFFFFF:016x}"


class Span(models.Model):
    """Rows are small, for there is one for each step: ids as bytes and numbers, and what all spans of a run share
    stands on the run's own span alone."""

    trace_id = models.BinaryField(max_length=16)
    span_id = models.BigIntegerField()  # signed; see span_text()
    parent_id = models.BigIntegerField(null=True)
    kind = models.SmallIntegerField(choices=SpanKind.choices)
    state = models.SmallIntegerField(choices=SpanState.choices)
    is_root = models.BooleanField()  # of the first execution of a run in this trace, and enclosed by no other run
    name = models.CharField(max_length=200)
    run_id = models.CharField(
        max_length=200, blank=True
    )  # of the outermost run; on its own spans and on requests alone
    workflow_id = models.CharField(max_length=200, blank=True)  # likewise
    start_ns = models.BigIntegerField()
    end_ns = models.BigIntegerField(null=True)
    # input, output, error, attributes, metadata, context, tags, events …: see runs/tracing/rows.py
    data = models.TextField(default="{}")  # JSON; a JSONField would have SQLite check each one

    objects = SpanQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["trace_id", "start_ns"], name="span_by_trace"),
            models.Index(fields=["start_ns"], name="span_newest", condition=models.Q(is_root=True)),
            models.Index(fields=["run_id"], name="span_by_run", condition=models.Q(is_root=True)),
            models.Index(fields=["start_ns"], name="span_open", condition=models.Q(end_ns__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.name
