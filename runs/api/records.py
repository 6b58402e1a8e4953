"""A run's log as the records of a stream: the same whenever it is read, so that an offset always means the same."""

from typing import Any

from runs.engine.data.undefined import UNSET
from runs.engine.log.events import CHUNK_TYPES, Event, EventType
from runs.engine.log.records import RunSnapshot
from runs.engine.log.snapshot import apply
from runs.engine.log.watch_events import stream_chunk, stream_finish, stream_start, watch_events

Record = dict[str, Any]

STARTS = frozenset({EventType.RUN_START, EventType.RUN_RESUME, EventType.RUN_RESTART, EventType.RUN_TIME_TRAVEL})
STOPS = frozenset({EventType.RUN_FINISH, EventType.RUN_CANCELED, EventType.RUN_PAUSED, EventType.RUN_SUSPENDED})


class RecordReader:
    """Takes in the events of a run from its first one on, and gives the records of each.

    `stays_open`: a suspension does not end the stream, so it has no finish record, and the answer no start record.
    """

    def __init__(self, run_id: str, workflow_id: str, *, stays_open: bool = False) -> None:
        self._snapshot = RunSnapshot(run_id, workflow_id)
        self._stays_open = stays_open

    def ends(self, event: Event) -> bool:
        """Whether the stream is over with this event."""
        return event.type in STOPS and not (self._stays_open and event.type == EventType.RUN_SUSPENDED)

    def records(self, event: Event) -> list[Record]:
        """The records of the next event, which has all its values in place."""
        snapshot = self._snapshot
        data = event.decoded()
        apply(snapshot, event.seq, event.type, event.at, data)
        if event.type in STARTS:
            again = self._stays_open and event.type == EventType.RUN_RESUME
            return [] if again else [stream_start(snapshot.run_id, snapshot.workflow_id)]
        if event.type in CHUNK_TYPES:
            return self._chunk(event.type, data)
        shown = [stream_chunk(snapshot.run_id, each) for each in watch_events(snapshot, event.type, data)]
        found = [record for record in shown if record is not None]
        if self.ends(event):
            result = snapshot.result if event.type == EventType.RUN_FINISH else UNSET
            tripwire = snapshot.tripwire if event.type == EventType.RUN_FINISH else None
            found.append(stream_finish(snapshot.run_id, snapshot.status.value, result, tripwire, None))
        return found

    def _chunk(self, kind: str, data: Record) -> list[Record]:
        run_id = self._snapshot.run_id
        if kind == EventType.STEP_OUTPUT:
            payload = {"output": data["output"], "runId": run_id, "stepName": data["id"].rpartition(".")[2]}
            return [{"type": kind, "runId": run_id, "from": "USER", "payload": payload}]
        chunk = data["chunk"]
        shown = stream_chunk(run_id, chunk if isinstance(chunk, dict) else {"type": "custom", "data": chunk})
        return [] if shown is None else [shown]


class LegacyReader(RecordReader):
    """The records of the old route: raw events without their prefix, between `start` and `finish`."""

    def records(self, event: Event) -> list[Record]:
        snapshot = self._snapshot
        data = event.decoded()
        apply(snapshot, event.seq, event.type, event.at, data)
        if event.type in STARTS:
            return [{"type": "start", "payload": {"runId": snapshot.run_id}}]
        found = [
            {**each, "type": str(each["type"]).removeprefix("workflow-")}
            for each in watch_events(snapshot, event.type, data)
        ]
        for record in found:
            if record["type"] == "step-start":
                payload = record["payload"]
                record["payload"] = (payload if isinstance(payload, dict) else {}) | {"request": {}}
        if self.ends(event):
            found.append({"type": "finish", "payload": {"runId": snapshot.run_id}})
        return found
