"""Values that are too large to be stored in an event: how they are split into rows of `Payload`.

A row has the text of one value. Where the value is an object or a list with large members, the row has it without
them, and `parts` names their rows and their places; a member is split in the same way. Rows are cut out of the text as
it is, so that splicing them gives the same bytes, whatever they mean.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from runs.engine.log.events import encode_event_data

LARGE_BYTES = 64 * 1024  # a value of more bytes has rows of its own, once however often it occurs
DEEPEST = 32  # levels of members that are split; each costs at most one more serialisation of the value
CHUNK_BYTES = LARGE_BYTES // 2  # small members are measured together, about so many bytes at once
WIDEST = 6  # bytes that a character takes as JSON at most: \u0000

Container = dict[str, Any] | list[Any]


class PayloadRow(NamedTuple):
    """A row of Payload.

    Its name is the SHA-256 of all that it has, parts included: rows of one name are equal, and the parts of a row are
    known to whoever writes it.
    """

    sha256: str
    data: bytes
    parts: list[list] | None  # [[place in data, SHA-256 of the row that belongs there], …]


class Member(NamedTuple):
    """A large member of a large object or list."""

    place: int  # in the owner's text
    to_end: int  # from there to the end of it
    text: bytes
    rows: list[PayloadRow]  # of the member, itself the last one


def encoded_event(data: Mapping[str, object] | bytes) -> tuple[bytes, dict[str, bytes] | None]:
    """An event's data as JSON, and apart from it the values of its large keys. Raises NotJson with a dotted path."""
    whole = data if isinstance(data, bytes) else encode_event_data(data)
    if len(whole) <= LARGE_BYTES:
        return whole, None
    members: Mapping[str, Any] = orjson.loads(data) if isinstance(data, bytes) else data
    values = {key: encode_event_data(value) for key, value in members.items()}
    large = {key: value for key, value in values.items() if len(value) > LARGE_BYTES}
    if not large:
        return whole, None
    return orjson.dumps({key: orjson.Fragment(value) for key, value in values.items() if key not in large}), large


def payload_rows(value: bytes, known: Member | None = None) -> tuple[list[PayloadRow], Member | None]:
    """The rows of a large value, those of its members first and its own last; and the last of its large members.

    That is `known` with the run's next value, which may have the same member: to recognise it takes a tenth of the
    time of parsing the value.
    """
    members = _known_member(value, known) or _large_members(value)
    if not members:
        return [_row(value, None)], known
    rows = [row for member in members for row in member.rows]
    places = [(member.place, len(member.text), member.rows[-1].sha256) for member in members]
    return [*rows, _row_around(value, 0, len(value), places)], members[-1]


def event_rows(large: Mapping[str, bytes], known: Member | None = None) -> tuple[list[PayloadRow], str, Member | None]:
    """The rows of an event's large values; their names by key, as JSON, which the event itself has; and the member
    that is `known` from then on."""
    rows: list[PayloadRow] = []
    names: dict[str, str] = {}
    for key, value in large.items():
        found, known = payload_rows(value, known)
        names[key] = found[-1].sha256
        rows += found
    return rows, orjson.dumps(names).decode(), known


# --- Rows -----------------------------------------------------------------------------------------


def _row(data: bytes, parts: list[list] | None) -> PayloadRow:
    # A NUL is in no JSON text: no row without parts has the name of one with parts.
    name = sha256(data) if parts is None else sha256(b"%b\0%b" % (data, orjson.dumps(parts)))
    return PayloadRow(name.hexdigest(), data, parts)


def _row_around(text: bytes, start: int, end: int, members: list[tuple[int, int, str]]) -> PayloadRow:
    """The row of text[start:end] without its members: place, length and name of each."""
    pieces, parts, kept = [], [], 0
    for place, length, name in members:
        pieces.append(text[start:place])
        kept += place - start
        parts.append([kept, name])
        start = place + length
    pieces.append(text[start:end])
    return _row(b"".join(pieces), parts)


def _split(text: bytes, start: int, end: int, value: object, depth: int) -> list[PayloadRow]:
    """The rows of the value whose text is text[start:end]."""
    if not isinstance(value, dict | list):
        return [_row(text[start:end], None)]
    if depth == DEEPEST:
        # It may have large members: its name is not that of a row without any.
        return [_row(text[start:end], [])]
    rows: list[PayloadRow] = []
    members = []
    for place, length, child in _large_children(value, start, end):
        rows += _split(text, place, place + length, child, depth + 1)
        members.append((place, length, rows[-1].sha256))
    return [*rows, _row_around(text, start, end, members) if members else _row(text[start:end], None)]


