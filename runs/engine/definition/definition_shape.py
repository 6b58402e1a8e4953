"""Whether a JSON value has the form of a workflow definition. What it refers to is not looked at here."""

from collections.abc import Callable, Mapping
from datetime import datetime

from ..data.json_types import type_name
from ..data.undefined import UNSET
from ..errors import InvalidWorkflow
from ..graph.conditions import Predicate
from ..graph.entries import check_sleep
from .definition_issues import DefinitionIssue

LEAVES = ("tool", "mapping", "workflow")
ENTRIES = (*LEAVES, "parallel", "conditional", "foreach", "loop", "sleep", "sleepUntil")
SCHEMAS = ("inputSchema", "outputSchema", "stateSchema", "requestContextSchema")

Issues = list[DefinitionIssue]


def check_shape(data: object) -> Issues:
    """Everything in which the value differs from the form of a definition, in its order."""
    issues: Issues = []
    if not isinstance(data, Mapping):
        _add(issues, "root", f"A definition is an object, not {type_name(data)}.")
        return issues
    _text(data, "id", "", issues)
    for key in ("description",):
        if key in data and not isinstance(data[key], str):
            _add(issues, key, f"A text is needed, not {type_name(data[key])}.")
    if not isinstance(data.get("metadata", {}), Mapping):
        _add(issues, "metadata", f"An object is needed, not {type_name(data['metadata'])}.")
    for key in SCHEMAS:
        value = data.get(key, UNSET)
        if value is UNSET and key in ("stateSchema", "requestContextSchema"):
            continue
        if not isinstance(value, Mapping):
            _add(issues, key, f"A JSON Schema object is needed, not {type_name(value)}.")
    graph = data.get("graph", UNSET)
    if not isinstance(graph, list):
        _add(issues, "graph", f"A list of entries is needed, not {type_name(graph)}.")
    else:
        for index, entry in enumerate(graph):
            _check_entry(entry, f"graph.{index}", ENTRIES, issues)
    return issues


def _add(issues: Issues, path: str, message: str) -> None:
    issues.append(DefinitionIssue(path, "invalid-shape", message))


def _text(entry: Mapping[str, object], key: str, at: str, issues: Issues) -> None:
    """A key that must hold a text; whether an empty id is allowed is said elsewhere."""
    if not isinstance(entry.get(key, UNSET), str):
        where = f"{at}.{key}" if at else key
        _add(issues, where, f"A text is needed, not {type_name(entry.get(key, UNSET))}.")


def _check_entry(entry: object, at: str, allowed: tuple[str, ...], issues: Issues) -> None:
    if not isinstance(entry, Mapping):
        _add(issues, at, f"An entry is an object with a type, not {type_name(entry)}.")
        return
    kind = entry.get("type")
    if kind not in allowed:
        listed = " | ".join(f"'{name}'" for name in allowed)
        _add(issues, f"{at}.type", f"Unknown type {kind!r}. Expected {listed}.")
        return
    for key, wanted in (("description", str), ("metadata", Mapping)):
        if key in entry and not isinstance(entry[key], wanted):
            word = "A text" if wanted is str else "An object"
            _add(issues, f"{at}.{key}", f"{word} is needed, not {type_name(entry[key])}.")
    if kind in (*LEAVES, "sleep", "sleepUntil") or "id" in entry:
        _text(entry, "id", at, issues)
    _CHECKS[str(kind)](entry, at, issues)


def _check_tool(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    _text(entry, "toolId", at, issues)


def _check_workflow(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    _text(entry, "workflowId", at, issues)


def _check_mapping(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    config = entry.get("mapConfig", UNSET)
    if not isinstance(config, str | Mapping):
        _add(issues, f"{at}.mapConfig", f"An object, or one as JSON text, is needed, not {type_name(config)}.")


def _check_steps(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    steps = entry.get("steps", UNSET)
    if not isinstance(steps, list):
        _add(issues, f"{at}.steps", f"A list of entries is needed, not {type_name(steps)}.")
        return
    for index, step in enumerate(steps):
        _check_entry(step, f"{at}.steps.{index}", LEAVES, issues)


def _check_conditional(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    _check_steps(entry, at, issues)
    predicates, steps = entry.get("predicates", UNSET), entry.get("steps")
    if not isinstance(predicates, list):
        _add(issues, f"{at}.predicates", f"A list of predicates is needed, not {type_name(predicates)}.")
        return
    if isinstance(steps, list) and len(steps) != len(predicates):
        words = f"There are {len(steps)} steps and {len(predicates)} predicates; each step needs one predicate."
        _add(issues, f"{at}.predicates", words)
    for index, predicate in enumerate(predicates):
        _check_predicate(predicate, f"{at}.predicates.{index}", issues)


def _check_predicate(predicate: object, at: str, issues: Issues) -> None:
    try:
        Predicate.parse(predicate, at)
    except InvalidWorkflow as error:
        path, _, message = str(error).partition(": ")
        _add(issues, path, message)


def _check_loop(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    _check_entry(entry.get("step"), f"{at}.step", LEAVES, issues)
    if entry.get("loopType") not in ("dowhile", "dountil"):
        _add(issues, f"{at}.loopType", f"Unknown loop type {entry.get('loopType')!r}. Expected 'dowhile' | 'dountil'.")
    if "predicate" not in entry:
        _add(issues, f"{at}.predicate", "A loop needs a predicate that tells when it ends.")
    else:
        _check_predicate(entry["predicate"], f"{at}.predicate", issues)


def _check_foreach(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    _check_entry(entry.get("step"), f"{at}.step", LEAVES, issues)
    opts = entry.get("opts", {})
    if not isinstance(opts, Mapping):
        _add(issues, f"{at}.opts", f"An object is needed, not {type_name(opts)}.")
    elif not _is_number(opts.get("concurrency", 1)):
        _add(issues, f"{at}.opts.concurrency", f"A number is needed, not {type_name(opts['concurrency'])}.")


def _check_sleep(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    duration = entry.get("duration", UNSET)
    if not isinstance(duration, int | float) or isinstance(duration, bool):
        _add(issues, f"{at}.duration", f"A number of milliseconds is needed, not {type_name(duration)}.")
        return
    try:
        check_sleep(duration / 1000)
    except (ValueError, OverflowError) as error:
        _add(issues, f"{at}.duration", str(error))


def _check_sleep_until(entry: Mapping[str, object], at: str, issues: Issues) -> None:
    try:
        parse_date(entry.get("date"))
    except ValueError:
        _add(issues, f"{at}.date", "A date such as 2026-12-24T18:00:00Z is needed.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def parse_date(value: object) -> datetime:
    """A date of a definition. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("no text")
    moment = datetime.fromisoformat(value)
    check_sleep(moment)
    return moment


_CHECKS: dict[str, Callable[[Mapping[str, object], str, Issues], None]] = {
    "tool": _check_tool,
    "workflow": _check_workflow,
    "mapping": _check_mapping,
    "parallel": _check_steps,
    "conditional": _check_conditional,
    "loop": _check_loop,
    "foreach": _check_foreach,
    "sleep": _check_sleep,
    "sleepUntil": _check_sleep_until,
}
