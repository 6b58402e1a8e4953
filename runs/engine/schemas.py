"""Checks a value against a Pydantic model or a JSON Schema, and words the issues.

A schema says two things at once: what a value must be, and how it is read (defaults filled in, unknown keys dropped).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import orjson
from pydantic import BaseModel, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic_core import to_jsonable_python

from .errors import InvalidInput, InvalidWorkflow, NotJson
from .json_schema import JsonSchema
from .json_value import check_numbers, decode, dotted, write
from .schema_copies import copies
from .undefined import UNSET

INVALID_INPUT = "Invalid input data"
INVALID_STATE = "Invalid initial data"
INVALID_RESUME = "Invalid resume data"
INVALID_TIME_TRAVEL = "Invalid inputData"
STEP_INPUT = "Step input validation failed"
STEP_SUSPEND = "Step suspend data validation failed"
STEP_STATE = "Step state data validation failed"


def run_context_head(workflow_id: str) -> str:
    """Head line when a run's request context does not fit."""
    return f"Request context validation failed for workflow '{workflow_id}'"


def step_context_head(step_id: str) -> str:
    """Head line when a step's request context does not fit."""
    return f"Step request context validation failed for step '{step_id}'"


class Issue(NamedTuple):
    """One thing that is wrong with a value, and where."""

    path: tuple[str | int, ...]
    message: str

    @property
    def dotted(self) -> str:
        """The path as people read it: `order.lines.1.qty`; empty for the whole value."""
        return dotted(self.path)


class Parsed(NamedTuple):
    """A value after reading. With issues, both are the value as it was given."""

    value: object  # plain JSON: what is stored, shown and passed on
    instance: object  # what a step's function gets: the Pydantic model, or the value itself
    issues: tuple[Issue, ...] = ()
    text: bytes | None = None  # the value as JSON, where it is known: the given one, if it is read as it was written


def issues_text(head: str, issues: tuple[Issue, ...]) -> str:
    """The reference's form: the head line, then a line for each issue."""
    return f"{head}: \n" + "\n".join(f"- {issue.dotted}: {issue.message}" for issue in issues)


def issues_cause(issues: tuple[Issue, ...]) -> dict[str, object]:
    """The `cause` of a step that failed for its input, as the reference writes it."""
    listed = [{"path": list(issue.path), "message": issue.message} for issue in issues]
    return {"message": orjson.dumps({"issues": listed}).decode(), "name": "Error", "issues": listed}


