"""Trace ids as a person gives them: a trace id, a parent span id, or both in one traceparent header."""

import re
from urllib.parse import unquote

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_HEX_ID = re.compile(r"(?<![0-9a-z])[0-9a-f]{16,32}(?![0-9a-z])")
_NAME = re.compile(
    r"^\W*(?:x-b3-traceid|b3|uber-trace-id|x-amzn-trace-id|trace[-_. ]?id|trace|root)[\"']?\s*[:=]\s*(?:root=)?",
    re.IGNORECASE,
)
_XRAY = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})(?:;.*)?")
_UUID = re.compile(r"\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?")
_B3 = re.compile(r"([0-9a-f]{32}|[0-9a-f]{16})-[0-9a-f]{16}(?:-[01d](?:-[0-9a-f]{16})?)?")
_JAEGER = re.compile(r"([0-9a-f]{1,32}):[0-9a-f]{1,16}(?::[0-9a-f]{1,16})?(?::[0-9a-f]{1,2})?")
_PLAIN = re.compile(r"(?:0x)?([0-9a-f]{1,32})")
TRACE_ID_DIGITS, SPAN_ID_DIGITS = 32, 16


def read_traceparent(text: str) -> tuple[str, str] | None:
    """Trace id and parent span id of a W3C traceparent, with or without the header's name; None if it is none."""
    header = re.sub(r"^\s*traceparent\s*[:=]\s*", "", text, flags=re.IGNORECASE).strip(" \t\r\n'\"")
    found = _TRACEPARENT.fullmatch(header)
    if not found or header[:2].lower() == "ff" or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return None
    return found[1], found[2]


def read_trace_id(text: str) -> str | None:
    """The hexadecimal digits of a trace id in any spelling that tracing programs print, in lower case; None for others.

    Read are: a traceparent, `trace_id=…` and the like, quotes, `0x…`, a UUID, and the ids of X-Ray (`1-8 digits-24
    digits`), of B3 (`trace-span-…`) and of Jaeger (`trace:span:…`). A 64-bit id stays as short as it is.
    """
    if header := read_traceparent(text):
        return header[0].lower()
    words = text.strip().strip("\"'`,;").strip()
    words = _NAME.sub("", words).strip("\"'` ").lower()
    for spelling in (_XRAY, _UUID, _B3, _JAEGER, _PLAIN):
        if found := spelling.fullmatch(words):
            digits = "".join(found.groups())
            return digits if digits.strip("0") else None
    return None


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
