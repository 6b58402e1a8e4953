"""Writes down what we do in a case, in the case format: for own cases and for divergences, to be read before use."""

import json
import re
from collections.abc import Mapping
from typing import Any

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_TIMES = {"startedAt", "endedAt", "suspendedAt", "resumedAt", "createdAt", "updatedAt", "timestamp", "durationMs"}
_IDS = {"stepCallId": "uuid", "traceId": "hex32", "spanId": "hex16", "parentSpanId": "hex16"}
_IDS |= {"resumedFromSpanId": "hex16"}
_FIXED = {"fn": "<fn>", "stack": "<stack>", "untilDate": "<date>", "date": "<iso>"}


class Masking:
    """Replaces what differs from run to run by placeholders, numbered by first appearance."""

    def __init__(self, fixed: list[str]) -> None:
        self._names: dict[str, str] = {text: text for text in fixed}
        self._counts: dict[str, int] = {}

    def mask(self, value: object, key: str = "") -> object:
        """The value with placeholders."""
        if isinstance(value, dict):
            return {name: self.mask(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.mask(item) for item in value]
        if key in _TIMES and isinstance(value, int | float):
            return "<ms>"
        if key in _IDS and isinstance(value, str) and value != "no-op":
            return self._name(_IDS[key], value)
        if key in _FIXED and isinstance(value, str):
            return _FIXED[key]
        return _ISO.sub("<iso>", value) if isinstance(value, str) else value

    def _name(self, kind: str, value: str) -> str:
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"<{kind}#{self._counts[kind]}>"
        return self._names[value]


def recorded(case: Mapping[str, Any], actual: Mapping[str, Any]) -> str:
    """The text of a case file that expects what was done."""
    masked = Masking(list(case.get("fixedIds", []))).mask(json.loads(json.dumps(actual, default=str)))
    rest = {key: value for key, value in case.items() if key not in ("expect", "recordedFrom")}
    return json.dumps({**rest, "expect": masked}, ensure_ascii=False, indent=1) + "\n"
