"""Trace ids as a person gives them: a trace id, a parent span id, or both in one traceparent header."""

import re
from urllib.parse import unquote

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_HEX_ID = re.compile(r"(?<![0-9a-z])[0-9a-f]{16,32}(?![0-9a-z])")
TRACE_ID_DIGITS, SPAN_ID_DIGITS = 32, 16


def read_traceparent(text: str) -> tuple[str, str] | None:
    """Trace id and parent span id of a W3C traceparent, with or without the header's name; None if it is none."""
    header = re.sub(r"^\s*traceparent\s*[:=]\s*", "", text, flags=re.IGNORECASE).strip(" \t\r\n'\"")
    found = _TRACEPARENT.fullmatch(header)
    if not found or header[:2].lower() == "ff" or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return None
    return found[1], found[2]


def ids_in_address(text: str) -> list[str]:
    """What may be the id of a trace in the address of a page of Jaeger, Grafana, Datadog or another program.

    Those of 32 digits first; [] for a text that is no address.
    """
    if not _ADDRESS.match(text):
        return []
    found = dict.fromkeys(_HEX_ID.findall(unquote(unquote(text)).lower()))
    return sorted((each for each in found if set(each) != {"0"}), key=lambda each: -len(each))


def id_fault(text: str, digits: int) -> str:
    """What is wrong with a hexadecimal id of at most so many digits, as the end of a sentence; mostly nothing."""
    if not text:
        return ""
    if len(text) > digits:
        return f" has {len(text)} characters. Enter up to {digits} hex digits."
    stranger = next((character for character in text if character not in "0123456789abcdefABCDEF"), None)
    if stranger is not None:
        return f' has "{stranger}", which is not a hex digit. Enter up to {digits} of 0 to 9 and a to f.'
    return " is all zeros, which is no id. Enter another one, or leave it empty." if set(text) == {"0"} else ""
