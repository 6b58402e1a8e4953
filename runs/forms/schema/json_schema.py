"""A JSON Schema as a form sees it: which kind of control each part gets.

Pydantic's schemas ($defs, anyOf with null, Decimal as number or text) and hand-written ones come out alike. What no
control can show (unions, free-form objects, recursion) is of the kind JSON, and is edited as text.
"""

import hashlib
import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor

from .exact_json import exact, write_exact

_ONE_LINE = re.compile(r"[^\x00-\x1f]+")
MAX_LEVELS = 12  # objects inside objects that are drawn; deeper ones are JSON
SHARED_PARTS = 200  # keys that are drawn beyond the parts of the schema, as several places refer to the same ones


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"  # a number or a text: Pydantic's Decimal, an id that may be either
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CONST = "const"
    OBJECT = "object"
    LIST = "list"
    JSON = "json"


_SCALAR_KINDS = {"string": Kind.TEXT, "integer": Kind.INTEGER, "boolean": Kind.BOOLEAN}
TYPED = frozenset({Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL})
SCALARS = TYPED | {Kind.BOOLEAN, Kind.CHOICE}


@dataclass(slots=True)
class Shape:
    """One part of a schema, its references resolved. `schema` holds the keywords that apply to a non-null value."""

    kind: Kind
    schema: Mapping[str, Any]
    nullable: bool = False
    properties: dict[str, "Shape"] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: "Shape | None" = None
    choices: tuple[object, ...] = ()
    secret: bool = False  # marked in the schema, or called like a secret
    _codes: "dict[str, object] | None" = None
    _coded: bool | None = None
    _choices_key: str = ""

    @property
    def coded(self) -> bool:
        """Whether choices are sent as JSON: some are no texts, or texts that an input of one line would change."""
        if self._coded is None:
            self._coded = not all(isinstance(choice, str) and _ONE_LINE.fullmatch(choice) for choice in self.choices)
        return self._coded

    @property
    def codes(self) -> "dict[str, object]":
        """The choices by the text that a form sends for each."""
        if self._codes is None:
            if self.coded:
                self._codes = {write_exact(exact(choice), indent=None): choice for choice in self.choices}
            else:
                self._codes = {str(choice): choice for choice in self.choices}
        return self._codes

    @property
    def choices_key(self) -> str:
        """Equal for equal choices, whatever fields have them."""
        if not self._choices_key:
            self._choices_key = hashlib.sha256("\n".join(self.codes).encode()).hexdigest()[:12]
        return self._choices_key

    @property
    def title(self) -> str:
        return str(self.schema.get("title", ""))

    @property
    def description(self) -> str:
        return str(self.schema.get("description", ""))

    @property
    def default(self) -> object:
        return self.schema.get("default", UNSET)

    @property
    def multiline(self) -> bool:
        several = self.schema.get("x-multiline") or self.schema.get("format") in ("textarea", "multiline")
        return bool(several) or str(self.schema.get("contentMediaType", "")).startswith("text/")

    @property
    def open(self) -> bool:
        """Whether the schema says that an object may have further keys."""
        return self.schema.get("additionalProperties") not in (None, False)

    @property
    def stands_alone(self) -> bool:
        """Whether an object is complete without a person's help: nothing is required that has no default."""
        return self.kind is Kind.OBJECT and all(
            part.default is not UNSET or part.stands_alone
            for key, part in self.properties.items()
            if key in self.required
        )

    @property
    def has_secrets(self) -> bool:
        parts = [*self.properties.values(), *([self.items] if self.items else [])]
        return self.secret or any(part.has_secrets for part in parts)


def shape_of(schema: object) -> Shape:
    """The shape of a whole schema; `None` and `True` accept anything.

    Time and size are linear in the schema. No `$ref` is followed twice on one path; beside each
    other they are as long as there is room. The parts nearest to the root are drawn first, what has no room is JSON.
    """
    root = schema if isinstance(schema, Mapping) else {}
    shape = _Builder(root).build()
    _mark_secrets(shape, Redactor.of(root))
    return shape


@dataclass(slots=True)
class _Pending:
    """An object whose keys are not drawn yet; `around`: the lists of which it is the item."""

    shape: Shape
    seen: frozenset[str]
    level: int
    around: list[Shape]


