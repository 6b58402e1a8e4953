"""Who hears of events once they are committed. The live pages register here; execution knows none of them."""

import logging
from collections.abc import Callable, Mapping, Sequence

from runs.engine.log.events import Event

logger = logging.getLogger(__name__)

Listener = Callable[[str, Sequence[Event]], None]

_listeners: list[Listener] = []
_executors: list[Callable[[], None]] = []


def on_commit(listener: Listener) -> None:
    """Call `listener(run_id, events)` after each commit, in the thread that committed. It must be quick."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(events_by_run: Mapping[str, Sequence[Event]]) -> None:
    """Tell of committed events. A listener that fails is logged: the events are safe whatever it does."""
    for listener in _listeners:
        for run_id, events in events_by_run.items():
            try:
                listener(run_id, events)
            except Exception:
                logger.exception("A listener failed on the events of run %s", run_id)


def on_queued(listener: Callable[[], None]) -> None:
    """Call `listener()` after each commit that has queued a run, in the thread that committed. It must be quick."""
    if listener not in _executors:
        _executors.append(listener)


def announce_queued() -> None:
    """Call executors of this process: a run is queued. Those of other processes look by themselves."""
    for listener in _executors:
        listener()
