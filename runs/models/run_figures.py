"""Figures about many runs: how long they take, how many there were. Each is one query, or one per 400 workflows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection, models
from django.utils import timezone

from runs.engine.log.results import RunStatus

from .cached import cached
from .run import WorkflowRun

MEASURED = 100  # the newest successful runs of a workflow that its usual duration is taken from
MEASURED_PER_DAY = 100  # successful runs of a day that its usual duration is taken from
COUNTED_RUNS = 5000  # of a workflow, by version
HOURS = 24
DAY = timedelta(hours=HOURS)
MILLISECOND = timedelta(milliseconds=1)
MOST_PARTS = 400  # of a UNION; SQLite takes no more than 500
CAUSES_SHOWN = 8
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
    condition = f" AND {only}" if only else ""
    part = (
        f"SELECT * FROM (SELECT workflow_id, {columns} FROM runs_workflowrun"  # noqa: S608  columns are ours
        f" WHERE workflow_id = %s{condition} ORDER BY created_at DESC, id DESC LIMIT {limit:d}) AS part"
    )
    rows: list[tuple] = []
    with connection.cursor() as cursor:
        for start in range(0, len(workflow_ids), MOST_PARTS):
            some = workflow_ids[start : start + MOST_PARTS]
            cursor.execute(" UNION ALL ".join([part] * len(some)), list(some))
            rows += cursor.fetchall()
    return rows


def newest_outcomes(workflow_ids: Sequence[str], limit: int) -> dict[str, list[tuple[str, int | None]]]:
    """By workflow its newest runs, the oldest first: status, and milliseconds from the start to the end or to now."""
    now = timezone.now().replace(tzinfo=None if connection.vendor == "sqlite" else UTC)
    found: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for workflow_id, status, started, ended in newest_of_each(workflow_ids, "status, started_at, ended_at", limit):
        took = _milliseconds(_moment(started), _moment(ended) if ended else now) if started else None
        found[workflow_id].append((status, took))
    return {workflow_id: outcomes[::-1] for workflow_id, outcomes in found.items()}


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
        took[workflow_id].append(_milliseconds(_moment(started), _moment(ended)))
    return {workflow_id: _usual(sorted(durations)) for workflow_id, durations in took.items()}


def _usual(durations: list[int]) -> UsualDuration:
    last = len(durations) - 1
    return UsualDuration(durations[round(last * 0.5)], durations[round(last * 0.95)], len(durations))


def _milliseconds(started: datetime, ended: datetime) -> int:
    return max(round((ended - started) / MILLISECOND), 0)


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value  # SQLite keeps times as text


@cached
def last_day() -> tuple[DayFigures, dict[str, DayFigures]]:
    """The last 24 hours of all runs, and by workflow."""
    now = timezone.now()
    first_hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    everything = DayFigures(hours=([0] * 24, [0] * 24))
    by_workflow: dict[str, DayFigures] = {}
    for workflow_id, status, hour, runs in _by_hour(now - DAY):
        figures = by_workflow.setdefault(workflow_id, DayFigures(hours=([0] * 24, [0] * 24)))
        # The oldest of 25 clock hours is only partly inside the day; it counts in the totals and in the first bar. A
        # later hour comes of a clock that was set back, or of another server's clock; it counts in the last bar.
        began = datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=UTC)
        place = min(max(int((began - first_hour).total_seconds() // 3600), 0), HOURS - 1)
        for one in (everything, figures):
            _count(one, status, place, runs)
    return everything, by_workflow


def _by_hour(since: datetime) -> list[tuple[str, str, str, int]]:
    """Workflow, status, hour in UTC as `2026-11-22 13`, number of runs.

    On SQLite the hour is cut from the text: Django's TruncHour would call Python for each row.
    """
    hour = "substr(created_at, 1, 13)"
    if connection.vendor == "postgresql":
        hour = "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT workflow_id, status, {hour}, COUNT(*) FROM runs_workflowrun"  # noqa: S608  the text is ours
            " WHERE created_at > %s GROUP BY 1, 2, 3",
            [connection.ops.adapt_datetimefield_value(since)],
        )
        return cursor.fetchall()


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


@cached
def causes() -> list[Cause]:
    """What runs failed of in the last 24 hours, the most frequent first."""
    rows = (
        WorkflowRun.objects.filter(status__in=FAILURES, created_at__gt=timezone.now() - DAY)
        .values_list("workflow_id", "status", "detail")
        .annotate(runs=models.Count("pk"), first=models.Min("created_at"), last=models.Max("created_at"))
        .order_by("-runs", "-last")[:CAUSES_SHOWN]
    )
    return [Cause(*row) for row in rows]


def daily_durations(workflow_id: str, days: Sequence[datetime]) -> dict[date, list[int]]:
    """How long successful runs of a workflow took, in milliseconds, by day; of each day its last ones.

    `days`: midnights. As in `newest_of_each`, each day is a short walk of its own.
    """
    part = (
        "SELECT * FROM (SELECT started_at, ended_at FROM runs_workflowrun WHERE workflow_id = %s"  # noqa: S608  ours
        " AND created_at >= %s AND created_at < %s AND status = 'success' AND started_at IS NOT NULL"
        f" AND ended_at IS NOT NULL ORDER BY created_at DESC LIMIT {MEASURED_PER_DAY:d}) AS part"
    )
    moment = connection.ops.adapt_datetimefield_value
    spans = [[workflow_id, moment(day), moment(day + DAY)] for day in days]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([part] * len(spans)), [value for span in spans for value in span])
        rows = [(_moment(started), _moment(ended)) for started, ended in cursor.fetchall()]
    took: dict[date, list[int]] = defaultdict(list)
    for started, ended in rows:
        took[started.date()].append(_milliseconds(started, ended))
    return took


def counts_by_version(workflow_id: str) -> tuple[dict[int, int], datetime | None]:
    """How many of the newest runs of a workflow ran each version, by the version's key.

    Of at most COUNTED_RUNS of them; if there are more, the time of the oldest that was counted, else None.
    """
    newest = (
        "SELECT version_id, created_at FROM runs_workflowrun WHERE workflow_id = %s"  # noqa: S608  the text is ours
        f" ORDER BY created_at DESC, id DESC LIMIT {COUNTED_RUNS:d}"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT version_id, COUNT(*), MIN(created_at) FROM ({newest}) AS newest GROUP BY version_id",  # noqa: S608
            [workflow_id],
        )
        rows = cursor.fetchall()
    counts = defaultdict(int, {version_id: runs for version_id, runs, _ in rows})
    if sum(counts.values()) < COUNTED_RUNS:
        return counts, None
    return counts, min(_moment(oldest) for _, _, oldest in rows).replace(tzinfo=UTC)
