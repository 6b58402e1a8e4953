"""Values that are too large to stand in an event: how they are taken out of it, cut, and named by their SHA-256."""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

import orjson

from runs.engine.events import encode_event_data

LARGE_BYTES = 64 * 1024  # a value of more bytes stands apart, once however often it occurs


class KeptValue(NamedTuple):
    """A row of Payload."""

    sha256: str
    data: bytes
    parts: list[list] | None  # [[place in data, SHA-256], …]


class Member(NamedTuple):
    """A large member of a large object."""

    place: int  # in the object's text
    to_end: int  # from there to the end of it
    text: bytes
    sha256: str


def encoded_event(data: Mapping[str, object] | bytes) -> tuple[bytes, dict[str, bytes] | None]:
    """An event's data as JSON, and apart from it the values of its large keys. Raises NotJson with a dotted path."""
    whole = data if type(data) is bytes else encode_event_data(data)
    if len(whole) <= LARGE_BYTES:
        return whole, None
    if isinstance(data, bytes):
        data = orjson.loads(data)
    values = {key: encode_event_data(value) for key, value in data.items()}
    large = {key: value for key, value in values.items() if len(value) > LARGE_BYTES}
    if not large:
        return whole, None
    return orjson.dumps({key: orjson.Fragment(value) for key, value in values.items() if key not in large}), large


def kept_values(value: bytes, known: Member | None = None) -> tuple[list[KeptValue], Member | None]:
    """The rows that keep a large value: its large members, and last the value with their places; and the last of its
    members, to be `known` with the run's next value, which may have it, too."""
    digest = sha256(value).hexdigest()
    members = _known_member(value, known) or _large_members(value)
    if not members:
        return [KeptValue(digest, value, None)], known
    rows, rest, parts, start, kept = [], [], [], 0, 0
    for member in members:
        rest.append(value[start : member.place])
        kept += member.place - start
        start = member.place + len(member.text)
        rows.append(KeptValue(member.sha256, member.text, None))
        parts.append([kept, member.sha256])
    rest.append(value[start:])
    return [*rows, KeptValue(digest, b"".join(rest), parts)], members[-1]


def kept_apart(large: Mapping[str, bytes], known: Member | None = None) -> tuple[list[KeptValue], str, Member | None]:
    """The rows that keep an event's large values; by key their names, as JSON: what the event itself keeps; and what
    is `known` from then on."""
    rows: list[KeptValue] = []
    names: dict[str, str] = {}
    for key, value in large.items():
        kept, known = kept_values(value, known)
        names[key] = kept[-1].sha256
        rows += kept
    return rows, orjson.dumps(names).decode(), known


def _large_members(value: bytes) -> list[Member]:
    if not value.startswith(b"{"):
        return []
    size = len(value)
    return [
        Member(place, size - place, text, sha256(text).hexdigest())
        for place, text in _members(value)
        if len(text) > LARGE_BYTES
    ]


def _known_member(value: bytes, known: Member | None) -> list[Member]:
    """The known member, if the value has it where the one before had it, seen from its beginning or from its end.

    To find it so takes a tenth of the time of reading the value. With a 0 in its place the value must be an object
    that has this 0 as a member: then what stood there was the whole of a member, too.
    """
    if known is None:
        return []
    for place in (known.place, len(value) - known.to_end):
        if place > 0 and value.startswith(known.text, place):
            rest = b"%b0%b" % (value[:place], value[place + len(known.text) :])
            if len(rest) <= LARGE_BYTES and rest.startswith(b"{") and (place, b"0") in _members(rest):
                return [known._replace(place=place, to_end=len(value) - place)]
    return []


def _members(value: bytes) -> list[tuple[int, bytes]]:
    """Where the members of an object stand in its text. Only in the one form that orjson writes: in any other, a place
    would have to be searched for, and a value that is kept whole is right, too."""
    found, place = [], 1
    try:
        members = orjson.loads(value)
    except orjson.JSONDecodeError:
        return []
    for key, member in members.items():
        text = orjson.dumps(member)
        place += len(orjson.dumps(key)) + 1
        if value[place : place + len(text)] != text:
            return []
        found.append((place, text))
        place += len(text) + 1
    return found if place == len(value) else []
