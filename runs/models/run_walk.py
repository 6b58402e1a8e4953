"""A way through the runs that a filter lets through, from the newest to the oldest, in pages.

Each page is a walk along one index, which begins where the last page ended: what it costs does not grow with the
number of runs. Which index that is, is not left to the database where it would have to guess: SQLite has no figures
about how many runs are `failed`, or carry a tag.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from runs.engine.results import RunStatus

from .run import RunTag, WorkflowRun, beyond
from .run_label import RunLabel

# What a row shows; the rest of the card stays where it is.
CARD = ["id", "workflow_id", "status", "created_at", "started_at", "ended_at", "wake_at"]
CARD += ["actor_label", "tags", "detail"]
MOST_WALKS = 8  # statuses that are walked one by one; their walks are merged

Conditions = Callable[[str], Q]


def _nothing(at: str) -> Q:
    return Q()


@dataclass(frozen=True)
class RunWalk:
    """All runs, or those with a tag or else a label, of some statuses, of some workflows, that meet further conditions.

    `conditions` makes them for the way to the run's columns that it is given: "" or "run__".
    """

    tag: str = ""
    label: str = ""
    statuses: Sequence[str] = ()
    workflows: Sequence[str] = ()
    conditions: Conditions = _nothing

    def page(self, limit: int, *, before: str = "", after: str = "") -> list[WorkflowRun]:
        """At most `limit` runs, newest first: older than the cursor `before`, or next newer than `after`.

        Raises BadCursor.
        """
        rows = self._rows(beyond(after or before, newer=bool(after), run=self._run) if after or before else Q())
        found = list(rows.order_by(*self._order(newer=bool(after)))[:limit])
        found = [row if isinstance(row, WorkflowRun) else row.run for row in found]
        return found[::-1] if after else found

    def count(self, most: int) -> int:
        """How many runs there are; `most` + 1 when there are more than `most`."""
        return min(sum(part[: most + 1].count() for part in self._parts()), most + 1)

    @property
    def _run(self) -> str:
        return "run_id" if self.tag or self.label else "id"

    def _order(self, *, newer: bool) -> list[str]:
        return ["created_at", self._run] if newer else ["-created_at", f"-{self._run}"]

    def _rows(self, place: Q) -> QuerySet:
        """One queryset. SQLite and PostgreSQL merge the walks of a union as they go, and stop at the limit."""
        first, *others = [part.filter(place) for part in self._parts()]
        return first.union(*others, all=True) if others else first

    def _parts(self) -> list[QuerySet]:
        if self.tag or self.label:
            marks = RunTag.objects.filter(tag=self.tag) if self.tag else RunLabel.objects.filter(label=self.label)
            tagged = marks.filter(self.conditions("run__")).order_by()
            tagged = _only_in(tagged, "run__status", self.statuses)
            tagged = _only_in(tagged, "run__workflow_id", self.workflows)
            return [tagged.select_related("run").only("created_at", *(f"run__{name}" for name in CARD))]
        runs = WorkflowRun.objects.filter(self.conditions("")).only(*CARD).order_by()
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


def _only_in(rows: QuerySet, column: str, values: Sequence[str]) -> QuerySet:
    """The rows with one of the values, without the index of the column: the walk is along another one."""
    if not values:
        return rows
    return rows.alias(**{"plain_" + column.replace("__", "_"): Coalesce(F(column), Value(""))}).filter(
        **{"plain_" + column.replace("__", "_") + "__in": values}
    )
