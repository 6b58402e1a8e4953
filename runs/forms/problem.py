"""One thing that keeps a form from being accepted: where it is, and the sentence that says so."""

from dataclasses import dataclass

from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor

from .schema.json_schema import Kind, Shape


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry of the error summary: a link to the control `anchor`, the rest of the sentence, a JSON pointer."""

    anchor: str
    subject: str
    predicate: str  # begins with a space or a colon, as it follows the subject
    pointer: str = ""


def pointer_of(where: tuple[str | int, ...]) -> str:
    """The JSON pointer of a place: /order/lines/1/qty."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in where)


def place_of(dotted: str, tree: object, shape: Shape) -> tuple[str | int, ...]:
    """The place that a dotted path means; keys that hold dots themselves are told from the value and its schema."""
    where: list[str | int] = []
    parts = dotted.split(".") if dotted else []
    at: Shape | None = shape
    while parts:
        if isinstance(tree, list) and parts[0].isdigit():
            index = int(parts.pop(0))
            where.append(index)
            tree = tree[index] if index < len(tree) else UNSET
            at = at.items if at else None
            continue
        known = {*(tree if isinstance(tree, dict) else ()), *(at.properties if at else ())}
        taken = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in known), 1)
        key = ".".join(parts[:taken])
        del parts[:taken]
        where.append(key)
        tree = tree.get(key, UNSET) if isinstance(tree, dict) else UNSET
        at = at.properties.get(key) if at else None
    return tuple(where)


def value_at(tree: object, where: tuple[str | int, ...]) -> object:
    """Return the value at a place; UNSET when there is none."""
    for part in where:
        if isinstance(tree, list):
            if not isinstance(part, int) or part >= len(tree):
                return UNSET
            tree = tree[part]
        elif isinstance(tree, dict) and part in tree:
            tree = tree[part]
        else:
            return UNSET
    return tree


def shape_at(shape: Shape, where: tuple[str | int, ...]) -> Shape:
    """What the schema says of a place; anything goes where it says nothing."""
    for part in where:
        inner = shape.items if isinstance(part, int) else shape.properties.get(part)
        if inner is None:
            return Shape(Kind.JSON, {})
        shape = inner
    return shape


def without_secrets(tree: object, redactor: Redactor) -> object:
    """The value without its secrets: a copy for another person must not hold them."""
    if isinstance(tree, dict):
        return {
            key: without_secrets(item, redactor) for key, item in tree.items() if not is_hidden(key, item, redactor)
        }
    if isinstance(tree, list):
        return [without_secrets(item, redactor) for item in tree]
    return redactor.text(tree) if isinstance(tree, str) else tree


def is_hidden(key: str, item: object, redactor: Redactor) -> bool:
    """Whether the value at a key is a secret, or a text that holds one."""
    return redactor.rule(key, item) is not None or (isinstance(item, str) and redactor.text(item) != item)


def with_placeholders(tree: object, redactor: Redactor) -> object:
    """The value with a word such as <card_token> for each secret."""
    if isinstance(tree, dict):
        return {
            key: f"<{key}>" if redactor.rule(key, item) else with_placeholders(item, redactor)
            for key, item in tree.items()
        }
    if isinstance(tree, list):
        return [with_placeholders(item, redactor) for item in tree]
    return redactor.text(tree) if isinstance(tree, str) else tree
