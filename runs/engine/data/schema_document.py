"""A JSON Schema document as a graph of subschemas, with every reference resolved inside the document.

Each subschema is one node, however often it is referred to, so that a walk over the graph is linear in the size of the
document. References that lead out of the document are refused here, before any other code sees the schema: nothing is
fetched and no file is opened.
Source: JSON Schema 2020-12, core, chapters 7 to 11, and what drafts 4 to 2019-09 say differently.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urljoin

from ..errors import InvalidWorkflow
from .text import clipped

MAX_NESTING = 150  # levels of JSON; the validator itself gives up at about 250
MAX_ITEMS = 200_000  # keys and list items of a whole document
MAX_IN_PLACE = 20_000  # subschemas that one value is judged by, counted once for each way that leads to them
NEWEST = 20
_DRAFTS = {
    "json-schema.org/draft-04/schema": 4,
    "json-schema.org/draft-06/schema": 6,
    "json-schema.org/draft-07/schema": 7,
    "json-schema.org/draft/2019-09/schema": 19,
    "json-schema.org/draft/2020-12/schema": 20,
    "json-schema.org/schema": 20,
}


class _Place(NamedTuple):
    """What a keyword has subschemas in, and the first and last draft that knows it so; None: not in that."""

    is_child: bool = False  # judges a part of the value
    single: tuple[int, int] | None = None
    listed: tuple[int, int] | None = None
    by_key: tuple[int, int] | None = None
    is_definition: bool = False  # judges nothing by itself


_PLACES = {
    "not": _Place(single=(4, 20)),
    "if": _Place(single=(7, 20)),
    "then": _Place(single=(7, 20)),
    "else": _Place(single=(7, 20)),
    "allOf": _Place(listed=(4, 20)),
    "anyOf": _Place(listed=(4, 20)),
    "oneOf": _Place(listed=(4, 20)),
    "dependentSchemas": _Place(by_key=(19, 20)),
    "dependencies": _Place(by_key=(4, 20)),
    "properties": _Place(is_child=True, by_key=(4, 20)),
    "patternProperties": _Place(is_child=True, by_key=(4, 20)),
    "additionalProperties": _Place(is_child=True, single=(4, 20)),
    "unevaluatedProperties": _Place(is_child=True, single=(19, 20)),
    "propertyNames": _Place(is_child=True, single=(6, 20)),
    "items": _Place(is_child=True, single=(4, 20), listed=(4, 19)),
    "prefixItems": _Place(is_child=True, listed=(20, 20)),
    "additionalItems": _Place(is_child=True, single=(4, 19)),
    "unevaluatedItems": _Place(is_child=True, single=(19, 20)),
    "contains": _Place(is_child=True, single=(6, 20)),
    "$defs": _Place(by_key=(4, 20), is_definition=True),
    "definitions": _Place(by_key=(4, 20), is_definition=True),
}
REFERENCES = (("$ref", 4, 20), ("$dynamicRef", 20, 20), ("$recursiveRef", 19, 19))


class SchemaNode:
    """One subschema that is an object; `true` and `false` have no node."""

    __slots__ = ("base", "children", "draft", "in_place", "pointer", "references", "schema")

    def __init__(self, schema: Mapping[str, object], pointer: str, base: str, draft: int) -> None:
        self.schema = schema
        self.pointer = pointer  # from the root of the document, such as /properties/a
        self.base = base  # URI that references within it are relative to
        self.draft = draft  # 4, 6, 7, 19 (2019-09) or 20 (2020-12)
        self.references: list[SchemaNode] = []
        self.in_place: list[SchemaNode] = []  # judged by the same value, references included
        self.children: list[SchemaNode] = []  # judged by a part of the value

    def get(self, keyword: str) -> object:
        """The value of a keyword; None where it is not there, or where the draft ignores it beside `$ref`."""
        if self.draft <= 7 and keyword != "$ref" and "$ref" in self.schema:
            return None
        return self.schema.get(keyword)


class SchemaDocument:
    """All subschemas of one document. Raises InvalidWorkflow for one that cannot be used, with the JSON Pointer."""

    def __init__(self, root: Mapping[str, object]) -> None:
        check_size(root)
        self.schema = root
        self.has_dynamic_scope = False
        self._nodes: dict[int, SchemaNode] = {}
        self._resources: dict[str, SchemaNode] = {}  # by URI without fragment
        self._anchors: dict[tuple[str, str], SchemaNode] = {}
        self._dynamic: dict[str, list[SchemaNode]] = {}  # by $dynamicAnchor
        self._unlinked: list[SchemaNode] = []
        self.root = SchemaNode(root, "", "", draft_of(root, NEWEST))
        self._resources[""] = self.root
        self._add(self.root)
        self._link()
        self._check_in_place()

    @property
    def nodes(self) -> list[SchemaNode]:
        """Every subschema, and whatever a reference leads to."""
        return list(self._nodes.values())

    def node(self, schema: object) -> SchemaNode | None:
        """The node of a subschema of this document; None for `true`, `false` and what is no schema."""
        return self._nodes.get(id(schema))

    def _add(self, start: SchemaNode) -> None:
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if id(node.schema) in self._nodes:
                continue
            self._nodes[id(node.schema)] = node
            self._unlinked.append(node)
            self._identify(node)
            for _, member, pointer in subschemas(node):
                draft = draft_of(member, node.draft)
                waiting.append(SchemaNode(member, node.pointer + pointer, node.base, draft))

    def _identify(self, node: SchemaNode) -> None:
        """Note the names that others can refer to the node by. An unknown dialect is refused: others fetch it."""
        dialect = node.schema.get("$schema")
        if isinstance(dialect, str) and draft_of(node.schema, 0) == 0:
            known = "JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12"
            raise broken(f"{node.pointer}/$schema", f"{_shortened(dialect)} is not a known dialect; write {known}")
        identifier = node.get("$id" if node.draft > 4 else "id")
        if isinstance(identifier, str):
            uri, _, fragment = _absolute(node.base, identifier).partition("#")
            if fragment and node.draft <= 7:
                self._anchors[(node.base, fragment)] = node
            if uri and not identifier.startswith("#"):
                node.base = uri
                self._resources.setdefault(uri, node)
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = node.schema.get(keyword)
            if isinstance(name, str) and node.draft >= 19:
                self._anchors[(node.base, name)] = node
                if keyword == "$dynamicAnchor":
                    self._dynamic.setdefault(name, []).append(node)
        if node.schema.get("$recursiveAnchor") is True:
            self._dynamic.setdefault("", []).append(node)

    def _link(self) -> None:
        """Connect the nodes. A reference may lead to a place that no keyword names: that becomes a node, too."""
        while self._unlinked:
            node = self._unlinked.pop()
            for keyword, first, last in REFERENCES:
                if first <= node.draft <= last and (reference := node.get(keyword)) is not None:
                    self._link_reference(node, keyword, reference)
        for node in self._nodes.values():
            node.in_place = list(node.references)
            for place, member, _ in subschemas(node):
                if not place.is_definition:
                    (node.children if place.is_child else node.in_place).append(self._nodes[id(member)])

    def _link_reference(self, node: SchemaNode, keyword: str, reference: object) -> None:
        if not isinstance(reference, str):
            raise broken(f"{node.pointer}/{keyword}", "a reference is a text")
        target = self._target(node, keyword, reference)
        if target is not None:
            node.references.append(target)
        if keyword != "$ref":
            self.has_dynamic_scope = True
            name = reference.partition("#")[2]
            node.references += [each for each in self._dynamic.get(name, ()) if each is not target]

    def _target(self, node: SchemaNode, keyword: str, reference: str) -> SchemaNode | None:
        uri, _, fragment = _absolute(node.base, reference).partition("#")
        resource = self._resources.get(uri)
        at = f"{node.pointer}/{keyword}"
        if resource is None:
            words = (
                f"{_shortened(reference)} leads out of the schema. Only references into the schema itself are followed"
            )
            raise broken(at, f"{words}; copy what it leads to into $defs")
        if not fragment:
            return resource
        fragment = unquote(fragment)
        if not fragment.startswith("/"):
            if (anchored := self._anchors.get((resource.base, fragment))) is None:
                raise broken(at, f"{_shortened(reference)} leads to nothing")
            return anchored
        return self._at_pointer(resource, fragment, at, reference)

    def _at_pointer(self, resource: SchemaNode, fragment: str, at: str, reference: str) -> SchemaNode | None:
        found: object = resource.schema
        nearest = resource
        for part in fragment[1:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdecimal() and len(part) < 7 and int(part) < len(found):
                found = found[int(part)]
            else:
                raise broken(at, f"{_shortened(reference)} leads to nothing")
            nearest = self._nodes.get(id(found), nearest)
        if isinstance(found, bool):
            return None
        if not isinstance(found, Mapping):
            raise broken(at, f"{_shortened(reference)} leads to something that is no schema")
        if id(found) not in self._nodes:
            self._add(SchemaNode(found, resource.pointer + fragment, nearest.base, nearest.draft))
        return self._nodes[id(found)]

    def _check_in_place(self) -> None:
        """Refuse what would judge one value without end, or by more subschemas than time allows."""
        for node, ways in count_ways(self.nodes, lambda node: node.in_place).items():
            if ways is None:
                raise broken(node.pointer, "refers to itself for the same value, so that no validation would end")
            if ways > MAX_IN_PLACE:
                words = f"judges one value by more than {MAX_IN_PLACE:,} subschemas, since references multiply"
                raise broken(node.pointer, words)


def subschemas(node: SchemaNode) -> Iterator[tuple[_Place, dict[str, object], str]]:
    """The subschemas right within a node: where they are, the subschema, its pointer from the node."""
    only_definitions = node.draft <= 7 and "$ref" in node.schema
    for keyword, value in node.schema.items():
        place = _PLACES.get(keyword)
        if place is None or (only_definitions and not place.is_definition):
            continue
        if isinstance(value, dict):
            if _knows(place.single, node):
                yield place, value, f"/{keyword}"
            elif _knows(place.by_key, node):
                for name, member in value.items():
                    if isinstance(member, dict):
                        yield place, member, f"/{keyword}/{pointer_part(name)}"
        elif isinstance(value, list) and _knows(place.listed, node):
            for index, member in enumerate(value):
                if isinstance(member, dict):
                    yield place, member, f"/{keyword}/{index}"


def _knows(drafts: tuple[int, int] | None, node: SchemaNode) -> bool:
    return drafts is not None and drafts[0] <= node.draft <= drafts[1]


def count_ways(
    nodes: Iterable[SchemaNode], edges: Callable[[SchemaNode], list[SchemaNode]]
) -> dict[SchemaNode, int | None]:
    """By node: how many ways lead down from it, itself included; None where one leads back. Linear in the edges.

    In the order in which they are counted: the first None is the node whose edge leads back.
    """
    ways: dict[SchemaNode, int | None] = {}
    on_way: set[SchemaNode] = set()
    for start in nodes:
        stack = [start]
        while stack:
            node = stack[-1]
            if node in ways:
                stack.pop()
            elif node in on_way:  # all below is counted, or leads back
                ways[node] = _sum_of_ways([ways.get(inner) for inner in edges(node)])
                on_way.discard(node)
                stack.pop()
            else:
                on_way.add(node)
                stack += [inner for inner in edges(node) if inner not in ways and inner not in on_way]
    return ways


def recursive_nodes(start: SchemaNode, edges: Callable[[SchemaNode], list[SchemaNode]]) -> frozenset[SchemaNode]:
    """The nodes that a walk from the start comes back to from below."""
    done: set[SchemaNode] = set()
    on_way: set[SchemaNode] = set()
    recursive: set[SchemaNode] = set()
    stack = [start]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif node in on_way:
            on_way.discard(node)
            done.add(node)
            stack.pop()
        else:
            on_way.add(node)
            below = edges(node)
            recursive.update(inner for inner in below if inner in on_way)
            stack += [inner for inner in reversed(below) if inner not in done and inner not in on_way]
    return frozenset(recursive)


def _sum_of_ways(below: list[int | None]) -> int | None:
    known = [each for each in below if each is not None]
    return min(1 + sum(known), 10**18) if len(known) == len(below) else None


def check_size(root: object) -> None:
    """Refuse a document that is nested too deeply or too large to be walked. Raises InvalidWorkflow."""
    waiting: list[tuple[object, int, tuple[object, ...]]] = [(root, 0, ())]
    items = 0
    while waiting:
        value, depth, path = waiting.pop()
        if not isinstance(value, Mapping | list | tuple):
            continue
        items += len(value)
        if depth > MAX_NESTING or items > MAX_ITEMS:
            pointer = "".join(f"/{pointer_part(part)}" for part in path[:6]) + ("/…" if len(path) > 6 else "")
            limit = f"{MAX_NESTING} levels" if depth > MAX_NESTING else f"{MAX_ITEMS:,} keys and items"
            raise broken(pointer, f"has more than {limit}")
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, inner in pairs:
            if isinstance(inner, Mapping | list | tuple):
                waiting.append((inner, depth + 1, (*path, key) if depth < 7 else path))


def draft_of(schema: Mapping[str, object], default: int) -> int:
    """The draft that `$schema` names, or the default."""
    named = schema.get("$schema")
    if not isinstance(named, str):
        return default
    return _DRAFTS.get(named.partition("://")[2].rstrip("#"), default)


def pointer_part(name: object) -> str:
    """A key as a part of a JSON Pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


def broken(pointer: str, reason: str) -> InvalidWorkflow:
    """The refusal of a schema, with the place in it."""
    return InvalidWorkflow(f"The JSON Schema is broken at {pointer or 'its root'}: {reason}.")


def _absolute(base: str, reference: str) -> str:
    """Return the URI of a reference. `urljoin` alone leaves fragments of a `urn:` alone."""
    if reference.startswith("#"):
        return base + reference
    return urljoin(base, reference)


def _shortened(text: str) -> str:
    return repr(clipped(text, 100))
