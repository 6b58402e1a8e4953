"""A way through the runs that a filter lets through, from the newest to the oldest, in pages.

Each page is a walk along one index, which begins where the last page ended: what it costs does not grow with the
number of runs. Which index that is, is not left to the database where it would have to guess: SQLite has no figures
about how many runs are `failed`, or carry a tag.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import CharField, DateTimeField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from runs.engine.log.results import RunStatus

from .prepared import Prepared
from .run import RunTag, WorkflowRun, beyond, cursor_of, place_of
from .run_label import RunLabel

MOST_WALKS = 8  # statuses that are walked one by one; their walks are merged

Conditions = Callable[[str], Q]


class ListedRun(NamedTuple):
    """What a row of a list shows of a run; the rest of the card stays where it is."""

    id: str
    workflow_id: str
    status: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    wake_at: datetime | None
    actor_label: str
    tags: list[str]
    detail: str
    version_id: int

    @property
    def pk(self) -> str:
        return self.id

    @property
    def cursor(self) -> str:
        """This run's place in a list of the newest; see RunWalk.page()."""
        return cursor_of(self.created_at, self.id)


def listed(run_ids: Collection[str]) -> list[ListedRun]:
    """Some runs as lists show them, in no order."""
    return [ListedRun(*row) for row in WorkflowRun.objects.filter(pk__in=run_ids).values_list(*ListedRun._fields)]


def no_conditions(at: str) -> Q:
    return Q()


@dataclass(frozen=True)
class RunWalk:
    """All runs, or those with a tag or else a label, of some statuses, of some workflows, that meet further conditions.

    `conditions` makes them for the way to the run's columns that it is given: "" or "run__".
    """

    tag: str | Value = ""
    label: str | Value = ""
    statuses: Sequence[str] = ()
    workflows: Sequence[str | Value] = ()
    conditions: Conditions = no_conditions

    def page(self, limit: int, *, before: str = "", after: str = "") -> list[ListedRun]:
        """At most `limit` runs, newest first: older than the cursor `before`, or next newer than `after`.

        Raises BadCursor.
        """
        newer = bool(after)
        place = place_of(after or before) if after or before else ()
        if self.conditions is no_conditions:
            kind = (bool(self.tag), bool(self.label), tuple(self.statuses), len(self.workflows))
            marks = [mark for mark in (self.tag, self.label) if mark]
            rows = _statement(*kind, limit, newer, bool(place))(*marks, *self.workflows, *place)
        else:
            rows = Prepared(lambda: self._rows(place, newer=newer)[:limit])()
        found = [ListedRun(*row) for row in rows]
        return found[::-1] if newer else found

    def count(self, most: int) -> int:
        """How many runs there are; `most` + 1 when there are more than `most`."""
        return min(sum(part[: most + 1].count() for part in self._parts()), most + 1)

    def _rows(self, place: Sequence[Any], *, newer: bool) -> QuerySet:
        """One queryset. SQLite and PostgreSQL merge the walks of a union as they go, and stop at the limit."""
        run, at = ("run_id", "run__") if self.tag or self.label else ("id", "")
        where = beyond(*place, newer=newer, run=run) if place else Q()
        columns = ["created_at" if name == "created_at" else at + name for name in ListedRun._fields]  # the walk's own
        first, *others = [part.filter(where).values_list(*columns) for part in self._parts()]
        rows = first.union(*others, all=True) if others else first
        return rows.order_by("created_at", run) if newer else rows.order_by("-created_at", f"-{run}")

    def _parts(self) -> list[QuerySet]:
        if self.tag or self.label:
            marks = RunTag.objects.filter(tag=self.tag) if self.tag else RunLabel.objects.filter(label=self.label)
            tagged = marks.filter(self.conditions("run__")).order_by()
            tagged = _only_in(tagged, "run__status", self.statuses)
            return [_only_in(tagged, "run__workflow_id", self.workflows)]
        runs = WorkflowRun.objects.filter(self.conditions("")).order_by()
        if self._along_statuses:
            runs = _only_in(runs, "workflow_id", self.workflows)
            return [runs.filter(status=status) for status in self.statuses]
        runs = _only_in(runs, "status", self.statuses)
        if not self.workflows or len(self.workflows) > MOST_WALKS:
            return [_only_in(runs, "workflow_id", self.workflows)]
        return [runs.filter(workflow_id=workflow) for workflow in self.workflows]

    @property
    def _along_statuses(self) -> bool:
        """Whether the statuses are the rarer thing: most runs of any workflow have succeeded."""
        if not self.statuses or len(self.statuses) > MOST_WALKS:
            return False
        return not self.workflows or RunStatus.SUCCESS not in self.statuses


@lru_cache(maxsize=200)
def _statement(
    tag: bool, label: bool, statuses: tuple[str, ...], workflows: int, limit: int, newer: bool, has_place: bool
) -> Prepared:
    """The statement of a page of all walks that are alike: the mark, the workflows and the cursor have places in it."""

    def make(*places: Value) -> QuerySet:
        rest = iter(places)
        walk = RunWalk(
            tag=next(rest) if tag else "",
            label=next(rest) if label else "",
            statuses=statuses,
            workflows=[next(rest) for _ in range(workflows)],
        )
        return walk._rows(list(rest), newer=newer)[:limit]

    fields = [CharField()] * (tag + label + workflows)
    return Prepared(make, *fields, *([DateTimeField(), CharField()] if has_place else []))


def _only_in(rows: QuerySet, column: str, values: Sequence[str | Value]) -> QuerySet:
    """The rows with one of the values, without the index of the column: the walk is along another one."""
    if not values:
        return rows
    return rows.alias(**{"plain_" + column.replace("__", "_"): Coalesce(F(column), Value(""))}).filter(
        **{"plain_" + column.replace("__", "_") + "__in": values}
    )
