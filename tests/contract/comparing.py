"""Compares the outcome of a session's step with the recorded one, by the rules of the session format."""

import json
from collections.abc import Mapping
from typing import Any

from tests.conformance.placeholders import Placeholders

from .javascript_values import MISSING, code_units, is_number, parsed

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_NUMBERED = {"uuid": "[0-9A-Za-z_-]+", "hex32": "[0-9a-f]{32}", "hex16": "[0-9a-f]{16}"}
_PLAIN = {"iso": _DATE, "stack": ".*", "fn": ".*", "any": ".*"}
_MAY_LACK = ("<stack>", "<fn>")
# Columns of a span that may hold anything where the recording has null.
# fmt: off
_FREE_COLUMNS = {
    "parentEntityType", "parentEntityId", "parentEntityName", "rootEntityType", "rootEntityId", "rootEntityName",
    "userId", "organizationId", "sessionId", "threadId", "requestId", "environment", "serviceName", "scope",
    "entityVersionId", "parentEntityVersionId", "rootEntityVersionId", "experimentId", "source", "links",
}
# fmt: on


class Comparison:
    """One session's comparison: ids have to match one to one over all of its steps."""

    def __init__(self) -> None:
        self._placeholders = Placeholders(_NUMBERED, _PLAIN)

    def difference(self, step: Mapping[str, Any], outcome: Mapping[str, Any]) -> str | None:
        """The first difference from what the step expects, or None if it is that, or something that is as good."""
        first = None
        for expected in (step.get("expect", MISSING), *step.get("or", ())):
            attempt = _Attempt(self._placeholders.copy(), null_is_absent=bool(step.get("nullIsAbsent")))
            by_step = step.get("order") == "partial" and isinstance(expected, dict)
            wanted, found = (_by_step(expected), _by_step(outcome)) if by_step else (expected, outcome)
            reason = attempt.difference(wanted, found, "")
            if reason is None:
                self._placeholders = attempt.placeholders
                return None
            if isinstance(expected, dict) and ("error" in expected) != ("error" in outcome):
                reason = _differ(expected, outcome, "")
            first = first or reason
        return None if _status(outcome) in step.get("orStatus", ()) else first


class _Attempt:
    """A comparison with one of the outcomes that would do; what it learns of ids is kept only if this one does."""

    def __init__(self, placeholders: Placeholders, *, null_is_absent: bool) -> None:
        self.placeholders = placeholders
        self._null_is_absent = null_is_absent

    def difference(self, expected: Any, actual: Any, at: str, key: str = "") -> str | None:
        """`key`: what the value stands under, which decides how some are compared."""
        if key == "requestContext" and isinstance(actual, dict):
            actual = _without_signing_in(expected, actual)
            if expected is None and not actual:
                return None
        if isinstance(expected, str):
            return self._texts(expected, actual, at, key)
        if isinstance(expected, list):
            return self._lists(expected, actual, at, key)
        if isinstance(expected, dict):
            return self._objects(expected, actual, at, key)
        if is_number(expected):
            return None if is_number(actual) and expected == actual else _differ(expected, actual, at)
        return None if expected is actual is not MISSING else _differ(expected, actual, at)

    def _texts(self, expected: str, actual: Any, at: str, key: str) -> str | None:
        if expected == "<any>" or (expected in _MAY_LACK and (actual is MISSING or isinstance(actual, str))):
            return None
        if expected == "<ms>":
            return None if is_number(actual) else _differ(expected, actual, at)
        wanted, found = parsed(expected), parsed(actual)
        if key.endswith("Schema") and expected.startswith("{"):
            if wanted is MISSING or found is MISSING:
                return _differ(expected, actual, at)
            return self.difference(_loosened(_unwrapped(wanted)), _loosened(_unwrapped(found)), at)
        if wanted is not MISSING and found is not MISSING:
            return self.difference(wanted, found, at)
        if not isinstance(actual, str) or expected in _MAY_LACK:
            return _differ(expected, actual, at)
        if "\n- " in expected and "\n- " in actual:
            expected, actual = _issue_paths(expected), _issue_paths(actual)
        if expected == actual:
            return None
        if self.placeholders.first_in(expected) is None:
            return _differ(expected, actual, at)
        reason = self.placeholders.mismatch(expected, actual)
        return reason and f"{at}: {reason}"

    def _lists(self, expected: list[Any], actual: Any, at: str, key: str) -> str | None:
        if not isinstance(actual, list):
            return _differ(expected, actual, at)
        for index, (wanted, found) in enumerate(zip(expected, actual, strict=False)):
            place = f"{at}.{index}"
            if key == "issues" and isinstance(wanted, dict) and "field" in wanted:
                # The words of an issue come from the library that checks; its place does not.
                place += ".field"
                wanted, found = wanted["field"], found.get("field", MISSING) if isinstance(found, dict) else MISSING
            if reason := self.difference(wanted, found, place):
                return reason
        if len(expected) == len(actual):
            return None
        longer, word = (expected, "missing") if len(expected) > len(actual) else (actual, "too much")
        rest = longer[min(len(expected), len(actual))]
        return f"{at} has {len(actual)} entries, not {len(expected)}; {word}: {_short(rest)}"

    def _objects(self, expected: dict[str, Any], actual: Any, at: str, key: str) -> str | None:
        if not isinstance(actual, dict):
            return _differ(expected, actual, at)
        if key.endswith("Schema"):
            expected, actual = _loosened(expected), _loosened(actual)
        for name, value in expected.items():
            if self._is_free(name, expected):
                continue
            found = actual.get(self._name_in(actual, name, expected), MISSING)
            if found is MISSING and (self._is_as_good_as_absent(name, value) or value in _MAY_LACK):
                continue
            if reason := self.difference(value, found, _under(at, name), name):
                return reason
        return self._too_much(expected, actual, at)

    def _too_much(self, expected: dict[str, Any], actual: dict[str, Any], at: str) -> str | None:
        ids = self._ids_in_names(expected)
        for name, value in actual.items():
            if name in expected or name == "stack" or value is MISSING:
                continue
            if self._is_free(name, expected) or self._is_as_good_as_absent(name, value):
                continue
            if not any(each in name for each in ids):
                return f"{_under(at, name)} is not expected: {_short(value)}"
        return None

    def _name_in(self, actual: dict[str, Any], name: str, expected: dict[str, Any]) -> str:
        """The name that stands for an expected one, which may have a placeholder, such as `sleep_<uuid#1>`."""
        if name in actual or self.placeholders.first_in(name) is None:
            return name
        others = (other for other in actual if other not in expected)
        return next((other for other in others if self.placeholders.mismatch(name, other) is None), name)

    def _ids_in_names(self, expected: dict[str, Any]) -> list[str]:
        placeholders = [found for name in expected if (found := self.placeholders.first_in(name))]
        return [known for placeholder in placeholders if (known := self.placeholders.id_of(placeholder))]

    def _is_as_good_as_absent(self, name: str, value: Any) -> bool:
        return value is None and (self._null_is_absent or name == "resourceId")

    def _is_free(self, name: str, expected: dict[str, Any]) -> bool:
        return self._null_is_absent and name in _FREE_COLUMNS and expected.get(name) is None


