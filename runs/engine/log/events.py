"""What can happen to a run: the kinds of events in its log, and the form in which they are stored.

The log of a run is the truth. An event has a number `seq` (1, 2, 3 … without a gap), a type, a time `at` (epoch
milliseconds) and its data, a JSON object in UTF-8. Types are the reference's words where it has one.

A step is named by its path: `charge_card`, `inner.x` in a nested workflow, `pack_lines[3]` for an item of a
foreach, `inner[0].x` for both. Events of a step carry

* `id`: the path; `in`: the path of the nested run or foreach that it belongs to (absent at the top); `item`: the index
  of a foreach item; `entry`: the index of the entry in its own graph; `member`: the index in a parallel or branch.

A value that equals one of an earlier event is stored once: `payloadFrom`, `outputFrom` and `resultFrom` name that
event by its seq. `put_back` and `fold` undo it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from ..data.json_value import encode
from ..errors import MissingValue, UnreadableEvent


class EventType(StrEnum):
    """Each kind of event, and what its data holds; a question mark follows a key that may be absent."""

    # workflowId, input?, initialState?, requestContext?, tracingOptions?, outputOptions?, resourceId?, perStep?:
    # the whole request, parsed and checked; deadline? (at, seconds, setBy): when the run fails if it has not ended;
    # traceParent? (of the request that asked for it, as W3C writes it)
    RUN_START = "workflow-start"
    # steps (the path as a list of ids), resumeData?, forEachIndex?, label?, requestContext? (the caller's, to be merged
    # over the stored one), tracingOptions?, outputOptions?, perStep?
    RUN_RESUME = "workflow-resume"
    # again? (paths of the steps that run again), drop? (paths that are dropped), requestContext?, tracingOptions?,
    # outputOptions?. Written by Run.restart(), not by a recovery, which needs no event
    RUN_RESTART = "workflow-restart"
    # step (path as a list), drop (paths forgotten), steps (the records that are rebuilt), entries (where each graph
    # is), inputData?, input?, inputs? (of nested workflows), state?, requestContext?, tracingOptions?,
    # outputOptions?, perStep?, traceParent?. Made by Workflow.check_time_travel()
    RUN_TIME_TRAVEL = "workflow-time-travel"
    RUN_SUSPENDED = "workflow-suspended"  # no data: the run waits for an answer
    RUN_PAUSED = "workflow-paused"  # no data: per-step execution stopped after one step
    RUN_CANCELED = "workflow-canceled"  # by?: the last event of a canceled run
    RUN_FINISH = "workflow-finish"  # status (success, failed, tripwire), result | resultFrom?, error?, tripwire?
    # payload | payloadFrom?, iteration? (of a loop), totalCount? (of a foreach), resumePayload? (also false or null),
    # resumed? (true: an answer without data),
    # selected? (indexes of the arms that a branch runs), nested? (true: it has steps of its own), runId? (of a nested
    # run in a foreach), state? (that a nested run starts with, where it differs from the parent's),
    # again? (true: the same execution after an interruption), relist? (true: shown again in the execution path)
    STEP_START = "workflow-step-start"
    STEP_RETRY = "workflow-step-retry"  # attempt (from 1), error, stack?, nextAt: that attempt failed, another follows
    # status (success, failed, bailed, canceled, paused), output | outputFrom?, error?, stack? (frames: file, line,
    # function, code), tripwire?, nonRetryable?, fromItem? (index of the item that ended a foreach),
    # state? (keys to be merged), requestContext? (the whole one, where the step changed it)
    STEP_RESULT = "workflow-step-result"
    # suspendPayload?, suspendOutput?, labels?, path? (of the step that suspended, below a nested workflow), runId?,
    # spanId? (of the nested run), fromItem?, state?, requestContext?
    STEP_SUSPENDED = "workflow-step-suspended"
    STEP_WAITING = "workflow-step-waiting"  # payload | payloadFrom?, wakeAt? (in a second event when it is computed)
    STEP_PROGRESS = "workflow-step-progress"  # completedCount, totalCount, currentIndex, iterationStatus
    STEP_OUTPUT = "workflow-step-output"  # a chunk by writer.write(): output
    STEP_CUSTOM = "workflow-step-custom"  # a chunk by writer.custom(): chunk


UNREADABLE = "unreadable"  # in place of the data of an event that cannot be read: a sentence, for pages and lines
CHUNK_TYPES = frozenset({EventType.STEP_OUTPUT, EventType.STEP_CUSTOM})

# How a reference to an earlier value is called, and what the value is called when it is back in its place.
REFERENCES = {"payloadFrom": "payload", "givenFrom": "given", "outputFrom": "output", "resultFrom": "result"}
# The value of an event that later events may refer to; each event has at most one of them.
REFERABLE = ("output", "payload", "input", "result")


class Event(NamedTuple):
    """One committed event, as a store gives it back.

    `data` is the JSON object's text. `large` holds, by top-level key of data, values that the store keeps apart
    because of their size; `None` when there are none (the usual case). Such a value may be missing: its look-up raises
    MissingValue.
    """

    seq: int
    type: str
    at: int
    data: bytes
    large: Mapping[str, bytes] | None = None

    def decoded(self) -> dict[str, Any]:
        """The data as Python values, large ones included; references to earlier events stay as they are.

        Raises UnreadableEvent.
        """
        data = self.small()
        if self.large:
            key = ""
            try:
                for key in self.large:
                    data[key] = orjson.loads(self.large[key])
            except MissingValue as error:
                raise UnreadableEvent(self.seq, self.type, f"the value of {key!r} {error}") from None
            except orjson.JSONDecodeError as error:
                raise UnreadableEvent(self.seq, self.type, f"the value of {key!r} is no JSON: {error}") from None
        return data

    def legible(self) -> dict[str, Any]:
        """As decoded(), for pages; of an event that cannot be read, a sentence under `unreadable`."""
        try:
            return self.decoded()
        except UnreadableEvent as error:
            return {UNREADABLE: str(error)}

    def small(self) -> dict[str, Any]:
        """The data as Python values without its large ones. Raises UnreadableEvent."""
        try:
            data = orjson.loads(self.data)
        except orjson.JSONDecodeError as error:
            raise UnreadableEvent(self.seq, self.type, f"its data is no JSON: {error}") from None
        if not isinstance(data, dict):
            raise UnreadableEvent(self.seq, self.type, "its data is no JSON object")
        return data

    def large_texts(self) -> dict[str, bytes]:
        """The large values as JSON, by key. Raises UnreadableEvent."""
        try:
            return dict(self.large or {})
        except MissingValue as error:
            raise UnreadableEvent(self.seq, self.type, f"a value {error}") from None


def encode_event_data(data: Mapping[str, object] | bytes) -> bytes:
    """The data of an event as it is stored. Values that are encoded already are orjson.Fragments. Raises NotJson."""
    if isinstance(data, bytes):
        return data
    try:
        return orjson.dumps(data)
    except TypeError:
        return encode(data)


def put_back(events: Iterable[Event]) -> list[Event]:
    """The events of a whole log, from its first one on, with every value in the place where it was left out.

    An event that cannot be read stays as it is.
    """
    texts: dict[int, bytes] = {}
    whole: list[Event] = []
    for event in events:
        if event.type in CHUNK_TYPES:
            whole.append(event)
            continue
        try:
            data: dict[str, object] = event.small()
            large = event.large_texts()
        except UnreadableEvent:  # for the caller that decodes it
            whole.append(event)
            continue
        changed = bool(large)
        data.update({key: orjson.Fragment(text) for key, text in large.items()})
        for reference, key in REFERENCES.items():
            origin = data.pop(reference, None)
            if isinstance(origin, int) and origin in texts:
                large[key] = texts[origin]
                data[key] = orjson.Fragment(texts[origin])
                changed = True
        for key in REFERABLE:
            if key in data:
                texts[event.seq] = large[key] if key in large else orjson.dumps(data[key])
                break
        whole.append(event._replace(data=orjson.dumps(data), large=None) if changed else event)
    return whole
