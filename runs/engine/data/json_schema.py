"""A JSON Schema, compiled once: judges values as the standard says, then reads them.

jsonschema-rs judges the value as it is given, by the draft that `$schema` names, 2020-12 by default. Only a value that
fits is read: defaults are filled in and unknown keys dropped. `format` is asserted on purpose, as the list in
docs/schemas.md says. No reference is followed out of the document.
"""

from functools import lru_cache, partial
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

import orjson

from ..errors import InvalidWorkflow, NotJson
from . import schema_patterns
from .json_value import to_json
from .schema_document import SchemaDocument, SchemaNode, broken, pointer_part
from .schema_effort import MAX_EXPLAINED, SchemaEffort
from .schema_issues import AjvIssues, Finding, ZodIssues
from .schema_reading import SchemaReader
from .undefined import UNSET

if TYPE_CHECKING:
    import jsonschema_rs

_URI = "json-schema:///document"  # by which subschemas refer to the document
_TOO_MUCH = "The value is too large or too deeply nested to be validated by this schema in time"
_MASK = "The value"  # where the validator's words would repeat it: it may be a secret, or large
_NO_FIT = "The value does not fit the schema"
_MAX_ISSUES = 200


MAX_CACHED = 100_000  # bytes of a schema; larger ones are compiled each time


def compiled(schema: dict[str, object], *, parses: bool) -> "JsonSchema":
    """The compiled schema. The same small one is compiled once: a definition is checked and built several times.

    Raises InvalidWorkflow, see JsonSchema.
    """
    try:
        text = orjson.dumps(schema)
    except (TypeError, RecursionError):  # deeper or with larger numbers than orjson writes
        return JsonSchema(schema, parses=parses)
    return _compiled_text(text, parses) if len(text) <= MAX_CACHED else JsonSchema(schema, parses=parses)


@lru_cache(maxsize=64)
def _compiled_text(text: bytes, parses: bool) -> "JsonSchema":
    return JsonSchema(orjson.loads(text), parses=parses)


class JsonSchema:
    """A JSON Schema, compiled once. `parses`: values are read, and issues worded as Zod does; else as Ajv does."""

    __slots__ = ("_document", "_effort", "_parses", "_reader", "_registry", "_validator", "_validators")

    def __init__(self, schema: dict[str, object], *, parses: bool) -> None:
        """Raises InvalidWorkflow for a schema that cannot be used, with the JSON Pointer of the place."""
        self._parses = parses
        self._document = SchemaDocument(schema)
        self._effort = SchemaEffort(self._document)
        self._validator = _validator(schema)
        self._registry: jsonschema_rs.Registry | None = None
        self._validators: dict[SchemaNode, jsonschema_rs.Validator | None] = {}
        self._reader = SchemaReader(self._document, self._is_valid) if parses else None

    def parse(self, value: object) -> tuple[object, list[Finding]]:
        """The value as the schema reads it, and all that is wrong with it, in the order of the schema."""
        if value is UNSET:
            return self._parse_missing()
        try:
            return self._parse(_plain(value))
        except NotJson as error:
            return value, [((), str(error))]
        except (TypeError, ValueError):  # the validator knows nothing but JSON: somewhere in it is something else
            return self._parse_deeply(value)

    def _parse_deeply(self, value: object) -> tuple[object, list[Finding]]:
        try:
            return self._parse(to_json(value))
        except NotJson as error:
            return value, [((), str(error))]

    def _parse_missing(self) -> tuple[object, list[Finding]]:
        if self._reader is not None and "default" in self._document.schema:
            return self._reader.default(), []
        return UNSET, self._worded(UNSET)

    def _parse(self, value: object) -> tuple[object, list[Finding]]:
        effort = self._effort.of(value)
        if effort is None:
            return value, [((), _TOO_MUCH)]
        if not self._validator.is_valid(value):
            return value, self._worded(value) or self._told(value, effort.expanded)
        if self._reader is None or self._reader.changes_nothing:
            return value, []
        return self._read(value, self._reader), []

    def _read(self, value: object, reader: SchemaReader) -> object:
        """The reading, unless the schema refuses it: a value that fits is never made one that does not."""
        for drops in (True, False):
            read = reader.read(value, drops=drops)
            if read == value or self._validator.is_valid(read):
                return read
        return value

    def _worded(self, value: object) -> list[Finding]:
        wording = ZodIssues if self._parses else AjvIssues
        return wording.find(self._document, self._is_valid, value)

    def _told(self, value: object, effort: int) -> list[Finding]:
        """What the validator itself says. To collect it takes long where alternatives are many."""
        found: list[Finding] = []
        if effort <= MAX_EXPLAINED:
            for error in self._validator.iter_errors(value):
                found.append((tuple(error.instance_path), error.message))
                if len(found) == _MAX_ISSUES:
                    break
        return found or [((), _NO_FIT)]

    def _is_valid(self, node: SchemaNode, value: object) -> bool:
        """Whether a value satisfies one subschema of the document."""
        if node not in self._validators:
            self._validators[node] = self._compiled_part(node)
        validator = self._validators[node]
        return validator is not None and validator.is_valid(value)

    def _compiled_part(self, node: SchemaNode) -> "jsonschema_rs.Validator | None":
        """None where the subschema has a dynamic reference that only means something within the whole document."""
        import jsonschema_rs

        if self._registry is None:
            self._registry = jsonschema_rs.Registry([(_URI, dict(self._document.schema))], retriever=_refuse)
        part: dict[str, object] = {"$ref": f"{_URI}#{quote(node.pointer)}"}
        if isinstance(dialect := self._document.schema.get("$schema"), str):
            part["$schema"] = dialect
        try:
            return jsonschema_rs.validator_for(
                part,
                registry=self._registry,
                validate_formats=True,
                offline=True,
                pattern_options=schema_patterns.options(),
            )
        except (jsonschema_rs.ReferencingError, ValueError):
            return None


def _validator(schema: dict[str, object]) -> "jsonschema_rs.Validator":
    import jsonschema_rs  # only now: a workflow without such schemas starts sooner

    # Only with `offline`: jsonschema_rs.meta, for one, fetches the dialect that `$schema` names.
    validator = partial(
        jsonschema_rs.validator_for,
        schema,
        validate_formats=True,
        offline=True,
        pattern_options=schema_patterns.options(),
    )
    try:
        return validator(mask=_MASK)
    except (jsonschema_rs.ReferencingError, ValueError):
        pass
    try:
        return validator()  # for words that repeat what is wrong with the schema
    except jsonschema_rs.ValidationError as error:
        pointer = "".join(f"/{pointer_part(part)}" for part in error.instance_path)
        raise broken(pointer, error.message.rstrip(".")) from None
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise InvalidWorkflow(f"The JSON Schema is broken: {error}.") from None


def _refuse(uri: str) -> NoReturn:
    """Fetches nothing. Such references are refused before; this is the second lock."""
    raise InvalidWorkflow(f"{uri} is not fetched.")


def _plain(value: object) -> object:
    """Plain JSON data; models and tuples are turned into what they hold, plain containers are left alone."""
    return value if isinstance(value, dict | list | str | int | float | None) else to_json(value)
