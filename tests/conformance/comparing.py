"""Compares what we did with what was recorded, by the rules of the format's README."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from .placeholders import Placeholders

_NUMBERED = {"uuid": r"[0-9A-Za-z_.-]+", "hex32": r"[0-9a-fA-F]{1,32}", "hex16": r"[0-9a-fA-F]{1,16}"}
_PLAIN = dict.fromkeys(("ms", "iso", "date", "fn", "stack"), ".+?")
_ISSUE = re.compile(r"^- ([^ ]*): ")
# Compared where they are recorded; `persisted` is not: a log is written at other moments than snapshots.
_FIELDS = ("throws", "result", "during", "abandoned", "alongside", "executions", "written", "events", "stream")
_FIELDS += ("streamStatus", "callbacks", "spans", "consoleErrors")
_EMPTY: Mapping[str, object] = {
    key: [] for key in ("executions", "written", "events", "callbacks", "spans", "consoleErrors")
}
_LISTS = ("executions", "written", "events", "stream")


class Comparison:
    """One case's comparison; ids must match one to one over the whole case."""

    def __init__(self, *, partial: bool) -> None:
        self.partial = partial
        self._placeholders = Placeholders(_NUMBERED, _PLAIN)

    def difference(self, expected: object, actual: object, at: str) -> str | None:
        """The first difference in words, or None."""
        if isinstance(expected, dict):
            return self._objects(expected, actual, at)
        if isinstance(expected, list):
            return self._lists(expected, actual, at)
        if isinstance(expected, str):
            return self._texts(expected, actual, at)
        if isinstance(expected, bool) or expected is None or isinstance(actual, bool):
            return None if expected is actual else _differ(expected, actual, at)
        same = isinstance(actual, int | float) and (expected == actual or math.isclose(expected, actual))
        return None if same else _differ(expected, actual, at)

    def _objects(self, expected: Mapping[str, object], actual: object, at: str) -> str | None:
        if not isinstance(actual, dict):
            return _differ(expected, actual, at)
        expected = self._with_our_keys(expected, actual)
        optional = {key for key, value in expected.items() if value == "<stack>"}
        missing = [key for key in expected if key not in actual and key not in optional]
        more = [key for key in actual if key not in expected and key != "stack"]
        if missing or more:
            parts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has also {', '.join(more)}"] * bool(more)
            shown = _short(actual[more[0]]) if more else _short(expected[missing[0]])
            return f"{at} {' and '.join(parts)} ({shown})"
        for key in expected:
            if key in actual and (found := self.difference(expected[key], actual[key], f"{at}.{key}")):
                return found
        return None

    def _with_our_keys(self, expected: Mapping[str, object], actual: Mapping[str, object]) -> Mapping[str, object]:
        """The expected object with its placeholder keys, such as `sleep_<uuid#1>`, under the names that we gave."""
        named = dict(expected)
        for key in [key for key in expected if self._placeholders.first_in(key)]:
            for ours in actual:
                if ours not in expected and self._placeholders.mismatch(key, ours) is None:
                    named[ours] = named.pop(key)
                    break
        return named

    def _lists(self, expected: list[object], actual: object, at: str) -> str | None:
        if not isinstance(actual, list):
            return _differ(expected, actual, at)
        if self.partial and at.rsplit(".", 1)[-1] in (*_LISTS, "spans", "children"):
            return self._groups(expected, actual, at)
        for index, (wanted, found) in enumerate(zip(expected, actual, strict=False)):
            if problem := self.difference(wanted, found, f"{at}.{index}"):
                return problem
        if len(expected) != len(actual):
            rest = (expected if len(expected) > len(actual) else actual)[min(len(expected), len(actual)) :]
            return f"{at} has {len(actual)} items, not {len(expected)}; next: {_short(rest[0])}"
        return None

    def _groups(self, expected: list[object], actual: list[object], at: str) -> str | None:
        """Entries of different steps may interleave differently; those of one step may not."""
        wanted, found = _by_step(expected), _by_step(actual)
        for key in wanted:
            name = f"{at}[{key}]"
            part = Comparison.difference
            if problem := part(self, _Plain(wanted[key]), _Plain(found.get(key, [])), name):
                return problem
        extra = [key for key in found if key not in wanted]
        return f"{at} has also {extra[0]}: {_short(found[extra[0]][0])}" if extra else None

    def _texts(self, expected: str, actual: object, at: str) -> str | None:
        if expected == "<ms>":
            return (
                None
                if isinstance(actual, int | float) and not isinstance(actual, bool)
                else _differ("<ms>", actual, at)
            )
        if expected in ("<stack>", "<fn>"):
            return None
        if expected == "<undefined>":
            return None if actual is None else _differ(expected, actual, at)
        if not isinstance(actual, str):
            return _differ(expected, actual, at)
        if expected == actual:
            return None
        if not self._placeholders.first_in(expected):
            return None if _same_issues(expected, actual) else _differ(expected, actual, at)
        reason = self._placeholders.mismatch(expected, actual)
        return reason and f"{at}: {reason}"


