"""A JSON value as a tree: a page writes as much as a reader can take in; the rest is asked for by its path."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor

from .figures import byte_size, count, grouped

MOST_TWIGS = 200  # written at once
MOST_CHILDREN = 100  # of one object or array; the next ones are asked for
DEEPEST_AT_ONCE = 5  # levels
SMALL = 12  # members of a container that is open at first
LONGEST_TEXT = 4_096  # characters of one text; beyond, it is cut
LARGEST_TREE = 1_048_576  # bytes; beyond, only size, type and top-level keys are shown
LARGEST_COPY = 32_768  # bytes that the copy button carries in the page
# Characters that turn the reading direction could make a value look like another one.
TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")

Href = Callable[[str, int], str]  # (JSON pointer, first child) -> address of that part
BRANCH = (Mapping, list, tuple)  # the types of values that have members


@dataclass(slots=True)
class Twig:
    """One member of an object or array. `children` is None while they have to be asked for at `href`."""

    key: str
    pointer: str
    kind: str  # text, num, lit, masked, branch, more
    text: str = ""
    note: str = ""
    href: str = ""
    children: list["Twig"] | None = None
    is_open: bool = False
    is_index: bool = False


@dataclass(slots=True)
class ShownValue:
    """A value with all that a page says of it. `is_absent`: there is none, which differs from null."""

    is_absent: bool = False
    size: int = 0  # bytes of its JSON
    kind: str = ""  # "object, 4 keys"
    is_large: bool = False
    twigs: list[Twig] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)  # top-level ones, of a large object
    copy: str = ""  # the JSON that the copy button gives; "" when it is too large
    href: str = ""

    @property
    def words(self) -> str:
        return byte_size(self.size)


def show_value(value: object, redactor: Redactor, href: Href, *, pointer: str = "") -> ShownValue:
    """The value, ready to be written. Secrets never reach the result, not even its copy."""
    if value is UNSET:
        return ShownValue(is_absent=True)
    encoded = encode(value)
    shown = ShownValue(size=len(encoded), kind=describe(value), href=href(pointer, 0))
    if shown.size > LARGEST_TREE:
        shown.is_large = True
        if isinstance(value, Mapping):
            shown.keys = [str(key) for key, _ in zip(value, range(50), strict=False)]
        return shown
    if shown.size <= LARGEST_COPY:
        shown.copy = orjson.dumps(redactor.apply(value), option=orjson.OPT_INDENT_2).decode()
    shown.twigs = grow(value, redactor, href, pointer=pointer)
    return shown


def grow(value: object, redactor: Redactor, href: Href, *, pointer: str = "", first: int = 0) -> list[Twig]:
    """The members of a value from number `first` on, those nearest the root first, until the page has enough."""
    if not isinstance(value, BRANCH):
        return [_leaf("", pointer, value, redactor, href)]
    roots = _members(value, pointer, redactor, href, first)
    wait = deque((twig, child, 1) for twig, child in roots if twig.kind == "branch" and isinstance(child, BRANCH))
    written = len(roots)
    while wait:
        twig, child, depth = wait.popleft()
        members = min(len(child), MOST_CHILDREN)
        if depth > DEEPEST_AT_ONCE or written + members > MOST_TWIGS:
            continue
        grown = _members(child, twig.pointer, redactor, href, 0)
        twig.children = [member for member, _ in grown]
        twig.is_open = depth == 1 and len(child) <= SMALL and len(roots) <= SMALL
        written += len(grown)
        wait.extend(
            (member, inner, depth + 1)
            for member, inner in grown
            if member.kind == "branch" and isinstance(inner, BRANCH)
        )
    return [twig for twig, _ in roots]


def _members(
    value: Sequence | Mapping, pointer: str, redactor: Redactor, href: Href, first: int
) -> list[tuple[Twig, object]]:
    """Each child with its twig; past MOST_CHILDREN of them, one twig that asks for the next ones."""
    grown = []
    for key, child in _children(value, first, first + MOST_CHILDREN):
        inner = f"{pointer}/{escape_pointer(key)}"
        rule = redactor.rule(key, child) if isinstance(value, Mapping) else None
        if rule is not None:
            twig = Twig(key, inner, "masked", f"masked: {rule}")
        else:
            twig = _leaf(key, inner, child, redactor, href)
        twig.is_index = not isinstance(value, Mapping)
        grown.append((twig, child))
    rest = len(value) - first - len(grown)
    if rest > 0:
        text = f"Show {grouped(min(rest, MOST_CHILDREN))} more of {grouped(len(value))}"
        grown.append((Twig("", pointer, "more", text, href=href(pointer, first + len(grown))), None))
    return grown


def _children(value: Sequence | Mapping, first: int, end: int) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for index, (key, child) in enumerate(value.items()):
            if index >= end:
                return
            if index >= first:
                yield str(key), child
    else:
        for index in range(first, min(end, len(value))):
            yield str(index), value[index]


def _leaf(key: str, pointer: str, value: object, redactor: Redactor, href: Href) -> Twig:
    if isinstance(value, BRANCH):
        empty = "{}" if isinstance(value, Mapping) else "[]"
        if not value:
            return Twig(key, pointer, "lit", empty)
        return Twig(key, pointer, "branch", note=_size_of(value), href=href(pointer, 0))
    if isinstance(value, str):
        return _text(key, pointer, value, href)
    kind = "lit" if value is None or isinstance(value, bool) else "num"
    return Twig(key, pointer, kind, encode(value).decode())


def _text(key: str, pointer: str, value: str, href: Href) -> Twig:
    cut = value[:LONGEST_TEXT]
    shown = TURNING.sub(lambda match: f"\\u{ord(match[0]):04x}", encode(cut).decode())
    if len(value) <= LONGEST_TEXT:
        return Twig(key, pointer, "text", shown)
    size = byte_size(len(value.encode()))
    return Twig(key, pointer, "text", shown, f"first {grouped(LONGEST_TEXT)} characters of {size}", href(pointer, 0))


def is_branch(value: object) -> bool:
    return isinstance(value, BRANCH)


def _size_of(value: Sequence | Mapping) -> str:
    return count(len(value), "key") if isinstance(value, Mapping) else count(len(value), "item")


def describe(value: object) -> str:
    """A value's type, with the number of its members: `object, 4 keys`."""
    if isinstance(value, Mapping):
        return f"object, {_size_of(value)}"
    if isinstance(value, list | tuple):
        return f"array, {_size_of(value)}"
    if isinstance(value, str):
        return f"text, {count(len(value), 'character')}"
    return "null" if value is None else "boolean" if isinstance(value, bool) else "number"


def encode(value: object) -> bytes:
    """The value's JSON as it is stored: integers whole, fractions to their last digit."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


# --- Pointers -------------------------------------------------------------------------------------


class NoSuchPart(LookupError):
    """The value has nothing at this JSON pointer."""


class MaskedPart(LookupError):
    """The pointer leads into what is hidden."""


def escape_pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def part_of(value: object, pointer: str, redactor: Redactor) -> object:
    """Return the value at a JSON pointer. Raises NoSuchPart; raises MaskedPart where a key on the way is a secret's."""
    if not pointer:
        return value
    if not pointer.startswith("/"):
        raise NoSuchPart(pointer)
    for part in pointer[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and key in value:
            if redactor.rule(key, value[key]) is not None:
                raise MaskedPart(pointer)
            value = value[key]
        elif isinstance(value, list | tuple) and key.isdecimal() and len(key) < 12 and int(key) < len(value):
            value = value[int(key)]
        else:
            raise NoSuchPart(pointer)
    return value
