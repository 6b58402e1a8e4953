"""What a row of the stream says of an event. The words equal those of static/js/stream/row.js."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from runs.engine.log.events import CHUNK_TYPES, UNREADABLE, EventType

from .log import Line

TEXT_CHARACTERS = 120  # of adjacent text chunks that make one row
BODY_CHARACTERS = 4096  # what is longer is cut, and shown on demand


@dataclass(slots=True)
class StreamRow:
    """One row: one event, or adjacent text chunks of one step. Times in epoch milliseconds."""

    first: int
    last: int
    at: int
    offset: str
    step: str
    kind: str
    body: str
    is_text: bool = False
    is_failed: bool = False
    count: int = 1

    @property
    def kind_words(self) -> str:
        return f"{self.kind} ×{self.count}" if self.count > 1 else self.kind

    @property
    def before(self) -> int:
        """The cursor from which `count` events are the ones of this row."""
        return self.first - 1

    @property
    def cut_bytes(self) -> int:
        """The size of the whole body when it is cut; 0 when it is not."""
        return len(self.body.encode()) if len(self.body) > BODY_CHARACTERS else 0

    @property
    def shown_body(self) -> str:
        return self.body[:BODY_CHARACTERS]


def rows_of(lines: Iterable[Line], started_at: int, *, merge: bool = True, filtered: bool = False) -> list[StreamRow]:
    """The rows of these events. `filtered`: events of other steps were left out between them."""
    rows: list[StreamRow] = []
    for line in lines:
        row = _row(line, started_at)
        last = rows[-1] if rows else None
        if merge and last is not None and _continues(last, row, filtered):
            last.last, last.at, last.offset = row.last, row.at, row.offset
            last.body += row.body
            last.count += 1
        else:
            rows.append(row)
    return rows


def _continues(last: StreamRow, row: StreamRow, filtered: bool) -> bool:
    return (
        last.is_text
        and row.is_text
        and last.step == row.step
        and (filtered or last.last + 1 == row.first)
        and _characters(last.body) < TEXT_CHARACTERS
        and not last.body.endswith("\n")
    )


def _characters(text: str) -> int:
    """As JavaScript counts them, so that both sides begin a new row at the same place."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _row(line: Line, started_at: int) -> StreamRow:
    event = orjson.loads(line.text)
    data = event["data"]
    is_chunk = line.type in CHUNK_TYPES
    try:
        kind, body = _chunk_words(line.type, data) if is_chunk else _event_words(line.type, data, started_at)
    except (AttributeError, KeyError, TypeError, ValueError):  # data of another form than such an event has
        kind, body = "unreadable", orjson.dumps(data).decode()
    if UNREADABLE in data:
        kind, body = "unreadable", str(data[UNREADABLE])
    return StreamRow(
        first=line.seq,
        last=line.seq,
        at=event["at"],
        offset=offset(event["at"] - started_at),
        step=str(data.get("id", "")),
        kind=kind,
        body=body,
        is_text=is_chunk and kind == "text",
        is_failed=not is_chunk and data.get("status") == "failed",
    )


def _chunk_words(type: str, data: dict) -> tuple[str, str]:
    key = "output" if type == EventType.STEP_OUTPUT else "chunk"
    if key not in data:
        return "chunk", "A large value, kept apart"
    value = data[key]
    if isinstance(value, str):
        return "text", value
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        rest = {name: member for name, member in value.items() if name != "type"}
        return value["type"], orjson.dumps(rest).decode()
    return "chunk", orjson.dumps(value).decode()


def _event_words(type: str, data: dict, started_at: int) -> tuple[str, str]:  # a table in all but name
    error = data.get("error")
    message = error if isinstance(error, str) else (error or {}).get("message", "")
    status = data.get("status") or "end"
    match type:
        case EventType.RUN_START:
            return "run", "Run started"
        case EventType.RUN_RESUME:
            return "run", "Answered, goes on"
        case EventType.RUN_RESTART:
            return "run", "Taken up again"
        case EventType.RUN_TIME_TRAVEL:
            return "run", f"Goes on from {'.'.join(data.get('step', ['a step']))}"
        case EventType.RUN_SUSPENDED:
            return "suspended", "Waits for an answer"
        case EventType.RUN_PAUSED:
            return "paused", "Stopped after one step"
        case EventType.RUN_CANCELED:
            return "canceled", f"By {data['by']}" if data.get("by") else ""
        case EventType.RUN_FINISH:
            return status, message or "Run ended"
        case EventType.STEP_START:
            return "start", f"Iteration {data['iteration']}" if data.get("iteration") else ""
        case EventType.STEP_RETRY:
            return "retry", f"Attempt {data.get('attempt')} failed: {message}"
        case EventType.STEP_RESULT:
            return status, message
        case EventType.STEP_SUSPENDED:
            return "suspended", ""
        case EventType.STEP_WAITING:
            return "waiting", f"Until {offset(data['wakeAt'] - started_at)}" if data.get("wakeAt") else ""
        case EventType.STEP_PROGRESS:
            return "items", f"{data.get('completedCount')} of {data.get('totalCount')}"
    return type, ""


def offset(ms: int) -> str:
    """Milliseconds since the run's start, in at most six characters: `+11.62`, `+142.1`, `+14203`."""
    hundredths = max(0, int(ms)) // 10
    if hundredths < 10_000:
        return f"+{hundredths // 100}.{hundredths % 100:02}"
    if hundredths < 100_000:
        return f"+{hundredths // 100}.{hundredths // 10 % 10}"
    return f"+{hundredths // 100}"
