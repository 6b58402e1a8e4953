"""Which values nobody shall read from a page, a log or an export: told by schemas, and by the names of their keys.

A schema marks a property with `"x-secret": true`. Its *name* is then masked wherever it stands in the run, for a secret
is handed from the input to steps, results and chunks under the same name. `"x-secret": false` says that a name of
the list below is harmless. Better hide one value too many than show one.
"""

import re
from collections.abc import Iterator, Mapping

# The last words of a key that holds a secret, in lower case, without separators.
SECRET_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secretkey",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "credentials",
    "cookie",
    "sessionid",
    "cardnumber",
    "cvc",
    "cvv",
)
MARK = "x-secret"
PARTS = re.compile(r"[^0-9A-Za-z]+|(?<=[a-z0-9])(?=[A-Z])")
DEEPEST_SCHEMA = 40  # levels; a schema may refer to itself


class Mask:
    """What is hidden of a run's values. `secrets` and `harmless`: names marked in schemas."""

    def __init__(self, secrets: frozenset[str] = frozenset(), harmless: frozenset[str] = frozenset()) -> None:
        self._secrets = secrets
        self._harmless = harmless - secrets  # two schemas that disagree: the careful one wins
        self._known: dict[str, str | None] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names that schemas mark as secret, beside those of the list."""
        return self._secrets

    @classmethod
    def of(cls, *schemas: object) -> "Mask":
        """The mask that these JSON Schemas ask for; None among them is no schema."""
        secrets: set[str] = set()
        harmless: set[str] = set()
        for schema in schemas:
            for name, is_secret in _marked(schema, schema, 0):
                (secrets if is_secret else harmless).add(name)
        return cls(frozenset(secrets), frozenset(harmless))

    def rule(self, key: str) -> str | None:
        """Why the value at this key is hidden, in a word or two; None when it is not."""
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) > 10_000:  # keys may be data, such as ids: never remember them all
                self._known.clear()
            rule = self._known[key] = self._find(key)
            return rule

    def _find(self, key: str) -> str | None:
        if key in self._secrets:
            return MARK
        if key in self._harmless:
            return None
        words = [part.lower() for part in PARTS.split(key) if part]
        if not words:
            return None
        for ending in (words[-1], "".join(words[-2:])):
            if ending in SECRET_WORDS:
                return f"named {key}" if len(key) <= 40 else "its name"
        return None

    def apply(self, value: object) -> object:
        """The value with what is hidden replaced by `[masked: …]`. Unchanged parts are the same objects."""
        if isinstance(value, Mapping):
            return {key: self._hidden(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.apply(item) for item in value]
        return value

    def _hidden(self, key: str, value: object) -> object:
        rule = None if value is None else self.rule(key)
        return self.apply(value) if rule is None else f"[masked: {rule}]"


def _marked(schema: object, root: object, depth: int) -> Iterator[tuple[str, bool]]:
    """Every property name that a schema marks, with its mark."""
    if depth > DEEPEST_SCHEMA or not isinstance(schema, Mapping):
        return
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, inner in properties.items():
            mark = _mark(inner, root, 0)
            if mark is not None:
                yield str(name), mark
    for key, inner in schema.items():
        if key in ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas"):
            for member in inner.values() if isinstance(inner, Mapping) else ():
                yield from _marked(member, root, depth + 1)
        elif isinstance(inner, Mapping):
            yield from _marked(inner, root, depth + 1)
        elif isinstance(inner, list):
            for member in inner:
                yield from _marked(member, root, depth + 1)


def _mark(schema: object, root: object, depth: int) -> bool | None:
    """Whether a property's schema is marked: itself, what it refers to, one of its alternatives, or its items."""
    if depth > DEEPEST_SCHEMA or not isinstance(schema, Mapping):
        return None
    mark = schema.get(MARK)
    if isinstance(mark, bool):
        return mark
    if schema.get("format") == "password" or schema.get("writeOnly") is True:
        return True
    inner: list[object] = [schema.get("items"), schema.get("additionalProperties")]
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        alternatives = schema.get(key)
        inner += alternatives if isinstance(alternatives, list) else []
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        inner.append(_resolve(root, reference))
    marks = {_mark(part, root, depth + 1) for part in inner if part is not None}
    return True if True in marks else False if False in marks else None


def _resolve(root: object, reference: str) -> object:
    value = root
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
