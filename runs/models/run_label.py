"""Labels of runs: what their callers wrote as trace metadata, so that runs are found by it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.db import models

from .run import WorkflowRun

MOST_LABELS = 40  # of one run
LONGEST_LABEL = 200
DEEPEST = 8


class RunLabelQuerySet(models.QuerySet["RunLabel"]):
    def attach(self, run_id: str, created_at: datetime, metadata: Mapping[str, object]) -> None:
        """Label a run with its metadata: `order` and `order=7`, `user.id` and `user.id=mara`."""
        texts = list(dict.fromkeys(labels_of(metadata)))[:MOST_LABELS]
        self.bulk_create(RunLabel(run_id=run_id, label=text, created_at=created_at) for text in texts)


class RunLabel(models.Model):
    """A key of a run's metadata, alone or with its value, with the run's time, as RunTag has it."""

    run = models.ForeignKey(WorkflowRun, on_delete=models.CASCADE, related_name="run_labels")
    label = models.CharField(max_length=LONGEST_LABEL)
    created_at = models.DateTimeField()  # the run's

    objects = RunLabelQuerySet.as_manager()

    class Meta:
        verbose_name = "label"
        indexes = [models.Index(fields=["label", "-created_at", "-run"], name="run_by_label")]

    def __str__(self) -> str:
        return self.label


def labels_of(value: object, path: str = "", depth: int = 0) -> Iterator[str]:
    """The labels of an object's members, those of inner objects by dotted paths."""
    if isinstance(value, Mapping) and depth < DEEPEST:
        for key, inner in value.items():
            yield from labels_of(inner, f"{path}.{key}" if path else str(key), depth + 1)
    if path and _fits(path):
        yield path
        text = label_text(value)
        if text is not None and _fits(label := f"{path}={text}"):
            yield label


def label_text(value: object) -> str | None:
    """A plain value as a label writes it; None for an object or a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return str(value) if isinstance(value, str | int | float) else None


def _fits(label: str) -> bool:
    return len(label) <= LONGEST_LABEL and "\x00" not in label
