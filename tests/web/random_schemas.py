"""Random JSON Schemas, each with a value that is valid for it: what a form has to give back as it was."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

AWKWARD_KEYS = [
    'say "hi"', "line\nbreak", "carriage\rreturn", "tab\there", "", " ", " padded ", "\u00a0", "a/b~c.d", "~others",
    "~0", "100%", "%22", "a\\b", "a\\\\b", "x;y=z&w", "<b>&amp;", "__proto__", "__row0__", "__row1__/k", "0", "größe",
    "😀", "\x7f\x85\u2028", "k" * 300, "ключ" * 60, "name", "value", "text", "mode", "e", "h", "l", "card_token",
]  # fmt: skip
KEYS = st.sampled_from(AWKWARD_KEYS) | st.text(st.characters(codec="utf-8"), max_size=6)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\nfirst",
        "a\r\nb",
        "a\rb",
        "tab\t",
        "\x00",
        "null",
        "Not sent",
        "__row0__",
        "<b>&#10;\"'",
        "é\u2028",
    ]
)
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 2**53 + 1, 2**63 - 1, -(2**63)])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | INTEGERS | st.sampled_from([0.1, 1e300, 5e-324, 1.0])
ANY = st.recursive(
    st.none() | st.booleans() | INTEGERS | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
MISSING = object()


@dataclass(frozen=True, slots=True)
class Part:
    """A schema, and what draws a value of it."""

    schema: object
    value: Callable[[st.DrawFn], object]


def _of(schema: object, values: st.SearchStrategy) -> Part:
    return Part(schema, lambda draw: draw(values))


FORMATS = {
    "date": st.dates().map(str),
    "uuid": st.uuids().map(str),
    "email": st.just("a@example.org"),
    "date-time": st.datetimes().map(lambda at: at.isoformat() + "Z"),
    "textarea": TEXTS,
    "multiline": TEXTS,
}


@st.composite
def _scalar(draw: st.DrawFn) -> Part:
    match draw(st.integers(0, 9)):
        case 0:
            return _of({"type": "string"}, TEXTS)
        case 1:
            return _of({"type": "integer"}, INTEGERS)
        case 2:
            return _of({"type": "number"}, NUMBERS)
        case 3:
            return _of({"type": "boolean"}, st.booleans())
        case 4:
            name = draw(st.sampled_from(sorted(FORMATS)))
            return _of({"type": "string", "format": name}, FORMATS[name])
        case 5:
            scalars = st.none() | st.booleans() | INTEGERS | NUMBERS | TEXTS
            choices = draw(st.lists(draw(st.sampled_from([TEXTS, scalars])), min_size=1, max_size=5, unique_by=repr))
            return _of({"enum": choices}, st.sampled_from(choices))
        case 6:
            many = [f"choice {number}" for number in range(60)]
            many[3] = draw(TEXTS | st.just("plain")) or "plain"
            return _of({"enum": many}, st.sampled_from(many))
        case 7:
            fixed = draw(ANY)
            return _of({"const": fixed}, st.just(fixed))
        case 8:
            kind = draw(st.sampled_from(["number", "integer"]))
            texts = st.just("12") | st.just("18.90") | TEXTS
            return _of({"anyOf": [{"type": kind}, {"type": "string"}]}, texts | INTEGERS)
    return _of(draw(st.sampled_from([{}, True])), ANY)


@st.composite
def parts(draw: st.DrawFn, depth: int = 3) -> Part:
    kinds = ["scalar", "object", "object", "list", "list", "nullable", "union", "map", "tuple"]
    kind = "scalar" if depth == 0 else draw(st.sampled_from(kinds))
    inner = parts(depth=depth - 1)
    match kind:
        case "object":
            part = draw(_object(inner))
        case "list":
            item = draw(inner)
            part = Part(
                {"type": "array", "items": item.schema},
                lambda draw: [item.value(draw) for _ in range(draw(st.integers(0, 3)))],
            )
        case "nullable":
            part = draw(_nullable(inner))
        case "union":
            part = draw(_union(inner))
        case "map":
            item = draw(inner)
            word = draw(st.sampled_from(["additionalProperties", "patternProperties"]))
            schema = {"type": "object", word: item.schema if word[0] == "a" else {"": item.schema}}
            part = Part(schema, lambda draw: {key: item.value(draw) for key in draw(st.lists(KEYS, max_size=3))})
        case "tuple":
            first, rest = draw(inner), draw(inner)
            schema = {"type": "array", "prefixItems": [first.schema], "items": rest.schema}
            part = Part(schema, lambda draw: [first.value(draw), rest.value(draw)])
        case _:
            part = draw(_scalar())
    return draw(_with_default(part))


@st.composite
def _with_default(draw: st.DrawFn, part: Part) -> Part:
    if not isinstance(part.schema, dict) or draw(st.integers(0, 3)):
        return part
    return Part({**part.schema, "default": part.value(draw)}, part.value)


@st.composite
def _object(draw: st.DrawFn, inner: st.SearchStrategy[Part]) -> Part:
    properties = draw(st.dictionaries(KEYS, inner, max_size=4))
    required = [key for key in properties if draw(st.booleans())]
    schema: dict[str, object] = {
        "type": "object",
        "properties": {key: part.schema for key, part in properties.items()},
        "required": required,
    }
    more = draw(st.sampled_from([None, True, False]))
    if more is not None:
        schema["additionalProperties"] = more

    def value(draw: st.DrawFn) -> object:
        found = {key: part.value(draw) for key, part in properties.items() if key in required or draw(st.booleans())}
        if more:
            found |= {
                key: item for key, item in draw(st.dictionaries(KEYS, ANY, max_size=2)).items() if key not in properties
            }
        return found

    return Part(schema, value)


@st.composite
def _nullable(draw: st.DrawFn, inner: st.SearchStrategy[Part]) -> Part:
    part = draw(inner)
    schema: object = {draw(st.sampled_from(["anyOf", "oneOf"])): [part.schema, {"type": "null"}]}
    if isinstance(part.schema, dict) and isinstance(part.schema.get("type"), str) and draw(st.booleans()):
        schema = {**part.schema, "type": [part.schema["type"], "null"]}
    return Part(schema, lambda draw: None if draw(st.booleans()) else part.value(draw))


@st.composite
def _union(draw: st.DrawFn, inner: st.SearchStrategy[Part]) -> Part:
    """Objects that are told apart by a key."""
    arms = draw(st.lists(_object(inner), min_size=1, max_size=3))
    schemas = []
    for number, arm in enumerate(arms):
        properties = {**arm.schema["properties"], "kind": {"const": f"arm{number}"}}
        schemas.append({**arm.schema, "properties": properties, "required": [*arm.schema["required"], "kind"]})

    def value(draw: st.DrawFn) -> object:
        number = draw(st.integers(0, len(arms) - 1))
        return {**arms[number].value(draw), "kind": f"arm{number}"}

    return Part({draw(st.sampled_from(["oneOf", "anyOf"])): schemas}, value)


@st.composite
def _recursive(draw: st.DrawFn) -> Part:
    """A tree, by a reference to itself: a node has a payload of any kind."""
    load = draw(parts(depth=1))
    node = {
        "type": "object",
        "properties": {
            "load": load.schema,
            "next": {"$ref": "#/$defs/node"},
            "all": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "required": ["load"],
    }

    def value(draw: st.DrawFn, depth: int = 3) -> object:
        found = {"load": load.value(draw)}
        if depth and draw(st.booleans()):
            found["next"] = value(draw, depth - 1)
        if depth and draw(st.booleans()):
            found["all"] = [value(draw, depth - 1) for _ in range(draw(st.integers(0, 2)))]
        return found

    return Part({"$defs": {"node": node}, "$ref": "#/$defs/node"}, value)


@st.composite
def schemas_with_values(draw: st.DrawFn) -> tuple[object, object]:
    part = draw(parts() | _object(parts(depth=2)) | _recursive())
    return part.schema, part.value(draw)
