"""Deletes a run and everything that names it. The purge (purge.py) deletes by the same functions, at its own pace."""

from functools import cache

from django.apps import apps
from django.conf import settings
from django.db import transaction

from runs.engine.log.results import RunStatus
from runs.models import Actor, AuditEntry, RunEvent, RunTag, Span, WorkflowRun
from runs.models.event import PayloadUse
from runs.models.span import spans_of_runs

from .connection import DjangoUnit, Unit
from .event_rows import EVENTS, PAYLOAD_USES, PAYLOADS, RUNS

TAGS = RunTag._meta.db_table
SPANS = Span._meta.db_table
IDS_AT_ONCE = 500


def delete(run_id: str, *, actor: Actor) -> bool:
    """Delete a run that is not executed, and record who did it. False: it is executed, or there is none."""
    with transaction.atomic():
        # An executor that held the run would write its next event to nowhere.
        resting = WorkflowRun.objects.filter(pk=run_id).exclude(status=RunStatus.RUNNING)
        run = resting.select_for_update().first()
        if run is None:
            return False
        delete_run(DjangoUnit(), run_id)
        before = {"workflow": run.workflow_id, "status": run.status}
        AuditEntry.objects.record(actor, "delete", "run", run_id, before=before)
    return True


def delete_run(unit: Unit, run_id: str) -> bool:
    """Delete a run in whatever state, with its history, in the caller's transaction. False: there is none."""
    for digest in payloads_of(unit, run_id):
        delete_payload(unit, run_id, digest)
    ids = spans_of(unit, run_id)
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        unit.execute(f"DELETE FROM {SPANS} WHERE id IN ({', '.join(['%s'] * len(some))})", some)  # noqa: S608
    for table in (EVENTS, *tables_of_runs()):
        unit.execute(f"DELETE FROM {table} WHERE run_id = %s", (run_id,))  # noqa: S608
    return delete_row(unit, run_id)


def payloads_of(unit: Unit, run_id: str) -> list[str]:
    """The rows of large values that the run uses, in the order in which they are to be deleted."""
    sql = f"SELECT sha256 FROM {PAYLOAD_USES} WHERE run_id = %s ORDER BY sha256"  # noqa: S608
    return [digest for (digest,) in unit.execute(sql, (run_id,)).fetchall()]


def delete_payload(unit: Unit, run_id: str, digest: str) -> int:
    """Delete the run's use of a row of a large value, and the row where no other run uses it. How many rows."""
    if settings.ON_POSTGRESQL:
        # A transaction that is just storing a use of it is waited for; the next statement sees that use.
        unit.execute(f"SELECT 1 FROM {PAYLOADS} WHERE sha256 = %s FOR UPDATE", (digest,))  # noqa: S608
    unit.execute(f"DELETE FROM {PAYLOAD_USES} WHERE sha256 = %s AND run_id = %s", (digest, run_id))  # noqa: S608
    return unit.execute(
        f"DELETE FROM {PAYLOADS} WHERE sha256 = %s"  # noqa: S608
        f" AND NOT EXISTS (SELECT 1 FROM {PAYLOAD_USES} WHERE sha256 = %s)",
        (digest, digest),
    ).rowcount


def spans_of(unit: Unit, run_id: str) -> list[int]:
    """The ids of the run's spans. Only a run's own spans name it; those below them are found by their parents."""
    sql = f"SELECT DISTINCT trace_id FROM {SPANS} WHERE is_root AND run_id = %s"  # noqa: S608
    found: list[int] = []
    for (trace_id,) in unit.execute(sql, (run_id,)).fetchall():
        sql = f"SELECT id, span_id, parent_id, run_id FROM {SPANS} WHERE trace_id = %s"  # noqa: S608
        found += spans_of_runs(unit.execute(sql, (trace_id,)).fetchall(), [run_id])
    return found


def delete_row(unit: Unit, run_id: str) -> bool:
    """Delete the row of a run whose history is gone. False: there is none."""
    unit.execute(f"UPDATE {RUNS} SET origin_id = NULL WHERE origin_id = %s", (run_id,))  # noqa: S608
    unit.execute(f"DELETE FROM {TAGS} WHERE run_id = %s", (run_id,))  # noqa: S608
    return unit.execute(f"DELETE FROM {RUNS} WHERE id = %s", (run_id,)).rowcount > 0  # noqa: S608


@cache
def tables_of_runs() -> tuple[str, ...]:
    """Every other table with a `run_id`: its rows of a run are deleted with the run's values."""
    others = (
        model
        for model in apps.get_app_config("runs").get_models()
        if model not in (RunEvent, RunTag, PayloadUse, Span, WorkflowRun)
    )
    return tuple(
        model._meta.db_table for model in others if any(field.column == "run_id" for field in model._meta.local_fields)
    )