def _large_members(value: bytes) -> list[Member]:
    if value[:1] not in (b"{", b"["):
        return []
    try:
        parsed = orjson.loads(value)
        return [
            _member(value, place, length, _split(value, place, place + length, child, 1))
            for place, length, child in _large_children(parsed, 0, len(value))
        ]
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # nested too deeply: one row is right, too
        return []


def _member(value: bytes, place: int, length: int, rows: list[PayloadRow]) -> Member:
    whole = rows[-1].data if rows[-1].parts is None else value[place : place + length]
    return Member(place, len(value) - place, whole, rows)


# --- Members --------------------------------------------------------------------------------------


def _large_children(owner: Container, start: int, end: int) -> list[tuple[int, int, object]]:
    """Place, length and value of the large members of an object or list with the text from start to end.

    Lengths are those that orjson writes, which is how the texts here were made. The last member that may be large is
    not measured but gets what is left: of values in values in values, each is measured once.
    """
    if not owner or end - start <= LARGE_BYTES:
        return []
    values = list(owner.values()) if isinstance(owner, dict) else owner
    keys = list(owner) if isinstance(owner, dict) else None
    chunks = _chunks(values, max(1, len(values) * CHUNK_BYTES // (end - start)))
    rest = next((i for i in reversed(range(len(chunks))) if _may_be_large(values, *chunks[i])), None)
    lengths = [0 if i == rest else _length(keys, values, *chunk) for i, chunk in enumerate(chunks)]
    if rest is not None:
        lengths[rest] = end - start - 1 - len(chunks) - sum(lengths)  # two brackets, and a comma between each two
    if min(lengths) < 1 or sum(lengths) + len(chunks) + 1 != end - start:
        return []  # the text is not as orjson writes it, and the places would be wrong
    found, place = [], start + 1
    for (first, last), length in zip(chunks, lengths, strict=True):
        if length > LARGE_BYTES:
            found += _large_ones(keys, values, first, last, place, length)
        place += length + 1
    return found


def _chunks(values: list[Any], size: int) -> list[tuple[int, int]]:
    return [(first, min(first + size, len(values))) for first in range(0, len(values), size)]


def _may_be_large(values: list[Any], first: int, last: int) -> bool:
    if last - first > 1:
        return False
    value = values[first]
    return isinstance(value, dict | list) or (isinstance(value, str) and len(value) * WIDEST > LARGE_BYTES)


def _length(keys: list[str] | None, values: list[Any], first: int, last: int) -> int:
    """Bytes of some members together, without the brackets round them."""
    if keys is None:
        return len(orjson.dumps(values[first:last])) - 2
    return len(orjson.dumps(dict(zip(keys[first:last], values[first:last], strict=True)))) - 2


def _large_ones(
    keys: list[str] | None, values: list[Any], first: int, last: int, place: int, length: int
) -> list[tuple[int, int, object]]:
    """Which members of a chunk are large; `length` is that of all."""
    found = []
    for index in range(first, last):
        took = length if last - first == 1 else _length(keys, values, index, index + 1)
        key = 0 if keys is None else len(orjson.dumps(keys[index])) + 1
        if took - key > LARGE_BYTES:
            found.append((place + key, took - key, values[index]))
        place += took + 1
    return found


def _known_member(value: bytes, known: Member | None) -> list[Member]:
    """The known member, if the value has it where the one before had it, seen from its beginning or from its end.

    With a 0 in its place the value must be an object or a list that has this 0 as a member.
    """
    if known is None:
        return []
    for place in (known.place, len(value) - known.to_end):
        if place > 0 and value.startswith(known.text, place):
            rest = b"%b0%b" % (value[:place], value[place + len(known.text) :])
            if len(rest) <= LARGE_BYTES and _has_zero_at(rest, place):
                return [known._replace(place=place, to_end=len(value) - place)]
    return []


def _has_zero_at(text: bytes, wanted: int) -> bool:
    """Whether a small object or list, as orjson writes it, has the member 0 at this place."""
    try:
        owner = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(owner, dict | list):
        return False
    place = 1
    members = owner.items() if isinstance(owner, dict) else ((None, member) for member in owner)
    for key, member in members:
        place += 0 if key is None else len(orjson.dumps(key)) + 1
        if place >= wanted:
            return place == wanted and type(member) is int and member == 0
        place += len(orjson.dumps(member)) + 1
    return False
