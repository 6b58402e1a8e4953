"""Cards of runs, many at once: lists need nothing else."""

from datetime import timedelta

from django.utils import timezone

from runs.models import RunTag, WorkflowDefinition, WorkflowRun

MINUTE = timedelta(minutes=1)


def make_cards(workflow: WorkflowDefinition, count: int, *, prefix: str = "run", tag: str = "", **card) -> list:
    """`count` runs, a minute apart, the first one newest; successful, of 12.4 s, unless `card` says otherwise."""
    now = timezone.now()
    runs = []
    for number in range(count):
        created = now - number * MINUTE
        fields = {"status": "success", "started_at": created, "ended_at": created + timedelta(seconds=12.4)}
        fields |= {"actor_label": "Mara Lind", "tags": [tag] if tag else [], **card}
        run = WorkflowRun(
            id=f"{prefix}-{number:06}", workflow=workflow, version=workflow.current, created_at=created, **fields
        )
        runs.append(run)
    WorkflowRun.objects.bulk_create(runs)
    if tag:
        RunTag.objects.bulk_create(RunTag(run=run, tag=tag, created_at=run.created_at) for run in runs)
    return runs