class Schema:
    """What a value must be. Made by `Schema.of`."""

    __slots__ = ("_adapter", "_plain", "copies", "json_schema", "secrets")

    def __init__(
        self, json_schema: dict[str, object], *, adapter: TypeAdapter[Any] | None, plain: JsonSchema | None
    ) -> None:
        self.json_schema = json_schema
        self._adapter = adapter
        self._plain = plain
        self.secrets = secret_paths(json_schema)  # dotted, `*` for any index or key
        # Whether what is read shares nothing that can be changed with what was given.
        self.copies = adapter is not None and copies(adapter.core_schema)

    @classmethod
    def of(cls, source: Any, *, parses: bool = True) -> Self:
        """A schema from a Pydantic model, any type that Pydantic knows, or a JSON Schema.

        A JSON Schema reads values as a model does: defaults are filled in, keys outside `properties` are dropped
        unless `additionalProperties` allows or refuses them. That serves people better than a plain check, which
        `parses=False` gives: nothing is filled in or dropped, and messages are those of the Ajv library.
        Raises InvalidWorkflow for a schema that is broken.
        """
        if isinstance(source, cls):
            return source
        if isinstance(source, bool | Mapping):
            document = {} if source is True else {"not": {}} if source is False else dict(source)
            return cls(document, adapter=None, plain=JsonSchema(document, parses=parses))
        try:
            adapter: TypeAdapter[Any] = source if isinstance(source, TypeAdapter) else TypeAdapter(source)
            return cls(adapter.json_schema(mode="validation"), adapter=adapter, plain=None)
        except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema) as error:
            raise InvalidWorkflow(f"{source!r} is neither a type that Pydantic knows nor a JSON Schema.") from error

    def parse(self, value: object, *, text: bytes | None = None) -> Parsed:
        """The value as the schema reads it, or what is wrong with it. UNSET stands for a value that is missing.

        `text`: the value as JSON, if it is known: what is read as the same need not be decoded again.
        """
        if self._plain is not None:
            parsed, issues = self._plain.parse(value)
            return Parsed(value, value, tuple(Issue(*issue) for issue in issues)) if issues else Parsed(parsed, parsed)
        return self._parse_model(value, text)

    def check(self, value: object, head: str = INVALID_INPUT) -> Parsed:
        """The value as the schema reads it. Raises InvalidInput with all issues below that head line."""
        parsed = self.parse(value)
        if parsed.issues:
            raise InvalidInput(head, [(issue.dotted, issue.message) for issue in parsed.issues])
        return parsed

    def instance(self, value: object) -> object:
        """What a step's function gets for a value that was checked before, such as one from the log."""
        return value if self._adapter is None else self.parse(value).instance

    def _parse_model(self, value: object, text: bytes | None) -> Parsed:
        if self._adapter is None:
            return Parsed(value, value)
        if value is UNSET:
            return Parsed(value, value, (Issue((), "Field required"),))
        if isinstance(value, BaseModel):
            value = value.model_dump(mode="json", by_alias=True)  # checked anew: it may be another model
        try:
            # The adapter's own parts: its methods around them take longer than they do for a small value.
            instance = self._adapter.validator.validate_python(value)
            plain = self._plain_data(self._adapter, instance)
            written = write(plain)
            read = value if written == text else decode(written)
            check_numbers(plain, written, read)
            return Parsed(read, instance, (), text if read is value else written)
        except ValidationError as error:
            issues = (Issue(tuple(item["loc"]), item["msg"]) for item in error.errors(include_url=False))
            return Parsed(value, value, tuple(issues))
        except NotJson as error:
            return Parsed(value, value, (Issue((), str(error)),))

    def _plain_data(self, adapter: TypeAdapter[Any], instance: object) -> object:
        if not self.secrets:
            return adapter.serializer.to_python(instance, mode="json", by_alias=True)
        # Pydantic writes secrets as asterisks; the run needs their values. Pages and exports mask them by path.
        return to_jsonable_python(_revealed(adapter.dump_python(instance, by_alias=True)))


def _revealed(value: object) -> object:
    if isinstance(value, SecretStr | SecretBytes):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_revealed(item) for item in value]
    return value


def secret_paths(json_schema: Mapping[str, object]) -> tuple[str, ...]:
    """Where values are secret: marked `x-secret`, or a Pydantic SecretStr. Dotted; `*` is any index or key."""
    found: list[str] = []
    _collect_secrets(json_schema, json_schema, (), found, ())
    return tuple(dict.fromkeys(found))


def _collect_secrets(
    root: Mapping[str, object], schema: object, path: tuple[str, ...], found: list[str], seen: tuple[str, ...]
) -> None:
    if not isinstance(schema, Mapping):
        return
    if schema.get("x-secret") is True or schema.get("writeOnly") is True or schema.get("format") == "password":
        found.append(".".join(path))
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/") and reference not in seen:
        target: object = root
        for part in reference[2:].split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        _collect_secrets(root, target, path, found, (*seen, reference))
    properties = schema.get("properties")
    for key, inner in properties.items() if isinstance(properties, Mapping) else ():
        _collect_secrets(root, inner, (*path, key), found, seen)
    for key in ("items", "additionalProperties"):
        _collect_secrets(root, schema.get(key), (*path, "*"), found, seen)
    for key in ("anyOf", "oneOf", "allOf"):
        alternatives = schema.get(key)
        for inner in alternatives if isinstance(alternatives, list) else ():
            _collect_secrets(root, inner, path, found, seen)
