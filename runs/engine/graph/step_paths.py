"""The dotted paths of the steps of a graph, which lead into nested workflows: `inner.review`. See ids.py."""

from collections.abc import Iterable, Iterator

from ..errors import InvalidWorkflow
from .entries import Branch, Parallel, Sleep, Then, entry_ids
from .graph import Graph, NestedStep
from .ids import STEP_RULE, is_id
from .step import Step


def ambiguous(ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of ids of one graph whose paths are ambiguous: the longer one, and the one it begins with."""
    known = dict.fromkeys(ids)
    for text in known:
        for place, character in enumerate(text):
            if character in ".[" and text[:place] in known:
                yield text, text[:place]


def check_ids(graph: Graph) -> None:
    """Raise InvalidWorkflow when two steps of the graph have the same path; the message names both entries."""
    seen: dict[str, tuple[str, Step | None]] = {}
    for number, entry in enumerate(graph.entries, 1):
        members = [None] if isinstance(entry, Sleep) else list(entry.steps)
        in_block: set[str] = set()
        for place, (step_id, step) in enumerate(zip(entry_ids(entry), members, strict=True), 1):
            at = f"entry {number}" + (f", step {place}" if isinstance(entry, Parallel | Branch) else "")
            is_ours = isinstance(entry, Then) and step_id.startswith(f"mapping_{graph.id}_")
            if not is_id(step_id) and not is_ours:
                raise InvalidWorkflow(f"Workflow {graph.id}: {step_id!r} (at {at}) cannot be an id. {STEP_RULE}")
            before = seen.setdefault(step_id, (at, step))
            if step_id in in_block or not _is_same(before[1], step):
                raise _refusal(graph, f'"{step_id}" ({before[0]})', f'"{step_id}" ({at})')
            in_block.add(step_id)
            if isinstance(step, NestedStep) and not step.workflow.committed:
                check_ids(step.workflow)
    for longer, shorter in ambiguous(seen):
        raise _refusal(graph, f'"{shorter}" ({seen[shorter][0]})', f'"{longer}" ({seen[longer][0]})')


def _is_same(one: Step | None, other: Step | None) -> bool:
    """Whether it is one step that is used twice. Sleeps, which nothing refers to, may share an id."""
    if isinstance(one, NestedStep) and isinstance(other, NestedStep):
        return one.workflow is other.workflow
    return one is other


def _refusal(graph: Graph, one: str, other: str) -> InvalidWorkflow:
    return InvalidWorkflow(
        f"Workflow {graph.id}: the paths of the steps {one} and {other} cannot be told apart. "
        "Give one of them another id."
    )


def path_of(graph: Graph, text: str) -> list[str]:
    """Return the ids that a dotted path consists of, from the outermost workflow down; an id may hold dots itself.

    A text that names no step of the graph is split at its dots.
    """
    return _path(graph, text) or text.split(".")


def _path(graph: Graph, text: str) -> list[str]:
    for entry in graph.entries:
        if text in entry_ids(entry):
            return [text]
        for step in entry.steps:
            if isinstance(step, NestedStep) and text.startswith(f"{step.id}."):
                below = _path(step.workflow, text.removeprefix(f"{step.id}."))
                if below:
                    return [step.id, *below]
    return []
