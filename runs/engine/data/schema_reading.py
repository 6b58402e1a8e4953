"""Fills in the defaults of a valid value, and drops keys that no part of its schema knows.

All subschemas that apply to a value contribute together: those of `allOf`, `$ref`, `dependentSchemas`, of `if` and what
follows from it, and of `anyOf` and `oneOf` those that the value satisfies. Where an object is described by
`properties` alone, keys outside them are dropped, as the Zod library does it. A key stays that any part names, or that
a pattern or `additionalProperties` admits. A document that names its dialect by `$schema` means what the standard
says, by which other keys are admitted everywhere: it drops nothing.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import NamedTuple

from . import schema_patterns
from .json_types import types_of
from .schema_document import SchemaDocument, SchemaNode

IsValid = Callable[[SchemaNode, object], bool]  # whether a value satisfies a subschema

# A part with one of these says itself which other keys there may be.
_OPEN = ("additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames")
_MAPS_OF_NAMES = ("properties", "dependentSchemas", "dependencies", "dependentRequired")


class SchemaReader:
    """How one document reads values that it was found to fit."""

    def __init__(self, document: SchemaDocument, is_valid: IsValid) -> None:
        self._document = document
        self._is_valid = is_valid
        self._defaults: dict[SchemaNode, dict[str, object]] = {}  # of the properties of a subschema
        self._may_drop = not document.has_dynamic_scope and "$schema" not in document.schema
        for node in document.nodes:
            if found := self._defaults_of(node):
                self._defaults[node] = found
        self._busy = self._nodes_with_work()
        self._plans = {node: plan for node in self._busy if (plan := self._plan(node)) is not None}

    @property
    def changes_nothing(self) -> bool:
        """Whether no value is ever read as another one."""
        return self._document.root not in self._busy

    def read(self, value: object, *, drops: bool) -> object:
        """The value with defaults; with `drops`, without unknown keys. Parts that are changed are new objects."""
        return _Reading(self, drops=drops and self._may_drop).read([self._document.root], value)

    def default(self) -> object:
        """The default of the whole value. Raises KeyError when there is none."""
        return copied(self._document.root.schema["default"])

    def _defaults_of(self, node: SchemaNode) -> dict[str, object]:
        properties = node.get("properties")
        found: dict[str, object] = {}
        for key, inner in properties.items() if isinstance(properties, Mapping) else ():
            property_node = self._document.node(inner)
            source = property_node and _with_default(property_node)
            # A default that its own schema refuses would make the value invalid.
            if property_node and source and self._is_valid(property_node, source.schema["default"]):
                found[key] = source.schema["default"]
        return found

    def _nodes_with_work(self) -> set[SchemaNode]:
        """The subschemas in or below which something may be filled in or dropped."""
        above: dict[SchemaNode, list[SchemaNode]] = {}
        for node in self._document.nodes:
            for inner in (*node.in_place, *node.children):
                above.setdefault(inner, []).append(node)
        busy: set[SchemaNode] = set()
        waiting = [
            node
            for node in self._document.nodes
            if node in self._defaults or (self._may_drop and isinstance(node.get("properties"), Mapping))
        ]
        while waiting:
            node = waiting.pop()
            if node not in busy:
                busy.add(node)
                waiting += above.get(node, ())
        return busy

    def _plan(self, node: SchemaNode) -> "_Plan | None":
        """How objects are read that this subschema alone describes; None when more than `properties` has a say."""
        if node.in_place or any(node.get(keyword) is not None for keyword in _OPEN[1:]):
            return None
        properties = node.get("properties")
        named = properties.items() if isinstance(properties, Mapping) else ()
        return _Plan(
            {key: self._busy_only(inner) for key, inner in named},
            self._busy_only(node.get("additionalProperties")),
            frozenset(_named([node])) if self._may_drop and _is_closed([node]) else None,
            self._defaults.get(node, {}),
        )

    def _busy_only(self, schema: object) -> list[SchemaNode] | None:
        node = self._document.node(schema)
        return None if node is None or node not in self._busy else [node]

    def applicable(self, nodes: list[SchemaNode], value: object) -> list[SchemaNode]:
        """These subschemas and all that they apply to the same value, each once."""
        found: dict[SchemaNode, None] = {}
        waiting = nodes[::-1]
        while waiting:
            node = waiting.pop()
            if node in found:
                continue
            found[node] = None
            waiting += reversed(self._applied(node, value))
        return list(found)

    def _applied(self, node: SchemaNode, value: object) -> list[SchemaNode]:
        if not node.in_place:
            return []
        known = self._document.node
        applied = list(node.references)
        for keyword in ("allOf", "anyOf", "oneOf"):
            members = node.get(keyword)
            for member in members if isinstance(members, list) else ():
                inner = known(member)
                if inner is not None and (keyword == "allOf" or self._is_valid(inner, value)):
                    applied.append(inner)
        if node.draft >= 7 and (condition := node.get("if")) is not None:
            tested = known(condition)
            holds = condition is True if tested is None else self._is_valid(tested, value)
            applied += [
                inner for inner in (tested if holds else None, known(node.get("then" if holds else "else"))) if inner
            ]
        if isinstance(value, Mapping):
            for keyword in ("dependentSchemas", "dependencies"):
                by_key = node.get(keyword)
                for key, member in by_key.items() if isinstance(by_key, Mapping) else ():
                    if key in value and (inner := known(member)) is not None:
                        applied.append(inner)
        return applied


class _Plan(NamedTuple):
    below: dict[str, list[SchemaNode] | None]  # by key; None where nothing changes
    rest: list[SchemaNode] | None  # of other keys
    names: frozenset[str] | None  # other keys are dropped; None: none is
    defaults: dict[str, object]


class _Reading:
    """One reading of one value."""

    def __init__(self, reader: SchemaReader, *, drops: bool) -> None:
        self._reader = reader
        self._document = reader._document
        self._drops = drops

    def read(self, nodes: list[SchemaNode], value: object) -> object:
        if not isinstance(value, dict | list | tuple) or self._reader._busy.isdisjoint(nodes):
            return value
        if len(nodes) == 1 and isinstance(value, dict) and (plan := self._reader._plans.get(nodes[0])) is not None:
            return self._read_by(plan, value)
        nodes = self._reader.applicable(nodes, value)
        return self._read_object(nodes, value) if isinstance(value, dict) else self._read_array(nodes, value)

    def _read_object(self, nodes: list[SchemaNode], value: dict[str, object]) -> dict[str, object]:
        names = _named(nodes) if self._drops and _is_closed(nodes) else None
        result: dict[str, object] = {}
        for key, item in value.items():
            if names is None or key in names:
                result[key] = self.read([inner for node in nodes for inner in self._for_key(node, key)], item)
        for node in nodes:
            for key, default in self._reader._defaults.get(node, {}).items():
                if key not in result:
                    result[key] = copied(default)
        return result

    def _read_by(self, plan: _Plan, value: dict[str, object]) -> dict[str, object]:
        names = plan.names if self._drops else None
        result: dict[str, object] = {}
        for key, item in value.items():
            if names is None or key in names:
                nodes = plan.below.get(key, plan.rest)
                result[key] = item if nodes is None else self.read(nodes, item)
        for key, default in plan.defaults.items():
            if key not in result:
                result[key] = copied(default)
        return result

    def _for_key(self, node: SchemaNode, key: str) -> list[SchemaNode]:
        found: list[object] = []
        properties = node.get("properties")
        patterns = node.get("patternProperties")
        if isinstance(properties, Mapping) and key in properties:
            found.append(properties[key])
        if isinstance(patterns, Mapping):
            found += [inner for pattern, inner in patterns.items() if schema_patterns.matches(pattern, key)]
        if not found:
            found = [node.get("additionalProperties")]
        if found == [None] and node.draft >= 19:
            found = [node.get("unevaluatedProperties")]
        return [inner for each in found if (inner := self._document.node(each)) is not None]

    def _read_array(self, nodes: list[SchemaNode], value: list[object] | tuple[object, ...]) -> list[object]:
        return [
            self.read([inner for node in nodes if (inner := self._for_index(node, index)) is not None], item)
            for index, item in enumerate(value)
        ]

    def _for_index(self, node: SchemaNode, index: int) -> SchemaNode | None:
        listed, rest = node.get("prefixItems"), node.get("items")
        if node.draft < 20:
            listed, rest = (rest, node.get("additionalItems")) if isinstance(rest, list) else (None, rest)
        if isinstance(listed, list) and index < len(listed):
            return self._document.node(listed[index])
        return self._document.node(rest if rest is not None else node.get("unevaluatedItems"))


def copied(value: object) -> object:
    """A value of its own: steps may change what they get."""
    return deepcopy(value) if isinstance(value, dict | list) else value


def _with_default(start: SchemaNode) -> SchemaNode | None:
    """The first of the subschemas that apply to any value at that place, and has a default."""
    seen: set[SchemaNode] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.get("default") is not None or (
            "default" in node.schema and (node.draft > 7 or "$ref" not in node.schema)
        ):
            return node
        members = node.get("allOf")
        parts = members if isinstance(members, list) else ()
        applied = [*node.references, *(inner for inner in node.in_place if any(inner.schema is part for part in parts))]
        waiting += reversed(applied)
    return None


def _is_closed(nodes: list[SchemaNode]) -> bool:
    """Whether the object is described by properties, and no part says that there may be others."""
    described = False
    for node in nodes:
        if any(node.get(keyword) is not None for keyword in _OPEN):
            return False
        described |= "object" in types_of(node.schema) and isinstance(node.get("properties"), Mapping)
    return described


def _named(nodes: list[SchemaNode]) -> set[str]:
    """Every key that a part names."""
    names: set[str] = set()
    for node in nodes:
        for keyword in _MAPS_OF_NAMES:
            if isinstance(by_key := node.get(keyword), Mapping):
                names.update(by_key)
                for required in by_key.values():
                    names.update(required if isinstance(required, list) and keyword != "properties" else ())
        required = node.get("required")
        names.update(required if isinstance(required, list) else ())
    return names
