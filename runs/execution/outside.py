"""Events that come from outside an execution: a start, an answer, a way back. One is written with the run's row."""

from collections.abc import Mapping

from django.db import connection

from runs.engine.events import Event
from runs.models import Payload
from runs.models.event import PayloadUse

from .batch import INSERT_EVENT
from .large_values import encoded_event, kept_apart


def event_of(seq: int, kind: str, at: int, data: Mapping[str, object]) -> Event:
    """An event to be stored; `at` in epoch milliseconds. Raises NotJson."""
    text, large = encoded_event(data)
    return Event(seq, str(kind), at, text, large)


def store_event(run_id: str, event: Event) -> None:
    """Write an event that no execution writes. To be called in the transaction that changes the run's row."""
    large = None
    if event.large:
        rows, large, _ = kept_apart(event.large)
        Payload.objects.bulk_create(
            [Payload(**row._asdict()) for row in rows],
            update_conflicts=True,  # a purge waits for this transaction, and then finds the use
            unique_fields=["sha256"],
            update_fields=["parts"],
        )
        PayloadUse.objects.bulk_create(
            [PayloadUse(sha256=row.sha256, run_id=run_id) for row in rows], ignore_conflicts=True
        )
    with connection.cursor() as cursor:
        cursor.execute(INSERT_EVENT, (run_id, event.seq, event.type, event.at, event.data, large))