class _Builder:
    """Draws the shapes of a schema level by level, as many as the schema has parts and some more."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._room = _parts_of(root) + SHARED_PARTS
        self._pending: deque[_Pending] = deque()

    def build(self) -> Shape:
        shape = self._shape(self._root, frozenset(), 0, [])
        while self._pending:
            self._fill(self._pending.popleft())
        return shape

    def _fill(self, part: _Pending) -> None:
        properties = part.shape.schema["properties"]
        if len(properties) > self._room:
            for shape in (part.shape, *part.around):
                shape.kind, shape.items = Kind.JSON, None
            return
        self._room -= len(properties)
        part.shape.properties = {
            str(key): self._shape(inner, part.seen, part.level + 1, [])
            for key, inner in properties.items()
            if inner is not False  # the key may not be there
        }

    def _shape(self, schema: Any, seen: frozenset[str], level: int, around: list[Shape]) -> Shape:
        if not isinstance(schema, Mapping):
            return Shape(Kind.JSON, {})
        nullable = False
        while True:
            merged, refs = _resolved(schema, self._root, seen)
            if merged is None:
                return Shape(Kind.JSON, {key: part for key, part in schema.items() if key != "$ref"}, nullable)
            seen |= refs
            schema, null = _without_null(merged)
            nullable |= null
            if schema is merged:
                break
        shape = Shape(_kind_of(merged, level), merged, nullable)
        if shape.kind is Kind.CHOICE:
            shape.choices = tuple(merged["enum"])
        elif shape.kind is Kind.OBJECT:
            shape.required = frozenset(map(str, merged.get("required") or ()))
            self._pending.append(_Pending(shape, seen, level, around))
        elif shape.kind is Kind.LIST:
            items = self._shape(merged.get("items"), seen, level + 1, [*around, shape])
            shape.kind, shape.items = (Kind.JSON, None) if items.kind is Kind.JSON else (Kind.LIST, items)
        return shape


# A number of tokens is no secret, nor is a switch.
EXAMPLES: dict[Kind, object] = {Kind.INTEGER: 0, Kind.NUMBER: 0.0, Kind.BOOLEAN: True}


def _mark_secrets(shape: Shape, redactor: Redactor) -> None:
    """Secret here is what pages mask: one rule for what is typed and for what is shown."""
    for key, part in shape.properties.items():
        part.secret = shape.secret or redactor.rule(key, EXAMPLES.get(part.kind, "")) is not None
        _mark_secrets(part, redactor)
    if shape.items:
        shape.items.secret = shape.secret
        _mark_secrets(shape.items, redactor)


def _resolved(
    schema: Mapping[str, Any], root: Mapping[str, Any], seen: frozenset[str]
) -> tuple[dict[str, Any] | None, frozenset[str]]:
    """The schema with `$ref` and `allOf` of one merged in. None: it refers to itself, or to nothing that is known."""
    merged = dict(schema)
    refs: frozenset[str] = frozenset()
    while True:
        if "$ref" in merged:
            ref = str(merged.pop("$ref"))
            target = _target(ref, root)
            if ref in seen | refs or not isinstance(target, Mapping):
                return None, refs
            refs |= {ref}
            # Words beside the reference win. Its title is a class's name, and says nothing of this key.
            merged = {**{key: part for key, part in target.items() if key != "title"}, **merged}
        elif len(merged.get("allOf") or ()) == 1 and isinstance(merged["allOf"][0], Mapping):
            merged = {**merged.pop("allOf")[0], **merged}
        else:
            return merged, refs


def _target(ref: str, root: Mapping[str, Any]) -> object:
    if ref == "#":
        return root
    if not ref.startswith("#/"):
        return None
    found: object = root
    for part in ref[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def _without_null(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema of the values that are not null, and whether null is allowed beside them."""
    for word in ("anyOf", "oneOf"):
        parts = schema.get(word)
        if not isinstance(parts, list):
            continue
        others = [part for part in parts if not (isinstance(part, Mapping) and part.get("type") == "null")]
        rest = {key: value for key, value in schema.items() if key != word}
        if len(others) == 1 and isinstance(others[0], Mapping):
            return {**others[0], **rest}, len(others) < len(parts)
        if _is_number_or_text(others):
            numeric = next(part for part in others if part["type"] != "string")
            word = {"number": "decimal"}.get(numeric["type"], "integer or string")
            return {**numeric, **rest, "type": "number", "x-either": word}, len(others) < len(parts)
        return ({**rest, word: others}, True) if len(others) < len(parts) else (schema, False)
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        others = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": others[0] if len(others) == 1 else others}, True
    choices = schema.get("enum")
    if isinstance(choices, list) and None in choices and len(choices) > 1:
        return {**schema, "enum": [choice for choice in choices if choice is not None]}, True
    return schema, False


def _is_number_or_text(parts: list[Any]) -> bool:
    """Two alternatives that one line can hold: typed digits are a number, all else is text."""
    kinds = sorted(str(part.get("type")) for part in parts if isinstance(part, Mapping))
    return kinds in (["number", "string"], ["integer", "string"]) and not any("enum" in part for part in parts)


def _kind_of(schema: dict[str, Any], level: int) -> Kind:
    """The control of a schema whose references and null are gone."""
    if "const" in schema:
        return Kind.CONST
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return Kind.JSON if any(isinstance(choice, dict | list) for choice in choices) else Kind.CHOICE
    if any(word in schema for word in ("anyOf", "oneOf", "allOf", "not", "if")):
        # The words beside a union describe it, but its parts are what a value must fit.
        return Kind.JSON
    match schema.get("type") or ("object" if "properties" in schema else None):
        case "object":
            properties = schema.get("properties")
            fits = isinstance(properties, Mapping) and properties and "patternProperties" not in schema
            return Kind.OBJECT if fits and level < MAX_LEVELS else Kind.JSON
        case "array":
            return Kind.LIST if level < MAX_LEVELS and "prefixItems" not in schema else Kind.JSON
        case "number":
            return Kind.DECIMAL if schema.get("x-either") else Kind.NUMBER
        case kind:
            return _SCALAR_KINDS.get(str(kind), Kind.JSON)


def _parts_of(schema: object) -> int:
    """How many objects and lists a schema is made of."""
    count, waiting = 0, [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping | list):
            count += 1
            waiting += part.values() if isinstance(part, Mapping) else part
    return count


def label_of(key: str, title: str = "") -> str:
    """What a person calls a key: its title, in sentence case where Pydantic made it up from the key."""
    words = re.sub(r"[_\-\s]+", " ", key).strip()
    if title and title != words.title():
        return title
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", words)  # customerId, too
    spaced = spaced if spaced.isupper() else " ".join(w if w.isupper() else w.lower() for w in spaced.split())
    return spaced[:1].upper() + spaced[1:] if spaced else key.strip() or json.dumps(key)  # "": a label must be seen


def one_of(label: str) -> str:
    """A plural's singular, as far as English is regular: Lines, Line; Entries, Entry; anything else, Item."""
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if label.lower().endswith(ending):
            return label[: -len(ending)] + singular
    return label[:-1] if re.search(r"[^su]s$", label.lower()) else "Item"
