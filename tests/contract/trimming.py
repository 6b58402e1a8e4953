"""What of an outcome is compared: its step says it, by `pick`, `omit`, `dedupe`, `tail`, `sortSpans` and `keep`."""

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .javascript_values import MISSING, code_units, length, look_up

LONGEST_TEXT = 4000  # in code units; of longer ones the recording has the length and the SHA-256


def trimmed(step: Mapping[str, Any], outcome: Mapping[str, Any], uid: str) -> dict[str, Any]:
    """A copy of the outcome with what the step leaves out left out, and the session's uid as `{uid}`."""
    outcome = copy.deepcopy(dict(outcome))
    answer = next((key for key in ("result", "body") if key in outcome), None)
    if answer is not None:
        outcome[answer] = _with_spans_trimmed(step, _picked(step, outcome[answer]))
    if "records" in outcome:
        outcome["records"] = _records(step, outcome["records"])
    for path in step.get("omit", ()):
        _drop(outcome if answer is None else outcome[answer], path.split("."))
    return _comparable(outcome, uid)


def _picked(step: Mapping[str, Any], value: Any) -> Any:
    """An object of the picked paths; those that lead nowhere are no part of it."""
    if "pick" not in step or not isinstance(value, dict):
        return value
    found = {path: look_up(value, path) for path in step["pick"]}
    return {path: part for path, part in found.items() if part is not MISSING}


def _with_spans_trimmed(step: Mapping[str, Any], value: Any) -> Any:
    spans = value.get("spans") if isinstance(value, dict) else None
    if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
        return value
    if step.get("sortSpans"):
        spans = sorted(spans, key=lambda span: code_units(str(span.get("name", ""))))
    if "keep" in step:
        spans = [{key: span[key] for key in step["keep"] if key in span} for span in spans]
    return {**value, "spans": spans}


def _records(step: Mapping[str, Any], records: list[Any]) -> list[Any]:
    if step.get("dedupe"):
        records = list({json.dumps(record): record for record in records}.values())
    return records[-step["tail"] :] if step.get("tail") else records


def _drop(value: Any, path: list[str]) -> None:
    """Remove what stands under a path, whose parts may be `*`. A list keeps its length."""
    first, *rest = path
    names = _names_of(value)
    for name in names if first == "*" else {first} & names:
        key = int(name) if isinstance(value, list) else name
        if rest:
            _drop(value[key], rest)
        elif isinstance(value, list):
            value[key] = MISSING
        else:
            del value[key]


def _names_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value)
    return {str(index) for index in range(len(value))} if isinstance(value, list) else set()


def _comparable(value: Any, uid: str) -> Any:
    if isinstance(value, str):
        if length(value) <= LONGEST_TEXT:
            return value.replace(uid, "{uid}")
        digest = hashlib.sha256(code_units(value).decode("utf-16-be", "replace").encode()).hexdigest()
        return {"$long": {"length": length(value), "sha256": digest}}
    if isinstance(value, dict):
        return {key.replace(uid, "{uid}"): _comparable(item, uid) for key, item in value.items()}
    return [_comparable(item, uid) for item in value] if isinstance(value, list) else value
