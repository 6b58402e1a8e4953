"""Control events: a start, an answer, a restart, an end that no execution writes. Stored with the run's row."""

from collections.abc import Mapping

from django.conf import settings

from runs.engine.log.events import Event

from .connection import Unit
from .event_rows import INSERT_EVENT, store_payloads
from .large_values import encoded_event, event_rows


def event_of(seq: int, kind: str, at: int, data: Mapping[str, object]) -> Event:
    """An event to be stored; `at` in epoch milliseconds. Raises NotJson."""
    text, large = encoded_event(data)
    return Event(seq, str(kind), at, text, large)


def store_event(unit: Unit, run_id: str, event: Event) -> None:
    """Store an event that no execution writes, in the transaction that changes the run's row."""
    large = None
    if event.large:
        rows, large, _ = event_rows(event.large)
        payloads = {row.sha256: (row, [run_id]) for row in rows}
        store_payloads(unit.executemany, payloads, on_postgresql=settings.ON_POSTGRESQL)
    unit.execute(INSERT_EVENT, (run_id, event.seq, event.type, event.at, event.data, large))
