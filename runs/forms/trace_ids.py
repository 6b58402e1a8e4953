"""Trace ids as a person gives them: a trace id, a parent span id, or both in one traceparent header."""

import re

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.IGNORECASE)
TRACE_ID_DIGITS, SPAN_ID_DIGITS = 32, 16


def read_traceparent(text: str) -> tuple[str, str] | None:
    """Trace id and parent span id of a W3C traceparent, with or without the header's name; None if it is none."""
    header = re.sub(r"^\s*traceparent\s*[:=]\s*", "", text, flags=re.IGNORECASE).strip(" \t\r\n'\"")
    found = _TRACEPARENT.fullmatch(header)
    if not found or header[:2].lower() == "ff" or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return None
    return found[1], found[2]


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
