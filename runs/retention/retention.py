"""How long runs are kept once they have ended: which ones a policy lets go, and the leader's hourly sweep of them."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connections

from runs.models import Actor, AuditEntry, WorkflowDefinition
from runs.store.connection import Connection, connect, is_database_error, milliseconds, moment
from runs.store.event_rows import RUNS

from .purge import ENDED, Old, Purge

logger = logging.getLogger(__name__)

AT_ONCE = 200  # runs that are looked up together
FIRST_SWEEP_SECONDS = 60.0
SWEEP_SECONDS = 3_600.0
SWEEPER = Actor("retention")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which runs of a workflow go. All times are of a run's end."""

    workflow_id: str
    before: datetime | None = None  # those that ended earlier go altogether
    keep: int | None = None  # and those that are older than the newest so many that have ended
    values_before: datetime | None = None  # of those that ended earlier, the values go


def stored_policies(now: datetime, workflow_id: str | None = None) -> list[Policy]:
    """What the admin site says, for each workflow that has a policy."""
    fields = ("pk", "keep_days", "keep_runs", "keep_values_days")
    rows = WorkflowDefinition.objects.order_by("pk").values_list(*fields)
    if workflow_id is not None:
        rows = rows.filter(pk=workflow_id)

    def before(days: int | None) -> datetime | None:
        return None if days is None else now - timedelta(days=min(days, 100 * 366))

    found = [Policy(name, before(days), keep, before(values)) for name, days, keep, values in rows]
    return [policy for policy in found if policy != Policy(policy.workflow_id)]


def old_runs(connection: Connection, policy: Policy) -> Iterator[list[Old]]:
    """The runs that go altogether, oldest first."""
    conditions, values = [], []
    if policy.before is not None:
        conditions.append("ended_at < %s")
        values.append(_moment(policy.before))
    if policy.keep is not None and (last := _last_kept(connection, policy)):
        conditions.append("(created_at, id) < (%s, %s)")
        values += last
    if policy.keep == 0:
        conditions.append("1 = 1")
    if conditions:
        yield from _walk(connection, policy.workflow_id, f"({' OR '.join(conditions)})", values)


def old_values(connection: Connection, policy: Policy) -> Iterator[list[Old]]:
    """The runs whose values go, oldest first; also those whose purge was broken off."""
    if policy.values_before is not None:
        where = "ended_at < %s AND (purged_at IS NULL OR last_seq > 0)"
        yield from _walk(connection, policy.workflow_id, where, [_moment(policy.values_before)])


def _last_kept(connection: Connection, policy: Policy) -> list[object] | None:
    """Created and id of the oldest run that stays because of its number."""
    keep = policy.keep or 0
    row = (
        keep
        and connection.execute(
            f"SELECT created_at, id FROM {RUNS} WHERE workflow_id = %s AND {ENDED}"  # noqa: S608
            " ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET %s",
            (policy.workflow_id, keep - 1),
        ).fetchone()
    )
    return list(row) if row else None


def _walk(connection: Connection, workflow_id: str, where: str, values: list[object]) -> Iterator[list[Old]]:
    """Page by page along the index of the workflow's runs. A run that stays behind is not met twice."""
    place = ""
    last: list[object] = []
    while True:
        rows = connection.execute(
            f"SELECT id, last_seq, created_at FROM {RUNS} WHERE workflow_id = %s AND {ENDED} AND {where}{place}"  # noqa: S608
            " ORDER BY created_at, id LIMIT %s",
            [workflow_id, *values, *last, AT_ONCE],
        ).fetchall()
        if rows:
            yield [Old(run_id, seq) for run_id, seq, _ in rows]
        if len(rows) < AT_ONCE:
            return
        place, last = " AND (created_at, id) > (%s, %s)", [rows[-1][2], rows[-1][0]]


def carry_out(
    purge: Purge,
    policy: Policy,
    *,
    actor: Actor = SWEEPER,
    told: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Delete what a policy lets go. `told` is called after each step, `stopped` asked before it."""
    before = (purge.runs, purge.values)
    for find, delete in ((old_runs, purge.delete_runs), (old_values, purge.delete_values)):
        for some in find(purge.connection, policy):
            if stopped():
                break
            delete(some)
            told()
    runs, values = purge.runs - before[0], purge.values - before[1]
    if runs or values:
        after = {"runs": runs, "values": values}
        AuditEntry.objects.record(actor, "purge", "workflow", policy.workflow_id, after=after)


class RetentionSweep:
    """A thread of the leader that carries out the stored policies, once an hour."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Does not wait: what is under way is one short transaction."""
        self._stopping.set()

    def _run(self) -> None:
        wait = FIRST_SWEEP_SECONDS
        while not self._stopping.wait(wait):
            wait = SWEEP_SECONDS
            try:
                self.sweep()
            except Exception as error:
                if not is_database_error(error.__cause__ or error):
                    logger.exception("Old runs could not be purged; it is tried again in an hour.")
            finally:
                connections.close_all()

    def sweep(self) -> Purge | None:
        """Carry out every policy once. None: there is none."""
        policies = stored_policies(datetime.now(UTC))
        if not policies:
            return None
        connection = connect()
        try:
            purge = Purge(connection)
            for policy in policies:
                carry_out(purge, policy, stopped=self._stopping.is_set)
        finally:
            connection.close()
        if purge.runs or purge.values:
            logger.info("Purged by the policies: %d runs, the values of %d.", purge.runs, purge.values)
        return purge


def _moment(at: datetime) -> object:
    return moment(milliseconds(at))
