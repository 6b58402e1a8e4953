"""Values that are too large to stand in an event: how they are taken out of it, cut, and named by their SHA-256."""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

import orjson

from runs.engine.events import encode_event_data
from runs.engine.json_value import encode

LARGE_BYTES = 64 * 1024  # a value of more bytes stands apart, once however often it occurs


class KeptValue(NamedTuple):
    """A row of Payload."""

    sha256: str
    data: bytes
    parts: list[list] | None  # [[place in data, SHA-256], …]


def encoded_event(data: Mapping[str, object] | bytes) -> tuple[bytes, dict[str, bytes] | None]:
    """An event's data as JSON, and apart from it the values of its large keys. Raises NotJson with a dotted path."""
    whole = data if type(data) is bytes else encode_event_data(data)
    if len(whole) <= LARGE_BYTES:
        return whole, None
    if isinstance(data, bytes):
        data = orjson.loads(data)
    values = {key: _encoded(value) for key, value in data.items()}
    large = {key: value for key, value in values.items() if len(value) > LARGE_BYTES}
    if not large:
        return whole, None
    return orjson.dumps({key: orjson.Fragment(value) for key, value in values.items() if key not in large}), large


def _encoded(value: object) -> bytes:
    return orjson.dumps(value) if isinstance(value, orjson.Fragment) else encode(value)  # what is encoded was checked


def kept_values(value: bytes) -> list[KeptValue]:
    """The rows that keep a large value: its large members, and last the value with their places."""
    digest = sha256(value).hexdigest()
    members = _large_members(value)
    if not members:
        return [KeptValue(digest, value, None)]
    rows, rest, parts, start, kept = [], [], [], 0, 0
    for place, member in members:
        rest.append(value[start:place])
        kept += place - start
        start = place + len(member)
        row = KeptValue(sha256(member).hexdigest(), member, None)
        rows.append(row)
        parts.append([kept, row.sha256])
    rest.append(value[start:])
    return [*rows, KeptValue(digest, b"".join(rest), parts)]


def kept_apart(large: Mapping[str, bytes]) -> tuple[list[KeptValue], str]:
    """The rows that keep an event's large values, and by key their names, as JSON: what the event itself keeps."""
    rows: list[KeptValue] = []
    names: dict[str, str] = {}
    for key, value in large.items():
        kept = kept_values(value)
        names[key] = kept[-1].sha256
        rows += kept
    return rows, orjson.dumps(names).decode()


def _large_members(value: bytes) -> list[tuple[int, bytes]]:
    """Where the large members of an object stand in its text. Only in the one form that orjson writes: in any other,
    a place would have to be searched for, and a value that is kept whole is right, too."""
    if not value.startswith(b"{"):
        return []
    found, place = [], 1
    for key, member in orjson.loads(value).items():
        text = orjson.dumps(member)
        place += len(orjson.dumps(key)) + 1
        if value[place : place + len(text)] != text:
            return []
        if len(text) > LARGE_BYTES:
            found.append((place, text))
        place += len(text) + 1
    return found if place == len(value) else []
