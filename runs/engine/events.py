"""What can happen to a run: the kinds of events in its log, and the form in which they are kept.

The log of a run is the truth. An event has a number `seq` (1, 2, 3 … without a gap), a type, a time `at` (epoch
milliseconds) and its data, a JSON object in UTF-8. Types are the reference's words where it has one.

A step is named by its path: `charge_card`, `inner.x` in a nested workflow, `pack_lines[3]` for an item of a
foreach, `inner[0].x` for both.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class EventType(StrEnum):
    """Each kind of event. What its data holds is told in docs/events.md and by the models below."""

    RUN_START = "workflow-start"  # the whole request: input, state, request context, tracing, options
    RUN_RESUME = "workflow-resume"
    RUN_RESTART = "workflow-restart"  # also written when a run is taken over after a crash
    RUN_TIME_TRAVEL = "workflow-time-travel"
    RUN_SUSPENDED = "workflow-suspended"
    RUN_PAUSED = "workflow-paused"
    RUN_CANCELED = "workflow-canceled"
    RUN_FINISH = "workflow-finish"  # success, failed, tripwire: with result or error
    STEP_START = "workflow-step-start"
    STEP_RETRY = "workflow-step-retry"  # an attempt failed, another one follows
    STEP_RESULT = "workflow-step-result"  # success, failed, bailed, canceled
    STEP_SUSPENDED = "workflow-step-suspended"
    STEP_WAITING = "workflow-step-waiting"  # a sleep has begun
    STEP_PROGRESS = "workflow-step-progress"  # an item of a foreach is done
    STEP_OUTPUT = "workflow-step-output"  # a chunk by writer.write(): {"id", "output"}
    STEP_CUSTOM = "workflow-step-custom"  # a chunk by writer.custom(): {"id", "chunk"}


CHUNK_TYPES = frozenset({EventType.STEP_OUTPUT, EventType.STEP_CUSTOM})


class Event(NamedTuple):
    """One committed event, as a store gives it back.

    `data` is the JSON object's text. `large` holds, by top-level key of data, values that the store keeps apart
    because of their size; `None` when there are none (the usual case).
    """

    seq: int
    type: str
    at: int
    data: bytes
    large: Mapping[str, bytes] | None = None
