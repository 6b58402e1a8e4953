"""Checks a value against a Pydantic model or a JSON Schema, and words the issues.

A schema says two things at once: what a value must be, and how it is read (defaults filled in, unknown keys dropped).
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import orjson

from ..errors import EngineError, InvalidInput
from .failures import failure_of, log_failure
from .json_value import decode, encode, same_json, to_json
from .parsed import Issue, Parsed
from .undefined import UNSET

if TYPE_CHECKING:
    from .json_schema import JsonSchema
    from .pydantic_schema import PydanticSchema

logger = logging.getLogger("wfconsole.engine")

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


def issues_text(head: str, issues: tuple[Issue, ...]) -> str:
    """The reference's form: the head line, then a line for each issue."""
    return f"{head}: \n" + "\n".join(f"- {issue.dotted}: {issue.message}" for issue in issues)


def issues_cause(issues: tuple[Issue, ...]) -> dict[str, object]:
    """The `cause` of a step that failed for its input, as the reference writes it."""
    listed = [{"path": list(issue.path), "message": issue.message} for issue in issues]
    return {"message": orjson.dumps({"issues": listed}).decode(), "name": "Error", "issues": listed}


class Schema:
    """What a value must be. Made by `Schema.of`."""

    __slots__ = ("_has_secrets", "_model", "_plain", "copies", "json_schema")

    def __init__(
        self, json_schema: dict[str, object], *, model: "PydanticSchema | None", plain: "JsonSchema | None"
    ) -> None:
        self.json_schema = json_schema
        self._model = model
        self._plain = plain
        self._has_secrets = has_secrets(json_schema)
        # Whether what is read shares nothing that can be changed with what was given.
        self.copies = model is not None and model.copies

    @classmethod
    def of(cls, source: Any, *, parses: bool = True) -> Self:
        """A schema from a Pydantic model, any type that Pydantic knows, or a JSON Schema.

        A JSON Schema reads values as a model does: defaults are filled in, keys that no part of it knows are dropped
        (docs/schemas.md says when). `parses=False` gives a plain check: nothing is filled in or dropped, and messages
        are those of the Ajv library. Raises InvalidWorkflow for a schema that cannot be used.
        """
        if isinstance(source, cls):
            return source
        if isinstance(source, bool | Mapping):
            from .json_schema import compiled  # a workflow without such schemas starts sooner

            document = {} if source is True else {"not": {}} if source is False else dict(source)
            return cls(document, model=None, plain=compiled(document, parses=parses))
        from .pydantic_schema import PydanticSchema  # see there why it is imported so late

        model = PydanticSchema(source)
        return cls(model.json_schema, model=model, plain=None)

    def parse(self, value: object, *, text: bytes | None = None) -> Parsed:
        """Return the value as the schema reads it, or its issues. UNSET means that a value is missing.

        `text`: the value as JSON, if it is known: what is read as the same need not be decoded again.
        """
        if self._plain is not None:
            parsed, issues = self._plain.parse(value)
            return Parsed(value, value, tuple(Issue(*issue) for issue in issues)) if issues else Parsed(parsed, parsed)
        if self._model is None:
            return Parsed(value, value)
        return self._model.parse(value, text, has_secrets=self._has_secrets)

    def check(self, value: object, head: str = INVALID_INPUT) -> Parsed:
        """The value as the schema reads it. Raises InvalidInput with all issues below that head line."""
        try:
            parsed = self.parse(value)
        except EngineError:
            raise
        except Exception as error:  # of the model's own code
            log_failure(logger, "A model's own code failed to read a value.", error=error)
            issue = f"The value cannot be checked: the code of its model raised {failure_of(error).error['name']}."
            raise InvalidInput(head, [("", issue)]) from None
        if parsed.issues:
            raise InvalidInput(head, [(issue.dotted, issue.message) for issue in parsed.issues])
        return parsed

    def reads_back(self, parsed: Parsed) -> bool:
        """Whether the value that was read may take the place of the given one: reading it again changes nothing."""
        return self._model is None or self._model.reads_back(parsed, has_secrets=self._has_secrets)

    def to_store(self, parsed: Parsed, given: object) -> object:
        """What to store of a value that this schema reads once more later: as it was read, or else as it was given."""
        return parsed.value if self.reads_back(parsed) else to_json(given)

    def given(self, parsed: Parsed, given: object) -> object:
        """What was given, as JSON, where a model has made something else of it; else UNSET."""
        if self._model is None or given is UNSET:
            return UNSET
        text = encode(given)
        if text == parsed.text:
            return UNSET
        plain = decode(text)
        return UNSET if same_json(plain, parsed.value) else plain

    def is_same(self, other: "Schema | None") -> bool:
        """Whether both are the same model or type."""
        if self is other:
            return True
        one, two = self._model, other._model if other is not None else None
        return one is not None and two is not None and (one.source is two.source or bool(one.source == two.source))

    def is_instance(self, value: object) -> bool:
        """Whether the value is an instance of this very model."""
        return self._model is not None and type(value) is self._model.source

    def instance(self, value: object) -> object:
        """What a step's function gets for a value that was checked before, such as one from the log."""
        return value if self._model is None else self.parse(value).instance


def has_secrets(json_schema: object) -> bool:
    """Whether a schema marks any place as secret: `x-secret`, `writeOnly`, or a Pydantic SecretStr."""
    waiting = [json_schema]
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, Mapping):
            if schema.get("x-secret") is True or schema.get("writeOnly") is True or schema.get("format") == "password":
                return True
            waiting += schema.values()
        elif isinstance(schema, list | tuple):
            waiting += schema
    return False