def difference(case: Mapping[str, Any], actual: Mapping[str, Any]) -> str | None:
    """The first difference between a case's record and what we did, or None."""
    expected = case["expect"]
    comparison = Comparison(partial=case.get("order") == "partial")
    if "build" in expected or "build" in actual:
        return comparison.difference(expected.get("build"), actual.get("build"), "build")
    for index, (wanted, found) in enumerate(zip(expected["calls"], actual["calls"], strict=True)):
        for field in _FIELDS:
            if problem := _field_difference(comparison, field, wanted, found, f"{index}:{wanted['op']}.{field}"):
                return problem
    return None


def _field_difference(
    comparison: Comparison, field: str, wanted: Mapping[str, Any], found: Mapping[str, Any], at: str
) -> str | None:
    a, b = wanted.get(field, _EMPTY.get(field)), found.get(field, _EMPTY.get(field))
    if field == "callbacks":  # the names of JavaScript fields
        a = [{key: value for key, value in line.items() if key != "keys"} for line in a]
    if field not in wanted and field not in found:
        return None
    if field == "result" and (field in wanted) != (field in found):
        shown = {key: value for key, value in found.items() if key in ("throws", "result")}
        return f"{at} {'is missing' if field in wanted else 'is there'}: {json.dumps(shown, default=repr)[:300]}"
    return comparison.difference(a, b, at)


class _Plain(list):
    """A list that is compared in order even where the case's order is partial."""


def _by_step(items: list[object]) -> dict[str, list[object]]:
    groups: dict[str, list[object]] = {}
    for item in items:
        groups.setdefault(_step_of(item), []).append(item)
    return groups


def _step_of(item: object) -> str:
    """The step an entry belongs to: its id, or for chunks and spans what names it."""
    if not isinstance(item, dict):
        return "-"
    if "step" in item:
        return f"{item.get('workflow')}/{item['step']}"
    payload = item.get("payload")
    if isinstance(payload, dict):
        return str(payload.get("id") or payload.get("stepName") or "-")
    return str(item.get("name", "-"))


def _same_issues(expected: str, actual: str) -> bool:
    """Texts of validators are compared loosely: the head line, and the paths in their order."""
    wanted, found = expected.split("\n"), actual.split("\n")
    if len(wanted) > 1 and len(wanted) == len(found) and wanted[0] == found[0]:
        paths = [(_ISSUE.match(a), _ISSUE.match(b)) for a, b in zip(wanted[1:], found[1:], strict=True)]
        return all(a and b and a.group(1) == b.group(1) for a, b in paths)
    if expected.startswith('{"issues":') and actual.startswith('{"issues":'):
        issues = [[issue["path"] for issue in json.loads(text)["issues"]] for text in (expected, actual)]
        return issues[0] == issues[1]
    return False


def _differ(expected: object, actual: object, at: str) -> str:
    return f"{at} is {_short(actual)}, not {_short(expected)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 160 else text[:159] + "…"
