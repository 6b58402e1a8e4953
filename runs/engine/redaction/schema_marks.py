"""Which properties a JSON Schema marks as secret."""

from collections.abc import Iterator, Mapping

MARK = "x-secret"
MEMBERS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
ALTERNATIVES = ("anyOf", "oneOf", "allOf", "prefixItems")
DEEPEST = 200  # levels; what is deeper is no schema that a run could have


def marked_names(schema: object) -> Iterator[tuple[str, bool]]:
    """Every property name that a schema marks, with its mark: True for a secret."""
    wait: list[tuple[object, int]] = [(schema, 0)]
    while wait:
        part, depth = wait.pop()
        if isinstance(part, list):
            wait += [(member, depth + 1) for member in part if depth < DEEPEST]
        if not isinstance(part, Mapping) or depth > DEEPEST:
            continue
        properties = part.get("properties")
        if isinstance(properties, Mapping):
            for name, inner in properties.items():
                mark = _mark(inner, schema)
                if mark is not None:
                    yield str(name), mark
        for key, inner in part.items():
            if key in MEMBERS and isinstance(inner, Mapping):
                wait += [(member, depth + 1) for member in inner.values()]
            elif isinstance(inner, Mapping | list):
                wait.append((inner, depth + 1))


def is_marked(schema: object) -> bool:
    """Whether a schema marks the whole value as secret."""
    return _mark(schema, schema) is True


def _mark(schema: object, root: object) -> bool | None:
    """Whether a schema is marked: itself, what it refers to, one of its alternatives, or its items. Each part once."""
    found: bool | None = None
    seen: set[int] = set()
    wait: list[object] = [schema]
    while wait:
        part = wait.pop()
        if not isinstance(part, Mapping) or id(part) in seen:
            continue
        seen.add(id(part))
        mark = part.get(MARK)
        if isinstance(mark, bool):
            if mark:
                return True
            found = False
            continue
        if part.get("format") == "password" or part.get("writeOnly") is True:
            return True
        wait += [part.get("items"), part.get("additionalProperties")]
        for key in ALTERNATIVES:
            alternatives = part.get(key)
            wait += alternatives if isinstance(alternatives, list) else []
        patterns = part.get("patternProperties")
        wait += patterns.values() if isinstance(patterns, Mapping) else ()
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            wait.append(_resolve(root, reference.removeprefix("#")))
    return found


def _resolve(root: object, pointer: str) -> object:
    value = root
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
