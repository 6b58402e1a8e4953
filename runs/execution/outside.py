"""Events that come from outside an execution: a start, an answer, a way back. One is written with the run's row."""

from collections.abc import Mapping

import orjson
from django.db import connection

from runs.engine.events import Event
from runs.models import Payload

from .batch import INSERT_EVENT
from .large_values import digests, encoded_event, kept_values


def event_of(seq: int, kind: str, at: int, data: Mapping[str, object]) -> Event:
    """An event to be stored; `at` in epoch milliseconds. Raises NotJson."""
    text, large = encoded_event(data)
    return Event(seq, str(kind), at, text, large)


def store_event(run_id: str, event: Event) -> None:
    """Write an event that no execution writes. To be called in the transaction that changes the run's row."""
    rows = [Payload(**row._asdict()) for value in (event.large or {}).values() for row in kept_values(value)]
    if rows:
        Payload.objects.bulk_create(rows, ignore_conflicts=True)
    large = orjson.dumps(digests(event.large)).decode() if event.large else None
    with connection.cursor() as cursor:
        cursor.execute(INSERT_EVENT, (run_id, event.seq, event.type, event.at, event.data, large))
