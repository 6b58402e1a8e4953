"""What changed between two versions of a definition, in one line."""

from collections.abc import Iterator, Mapping
from typing import Any

from runs.models import WorkflowVersion

from .registry import SCHEMAS, one_line

PARTS = {"description": "description", "metadata": "metadata"}
SHOWN = 3  # names before "and 4 more"


def definition_changes(old: WorkflowVersion | None, new: WorkflowVersion) -> str:
    """Told by the JSON of both, and by the versions of the workflows that they run."""
    if old is None or old.definition_json is None:
        return "First version"
    before, after = dict(_entries(old.definition_json)), dict(_entries(new.definition_json))
    parts = []
    for words, names in (
        ("added", [name for name in after if name not in before]),
        ("removed", [name for name in before if name not in after]),
        ("changed", [name for name in after if name in before and after[name] != before[name]]),
    ):
        if names:
            listed = ", ".join(names[:SHOWN])
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            parts.append(f"{words} {listed}{more}")
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        parts.append("changed the order of steps")
    schemas = [words for name, words in SCHEMAS.items() if getattr(old, name) != getattr(new, name)]
    if schemas:
        parts.append(f"changed the schema of {' and '.join(schemas)}")
    parts += [
        f"changed the {words}"
        for key, words in PARTS.items()
        if old.definition_json.get(key) != new.definition_json.get(key)
    ]
    old_nested, new_nested = old.nested or {}, new.nested or {}
    for name, number in new_nested.items():
        if old_nested.get(name, number) != number:
            parts.append(f"runs version {number} of {name}")
    return one_line(parts or ["changed the order of keys"])


def _entries(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each entry and each step by the name that people know it by; an entry without what stands inside it."""
    for index, entry in enumerate(data.get("graph") or ()):
        inner = [step for step in (entry.get("step"), *(entry.get("steps") or ())) if isinstance(step, Mapping)]
        own = {key: value for key, value in entry.items() if key not in ("step", "steps")}
        own["within"] = [step.get("id") for step in inner]
        name = entry.get("id") or (inner and f"{entry.get('type')} of {inner[0].get('id')}") or f"entry {index + 1}"
        yield str(name), own
        for step in inner:
            yield str(step.get("id")), step
