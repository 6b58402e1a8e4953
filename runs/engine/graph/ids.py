"""What an id may be: the one rule for workflows, runs, steps and tags, in code, JSON, the API, commands and forms.

* Every id is a text of 1 to 200 characters, all of them printable: no line breaks, no control characters, no invisible
  characters, none that change the direction of writing. It does not begin or end with a space.
* The id of a workflow or a run stands in addresses: it holds no slash and no backslash, and is not `.` or `..`.
* The id of a step names the step in paths such as `inner.review` and `items[3]`. It may hold dots and brackets, but
  among the steps of one workflow none may be the id of another one followed by a dot or a bracket: `a` and `a.b`,
  `items` and `items[0]`. So a path is always that of one step. Two different steps do not share an id, nor do two
  members of one block.
* A tag is printable, and not blank.

Source: the reference takes any text; ours has to find a step by its path, and a run by its address.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import InvalidWorkflow
from .entries import Branch, Parallel, Sleep, Then, entry_ids

if TYPE_CHECKING:
    from ..run.workflow import Workflow
    from .step import Step

LONGEST = 200  # characters
MARK = "~"  # in addresses, before an id in hex

_TEXT = f"1 to {LONGEST} characters, without %sa line break or another invisible character"
WORKFLOW_RULE = (
    f"A workflow id has {_TEXT % 'a slash, a backslash, '}; it is no dot alone, and no space is at its ends."
)
RUN_RULE = f"A run id has {_TEXT % 'a slash, a backslash, '}; it is no dot alone, and no space is at its ends."
STEP_RULE = f"A step id has {_TEXT % ''}; no space is at its ends."
RESOURCE_RULE = f"A resource id has at most {LONGEST} characters, all of them printable."


def is_id(text: object) -> bool:
    """Whether the text may be an id at all: that of a step."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and text.isprintable() and text == text.strip()


def is_address_id(text: object) -> bool:
    """Whether the text may be the id of a workflow or a run."""
    return is_id(text) and not {"/", "\\"} & set(str(text)) and text not in (".", "..")


def to_address(text: str) -> str:
    """The id as a part of an address. One that an earlier release has stored against the rule is written in hex."""
    is_plain = not {"/", "\\"} & set(text) and text.isprintable() and text not in ("", ".", "..")
    return text if is_plain and not text.startswith(MARK) else MARK + text.encode("utf-8", "surrogatepass").hex()


def from_address(part: str) -> str:
    """The id that a part of an address names."""
    if not part.startswith(MARK):
        return part
    try:
        return bytes.fromhex(part.removeprefix(MARK)).decode("utf-8", "surrogatepass")
    except ValueError:
        return part


def is_tag(text: str, longest: int) -> bool:
    """Whether the text may be a tag of at most so many characters."""
    return bool(text.strip()) and len(text) <= longest and text.isprintable()


def is_resource_id(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable()


def ambiguous(ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The pairs of ids of one graph whose paths could not be told apart: the longer one, and the one it begins with."""
    known = dict.fromkeys(ids)
    for text in known:
        for place, character in enumerate(text):
            if character in ".[" and text[:place] in known:
                yield text, text[:place]


def check_ids(workflow: "Workflow") -> None:
    """Whether each path of the workflow is that of one step. Raises InvalidWorkflow, naming the two entries."""
    seen: dict[str, tuple[str, Step | None]] = {}
    for number, entry in enumerate(workflow.entries, 1):
        members = [None] if isinstance(entry, Sleep) else list(entry.steps)
        in_block: set[str] = set()
        for place, (step_id, step) in enumerate(zip(entry_ids(entry), members, strict=True), 1):
            at = f"entry {number}" + (f", step {place}" if isinstance(entry, Parallel | Branch) else "")
            is_ours = isinstance(entry, Then) and step_id.startswith(f"mapping_{workflow.id}_")
            if not is_id(step_id) and not is_ours:
                raise InvalidWorkflow(f"Workflow {workflow.id}: {step_id!r} (at {at}) cannot be an id. {STEP_RULE}")
            before = seen.setdefault(step_id, (at, step))
            if step_id in in_block or not _is_same(before[1], step):
                raise _refusal(workflow, f'"{step_id}" ({before[0]})', f'"{step_id}" ({at})')
            in_block.add(step_id)
            if step is not None and step.workflow is not None and not step.workflow.committed:
                check_ids(step.workflow)
    for longer, shorter in ambiguous(seen):
        raise _refusal(workflow, f'"{shorter}" ({seen[shorter][0]})', f'"{longer}" ({seen[longer][0]})')


def _is_same(one: "Step | None", other: "Step | None") -> bool:
    """Whether it is one step that is used twice. Sleeps, which nothing refers to, may share an id."""
    if one is None or other is None:
        return one is other
    return one is other or (one.workflow is not None and one.workflow is other.workflow)


def _refusal(workflow: "Workflow", one: str, other: str) -> InvalidWorkflow:
    return InvalidWorkflow(
        f"Workflow {workflow.id}: the paths of the steps {one} and {other} cannot be told apart. "
        "Give one of them another id."
    )


def path_of(workflow: "Workflow", text: str) -> list[str]:
    """The ids that a path in words consists of, from the outermost workflow down; each of them may hold dots.

    Of a text that names no step of the graph, its parts.
    """
    return _path(workflow, text) or text.split(".")


def _path(workflow: "Workflow", text: str) -> list[str]:
    for entry in workflow.entries:
        if text in entry_ids(entry):
            return [text]
        for step in entry.steps:
            if step.workflow is not None and text.startswith(f"{step.id}."):
                below = _path(step.workflow, text.removeprefix(f"{step.id}."))
                if below:
                    return [step.id, *below]
    return []
