"""What a request for events may ask for, checked: each refusal is a sentence that names the parameter."""

from dataclasses import dataclass

from django.http import QueryDict

from runs.engine.log.events import CHUNK_TYPES, EventType
from runs.live.selection import Selection

MAX_EVENTS = 500  # of one answer
MAX_SEQ = 2**31 - 1
MAX_WORDS = 200  # characters of a search


class BadParameter(Exception):
    """A parameter of the request is wrong; the message says which, and what is allowed."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """A checked request. `before` makes it go backwards: the events that end just before it."""

    after: int
    before: int | None
    last: int | None  # nothing beyond this event
    limit: int
    stored: bool  # large values and values equal to an earlier event's are left out
    selection: Selection

    @classmethod
    def of(cls, data: QueryDict, *, limit: int = MAX_EVENTS) -> "EventQuery":
        """Raises BadParameter."""
        values = data.get("values", "full")
        if values not in ("full", "stored"):
            raise BadParameter("values", f"values is {values!r}. Allowed are full and stored.")
        query = cls(
            after=_whole(data, "after", 0, MAX_SEQ) or 0,
            before=_whole(data, "before", 1, MAX_SEQ),
            last=_whole(data, "last", 0, MAX_SEQ),
            limit=_whole(data, "limit", 1, MAX_EVENTS) or limit,
            stored=values == "stored",
            selection=_selection(data),
        )
        if query.before is not None and query.after:
            raise BadParameter("before", "after and before cannot be given together: one goes forwards, one back.")
        return query


def _selection(data: QueryDict) -> Selection:
    words = data.get("q", "")
    if len(words) > MAX_WORDS:
        raise BadParameter("q", f"q has {len(words)} characters; the limit is {MAX_WORDS}.")
    return Selection(types=_types(data.get("types", "")), step=_text(data, "step"), words=_text(data, "q"))


def _types(text: str) -> tuple[str, ...]:
    """A comma-separated list of event types; `chunks` means both kinds of chunk."""
    types: list[str] = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        if name == "chunks":
            types += sorted(CHUNK_TYPES)
        elif name in list(EventType):
            types.append(name)
        else:
            raise BadParameter("types", f"types has {name!r}. Allowed are chunks, and {', '.join(EventType)}.")
    return tuple(dict.fromkeys(str(name) for name in types))


def _text(data: QueryDict, name: str) -> str:
    value = data.get(name, "")
    if "\x00" in value:
        raise BadParameter(name, f"{name} holds a NUL character, which no event has.")
    return value


def _whole(data: QueryDict, name: str, low: int, high: int) -> int | None:
    """A whole number within bounds, or None where the parameter is empty. Raises BadParameter."""
    text = data.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise BadParameter(name, f"{name} is {shown!r}. Allowed is a whole number from {low} to {high}.")
    return int(text)
