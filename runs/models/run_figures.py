"""Figures about many runs: how long they take, how many there were. Each function is one query, whatever it gets."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, models
from django.db.models.functions import TruncHour
from django.utils import timezone

from runs.engine.results import RunStatus

from .run import WorkflowRun

MEASURED = 200  # the newest successful runs of a workflow that its usual duration is taken from
DAY = timedelta(hours=24)
FAILURES = (RunStatus.FAILED, RunStatus.TRIPWIRE)


@dataclass(frozen=True, slots=True)
class UsualDuration:
    """How long a workflow usually takes, in milliseconds."""

    p50: int
    p95: int
    runs: int  # that it was taken from


@dataclass(slots=True)
class DayFigures:
    """What happened to the runs of one workflow, or of all, in the last 24 hours."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    ended: int = 0
    hours: tuple[list[int], list[int]] = ()  # 24 counts each, oldest first: not failed, failed

    @property
    def success_percent(self) -> float | None:
        return 100 * self.succeeded / self.ended if self.ended else None


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures that say the same, of one workflow."""

    workflow_id: str
    status: str
    detail: str
    runs: int
    first: datetime
    last: datetime


def newest_of_each(workflow_ids: Sequence[str], columns: str, limit: int, only: str = "") -> list[tuple]:
    """Some columns of the newest runs of each workflow, the workflow's id first.

    A LIMIT of its own for each workflow keeps every part a short walk along the index run_by_workflow; a window
    function would read all runs there are.
    """
    if not workflow_ids:
        return []
    condition = f" AND {only}" if only else ""
    part = (
        f"SELECT * FROM (SELECT workflow_id, {columns} FROM runs_workflowrun"  # noqa: S608  columns are ours
        f" WHERE workflow_id = %s{condition} ORDER BY created_at DESC, id DESC LIMIT {limit:d}) AS part"
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([part] * len(workflow_ids)), list(workflow_ids))
        return cursor.fetchall()


def usual_durations(workflow_ids: Iterable[str]) -> dict[str, UsualDuration]:
    """By workflow, from its newest successful runs. A workflow without any is left out."""
    rows = newest_of_each(
        list(dict.fromkeys(workflow_ids)),
        "started_at, ended_at",
        MEASURED,
        only="status = 'success' AND started_at IS NOT NULL AND ended_at IS NOT NULL",
    )
    took: dict[str, list[int]] = defaultdict(list)
    for workflow_id, started, ended in rows:
        took[workflow_id].append(max(round((_moment(ended) - _moment(started)).total_seconds() * 1000), 0))
    return {workflow_id: _usual(sorted(durations)) for workflow_id, durations in took.items()}


def _usual(durations: list[int]) -> UsualDuration:
    last = len(durations) - 1
    return UsualDuration(durations[round(last * 0.5)], durations[round(last * 0.95)], len(durations))


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value  # SQLite keeps times as text


def last_day() -> tuple[DayFigures, dict[str, DayFigures]]:
    """The last 24 hours of all runs, and by workflow."""
    now = timezone.now()
    rows = (
        WorkflowRun.objects.filter(created_at__gt=now - DAY)
        .annotate(hour=TruncHour("created_at"))
        .values_list("workflow_id", "status", "hour")
        .annotate(runs=models.Count("pk"))
        .order_by()
    )
    first_hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    everything = DayFigures(hours=([0] * 24, [0] * 24))
    by_workflow: dict[str, DayFigures] = {}
    for workflow_id, status, hour, runs in rows:
        figures = by_workflow.setdefault(workflow_id, DayFigures(hours=([0] * 24, [0] * 24)))
        # The oldest of 25 clock hours is only partly inside the day; it counts in the totals and in the first bar.
        place = max(int((hour - first_hour).total_seconds() // 3600), 0)
        for one in (everything, figures):
            _count(one, status, place, runs)
    return everything, by_workflow


def _count(figures: DayFigures, status: str, place: int, runs: int) -> None:
    failed = status in FAILURES
    figures.total += runs
    figures.hours[1 if failed else 0][place] += runs
    if failed:
        figures.failed += runs
    if status == RunStatus.SUCCESS:
        figures.succeeded += runs
    if RunStatus(status).is_final:
        figures.ended += runs


def active_counts() -> dict[tuple[str, str], int]:
    """How many runs stand where, by workflow and status; only of statuses that are not an end."""
    rows = (
        WorkflowRun.objects.active().values_list("workflow_id", "status").annotate(runs=models.Count("pk")).order_by()
    )
    return {(workflow_id, status): runs for workflow_id, status, runs in rows}


def causes(limit: int = 10) -> list[Cause]:
    """What runs failed of in the last 24 hours, the most frequent first."""
    rows = (
        WorkflowRun.objects.filter(status__in=FAILURES, created_at__gt=timezone.now() - DAY)
        .values_list("workflow_id", "status", "detail")
        .annotate(runs=models.Count("pk"), first=models.Min("created_at"), last=models.Max("created_at"))
        .order_by("-runs", "-last")[:limit]
    )
    return [Cause(*row) for row in rows]


def daily_durations(workflow_id: str, since: datetime, limit: int = 5000) -> dict[date, list[int]]:
    """How long the successful runs of a workflow took, in milliseconds, by day; at most the newest `limit` of them."""
    rows = WorkflowRun.objects.filter(
        workflow_id=workflow_id,
        status=RunStatus.SUCCESS,
        created_at__gte=since,
        started_at__isnull=False,
        ended_at__isnull=False,
    )
    took: dict[date, list[int]] = defaultdict(list)
    for started, ended in rows.newest_first().values_list("started_at", "ended_at")[:limit]:
        took[started.date()].append(max(round((ended - started).total_seconds() * 1000), 0))
    return took
