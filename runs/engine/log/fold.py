"""The fold of a run's events into its snapshot, whole or as far as they can be read."""

from collections.abc import Iterable

from ..errors import UnreadableEvent
from .events import REFERENCES, Event
from .records import RunSnapshot
from .snapshot import apply


def fold(run_id: str, workflow_id: str, events: Iterable[Event]) -> RunSnapshot:
    """Return the run that these events make. Any prefix of a log folds; the one place where history becomes state.

    Raises UnreadableEvent: a run is not continued from a part of its history.
    """
    snapshot, unreadable = fold_readable(run_id, workflow_id, events)
    if unreadable:
        raise unreadable[0]
    return snapshot


def fold_readable(run_id: str, workflow_id: str, events: Iterable[Event]) -> tuple[RunSnapshot, list[UnreadableEvent]]:
    """As fold(), but events that cannot be read are left out, and returned beside: for pages and exports."""
    snapshot = RunSnapshot(run_id, workflow_id)
    unreadable: list[UnreadableEvent] = []
    values: dict[int, object] = {}
    for event in events:
        try:
            _fold_one(snapshot, values, event)
        except UnreadableEvent as error:
            unreadable.append(error)
        except Exception as error:
            unreadable.append(UnreadableEvent.of_form(event.seq, event.type, error))
        snapshot.seq = event.seq
    return snapshot, unreadable


def _fold_one(snapshot: RunSnapshot, values: dict[int, object], event: Event) -> None:
    data = event.decoded()
    for reference, key in REFERENCES.items():
        if (origin := data.get(reference)) in values:
            data[key] = values[origin]
    for key in ("output", "payload", "input"):
        if key in data:
            values[event.seq] = data[key]
            break
    apply(snapshot, event.seq, event.type, event.at, data)
