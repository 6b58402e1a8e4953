"""Runs as rows of a list: what the history, the home page and a workflow's page share."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from runs.catalog.missing_code import missing_code_of
from runs.drawing.bars import DurationBar, duration_bar
from runs.drawing.sentence import STOPPED
from runs.engine.log.results import RunStatus
from runs.models.run import ACTIVE_STATUSES, BadCursor
from runs.models.run_figures import usual_durations
from runs.models.run_walk import ListedRun, RunWalk

RUNS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as a list shows it."""

    run: ListedRun
    took: int | None  # milliseconds: until its end, or until now
    bar: DurationBar | None
    missing_code: str = ""  # why it cannot go on here

    @property
    def is_active(self) -> bool:
        return self.run.status in ACTIVE_STATUSES


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of runs, and the cursors of its neighbours; an empty one: there is no such page."""

    rows: list[RunRow]
    older: str = ""
    newer: str = ""

    @property
    def newest(self) -> str:
        return self.rows[0].run.cursor if self.rows else ""


def read_page(walk: RunWalk, *, before: str = "", after: str = "") -> RunPage:
    """The runs beyond a cursor: two queries, whatever there is, and no payload. A cursor that is none is ignored."""
    try:
        found = walk.page(RUNS_PER_PAGE + 1, before=before, after=after)
    except BadCursor:
        before = after = ""
        found = walk.page(RUNS_PER_PAGE + 1)
    if after and len(found) <= RUNS_PER_PAGE:  # the newest page: as long as it can be
        before = after = ""
        found = walk.page(RUNS_PER_PAGE + 1)
    more = len(found) > RUNS_PER_PAGE
    found = found[-RUNS_PER_PAGE:] if after else found[:RUNS_PER_PAGE]
    if not found:
        return RunPage([])
    older = found[-1].cursor if more or after else ""
    return RunPage(run_rows(found), older, found[0].cursor if before or after else "")


def run_rows(runs: Sequence[ListedRun]) -> list[RunRow]:
    """The rows of some runs, their durations held against what their workflows usually take."""
    usual = usual_durations(run.workflow_id for run in runs)
    stopped = {run.version_id for run in runs if run.status in STOPPED}
    missing = missing_code_of(stopped) if stopped else {}
    rows = []
    for run in runs:
        took, known = duration_of(run), usual.get(run.workflow_id)
        lacking = missing.get(run.version_id, "") if run.status in STOPPED else ""
        rows.append(RunRow(run, took, duration_bar(took, known.p95 if known else None), lacking))
    return rows


def duration_of(run: ListedRun) -> int | None:
    """Milliseconds from the start to the end, or to now while the run goes on; None before it starts."""
    if run.started_at is None:
        return None
    if run.ended_at is None and (run.status == RunStatus.PAUSED or RunStatus(run.status).is_final):
        return None
    return round(((run.ended_at or timezone.now()) - run.started_at).total_seconds() * 1000)