def _without_signing_in(expected: Any, actual: dict[str, Any]) -> dict[str, Any]:
    """A request context without what servers that ask for a token add to it, unless that was recorded, too."""
    recorded = expected if isinstance(expected, dict) else {}
    if "mastra__authMode" in recorded:
        return actual
    added = [key for key in actual if key.startswith("mastra__") or (key == "user" and key not in recorded)]
    return {key: value for key, value in actual.items() if key not in added}


def _unwrapped(schema: Any) -> Any:
    return schema["json"] if isinstance(schema, dict) and "json" in schema else schema


def _loosened(schema: Any) -> Any:
    """A schema without what servers may write otherwise: the dialect, closed objects, and defaults as required."""
    if isinstance(schema, list):
        return [_loosened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    loose = {key: _loosened(value) for key, value in schema.items() if key != "$schema"}
    if loose.get("additionalProperties") in (False, {}):
        del loose["additionalProperties"]
    if isinstance(schema.get("required"), list):
        named = schema.get("properties")
        required = [name for name in schema["required"] if not _has_default(named, name)]
        loose["required"] = sorted(required, key=lambda name: code_units(str(name)))
    if not loose.get("required"):
        loose.pop("required", None)
    return loose


def _has_default(properties: Any, name: Any) -> bool:
    described = properties.get(name) if isinstance(properties, dict) and isinstance(name, str) else None
    return isinstance(described, dict) and "default" in described


def _issue_paths(text: str) -> str:
    """A text that lists issues without what it says of each: `- order.lines.0:`."""
    lines = [line[: line.find(": ") + 1] if line.startswith("- ") else line.rstrip() for line in text.split("\n")]
    return "\n".join(lines).strip()


def _by_step(outcome: Mapping[str, Any]) -> Mapping[str, Any]:
    """An outcome with its records by step: those of one step keep their order, the steps among each other need not."""
    if not outcome.get("records"):
        return outcome
    groups: dict[str, list[Any]] = {}
    for record in outcome["records"]:
        groups.setdefault(_step_of(record), []).append(record)
    return {**outcome, "records": groups}


def _step_of(record: Any) -> str:
    if not isinstance(record, dict):
        return ""
    payload = record["payload"] if isinstance(record.get("payload"), dict) else {}
    names = (payload.get("id"), payload.get("stepName"), record.get("type"))
    return str(next((name for name in names if name is not None), ""))


def _status(outcome: Mapping[str, Any]) -> Any:
    status = outcome.get("error", {}).get("status")
    return outcome.get("status") if status is None else status


def _under(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _differ(expected: Any, actual: Any, at: str) -> str:
    return f"{at or 'the outcome'} is {_short(actual)}, not {_short(expected)}"


def _short(value: Any) -> str:
    text = "missing" if value is MISSING else json.dumps(value, default=repr)
    return text if len(text) <= 300 else text[:299] + "…"
