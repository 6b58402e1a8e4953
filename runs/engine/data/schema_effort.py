"""What it may cost to validate a value, counted before it is done.

A validator judges a part of a value once for each way that leads through the schema to it. With references that
branch, the ways multiply at each level of the value: a schema of 40 lines and a value of 40 levels take hours, in
which the interpreter lock is held. Here each pair of subschema and part is looked at once, whatever leads to it.
jsonschema-rs remembers what a recursive reference found out about a part (measured with 0.60.3), so that recursion by
itself is cheap; it does not when it collects errors.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from . import schema_patterns
from .schema_document import SchemaDocument, SchemaNode, broken, count_ways, recursive_nodes

MAX_EFFORT = schema_patterns.MAX_COST  # units of about 50 ns at most, most often 5 ns
MAX_PAIRS = 1_000_000  # of subschema and part of the value
MAX_EXPLAINED = 20_000  # units; to word what is wrong takes a thousand times longer than to find out that it is
_COST_OF_REGEX = 4_000  # to compile one character of a regular expression that is the value


class Effort(NamedTuple):
    """Units that it takes at most to judge a value, and to collect all errors of it."""

    units: int
    expanded: int  # recursive references are followed again on each way


class SchemaEffort:
    """The bound of one document. Raises InvalidWorkflow for patterns that are broken or too large."""

    def __init__(self, document: SchemaDocument) -> None:
        self._document = document
        self._has_texts = False  # whether any text costs more than a look
        self._ways = count_ways(document.nodes, _edges)[document.root]
        self._recursive = recursive_nodes(document.root, _edges)
        programs = 0
        dearest = 1
        for node in document.nodes:
            self._has_texts |= node.get("format") == "regex"
            for pattern, at in _patterns(node):
                found = schema_patterns.program(pattern)
                if found is None:
                    raise broken(node.pointer + at, "the pattern is no regular expression, or too large a one")
                programs += found[0] if found[0] > 4_000 else 0
                dearest = max(dearest, schema_patterns.cost(pattern, 1))
                self._has_texts = True
                if programs > schema_patterns.MAX_PROGRAMS:
                    raise broken(node.pointer + at, "the patterns of the schema are too large together")
        self._dearest = max(dearest, _COST_OF_REGEX) if self._has_texts else 1

    def of(self, value: object) -> Effort | None:
        """What validation takes at most; None when that is too much."""
        if self._ways is not None:
            most = MAX_EFFORT // self._ways
            size = _size(value, self._dearest if self._has_texts else 0, most)
            if size <= most:
                return Effort(self._ways * size, self._ways * size)
        try:
            found = _Count(self._document, self._recursive).of(self._document.root, value)
        except (RecursionError, _TooMuch):
            return None
        return found if found.units <= MAX_EFFORT else None


class _TooMuch(Exception):
    """There are more pairs than can be counted in time."""


class _Count:
    def __init__(self, document: SchemaDocument, recursive: frozenset[SchemaNode]) -> None:
        self._document = document
        self._recursive = recursive
        self._known: dict[tuple[int, int], Effort] = {}

    def of(self, node: SchemaNode, value: object) -> Effort:
        pair = (id(node), id(value))
        if (known := self._known.get(pair)) is not None:
            return Effort(1, known.expanded) if node in self._recursive else known
        if len(self._known) >= MAX_PAIRS:
            raise _TooMuch
        units = expanded = 0
        for inner in node.in_place:
            below = self.of(inner, value)
            units, expanded = units + below.units, expanded + below.expanded
        if "unevaluatedProperties" in node.schema or "unevaluatedItems" in node.schema:
            units, expanded = 2 * units, 2 * expanded  # the validator looks again at what they have not judged
        own = 1
        parts: Iterable[tuple[SchemaNode, object]] = ()
        if isinstance(value, str):
            own += _text_cost(node, value)
        elif isinstance(value, Mapping):
            own += len(value) + sum(schema_patterns.cost(name, len(key)) for name in _names(node) for key in value)
            parts = self._below_object(node, value)
        elif isinstance(value, list | tuple):
            own += len(value)
            parts = self._below_array(node, value)
        for inner, part in parts:
            below = self.of(inner, part)
            units, expanded = units + below.units, expanded + below.expanded
        self._known[pair] = found = Effort(min(units + own, 10**15), min(expanded + own, 10**15))
        return found

    def _below_object(self, node: SchemaNode, value: Mapping[str, object]) -> Iterator[tuple[SchemaNode, object]]:
        properties = node.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if (inner := self._document.node(node.get(keyword))) is not None:
                yield from ((inner, value[key]) for key in value if key not in properties)
        for key in properties if len(properties) < len(value) else value:
            if key in value and (inner := self._document.node(properties.get(key))) is not None:
                yield inner, value[key]
        for name in _names(node):
            patterns = node.get("patternProperties")
            if isinstance(patterns, Mapping) and (inner := self._document.node(patterns[name])) is not None:
                yield from ((inner, value[key]) for key in value)
        if (inner := self._document.node(node.get("propertyNames"))) is not None:
            for key in value:
                yield inner, key

    def _below_array(
        self, node: SchemaNode, value: list[object] | tuple[object, ...]
    ) -> Iterator[tuple[SchemaNode, object]]:
        for keyword in ("items", "additionalItems", "contains", "unevaluatedItems"):
            if (inner := self._document.node(node.get(keyword))) is not None:
                yield from ((inner, item) for item in value)
        for keyword in ("prefixItems", "items"):
            listed = node.get(keyword)
            if isinstance(listed, list):
                for member, item in zip(listed, value, strict=False):
                    if (inner := self._document.node(member)) is not None:
                        yield inner, item


def _edges(node: SchemaNode) -> list[SchemaNode]:
    twice = "unevaluatedProperties" in node.schema or "unevaluatedItems" in node.schema
    return node.in_place * (2 if twice else 1) + node.children


def _names(node: SchemaNode) -> list[str]:
    patterns = node.get("patternProperties")
    return list(patterns) if isinstance(patterns, Mapping) else []


def _patterns(node: SchemaNode) -> Iterator[tuple[str, str]]:
    """The regular expressions of a subschema, each with its place in it."""
    if isinstance(pattern := node.get("pattern"), str):
        yield pattern, "/pattern"
    for name in _names(node):
        yield name, f"/patternProperties/{name}"


def _text_cost(node: SchemaNode, text: str) -> int:
    pattern = node.get("pattern")
    units = schema_patterns.cost(pattern, len(text)) if isinstance(pattern, str) else 0
    return units + (_COST_OF_REGEX * len(text) if node.get("format") == "regex" else 0)


def _size(value: object, weight_of_text: int, most: int) -> int:
    """How many parts a value has, with its texts by their weight; counting ends where it is more than `most`."""
    size = 0
    waiting = [value]
    while waiting and size <= most:
        part = waiting.pop()
        size += 1
        if isinstance(part, str):
            size += weight_of_text * len(part)
        elif isinstance(part, Mapping):
            waiting += part.values()
            size += weight_of_text * sum(map(len, part)) if weight_of_text else 0
        elif isinstance(part, list | tuple):
            waiting += part
    return size
