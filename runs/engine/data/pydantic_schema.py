"""Reads a value by a type that Pydantic knows.

Imported when the first schema of that kind is made: to import Pydantic takes longer than the rest of the engine, and a
workflow without such schemas needs none of it.
"""

from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic_core import to_jsonable_python

from ..errors import InvalidWorkflow, NotJson
from .json_value import check_numbers, decode, same_json, write
from .parsed import Issue, Parsed
from .reading_back import reads_back
from .schema_copies import copies
from .undefined import UNSET
from .user_code import Escaped


class PydanticSchema:
    """A type's adapter, and the JSON Schema that says the same."""

    __slots__ = ("_adapter", "_model", "_surely_reads_back", "copies", "json_schema", "source")

    def __init__(self, source: Any) -> None:
        """Raises InvalidWorkflow for what Pydantic does not know as a type."""
        try:
            self._adapter: TypeAdapter[Any] = source if isinstance(source, TypeAdapter) else TypeAdapter(source)
            self.json_schema = self._adapter.json_schema(mode="validation")
        except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema) as error:
            raise InvalidWorkflow(f"{source!r} is neither a type that Pydantic knows nor a JSON Schema.") from error
        self.source = source
        self._model = source if isinstance(source, type) and issubclass(source, BaseModel) else None
        self._surely_reads_back = reads_back(self._adapter.core_schema)
        self.copies = copies(self._adapter.core_schema)  # whether what is read shares nothing with what was given

    def parse(self, value: object, text: bytes | None, *, has_secrets: bool) -> Parsed:
        """See Schema.parse. `has_secrets`: whether the type has places whose values Pydantic hides when it writes.

        Raises what a validator or a serializer raises beside its issues; Escaped where that is no Exception.
        """
        if value is UNSET:
            return Parsed(value, value, (Issue((), "Field required"),))
        kind = type(value)
        read_before = kind is self._model
        try:
            if kind is not dict and not read_before and isinstance(value, BaseModel):
                value = value.model_dump(mode="json", by_alias=True)  # of another model
            # The adapter's own parts: its methods around them take longer than they do for a small value.
            instance = value if read_before else self._adapter.validator.validate_python(value)
            plain = self._plain_data(instance, has_secrets)
            written = write(plain)
            read = value if written == text else decode(written)
            check_numbers(plain, written, read)
            return Parsed(read, instance, (), text if read is value else written)
        except ValidationError as error:
            issues = (Issue(tuple(item["loc"]), item["msg"]) for item in error.errors(include_url=False))
            return Parsed(value, value, tuple(issues))
        except NotJson as error:
            return Parsed(value, value, (Issue((), str(error)),))
        except Exception:
            raise
        except BaseException as error:
            raise Escaped(error) from None

    def reads_back(self, parsed: Parsed, *, has_secrets: bool) -> bool:
        """Whether what was read is read as the same from its own JSON form: no validator changes it once more, and no
        field is lost. Where that is not certain for every value, this one is read again."""
        if self._surely_reads_back:
            return True
        try:
            again = self.parse(parsed.value, None, has_secrets=has_secrets)
            return not again.issues and same_json(again.value, parsed.value) and bool(again.instance == parsed.instance)
        except Exception:  # of the model's own code
            return False

    def _plain_data(self, instance: object, has_secrets: bool) -> object:
        if not has_secrets:
            return self._adapter.serializer.to_python(instance, mode="json", by_alias=True)
        # Pydantic writes secrets as asterisks; the run needs their values. Pages and exports mask them by path.
        return to_jsonable_python(_revealed(self._adapter.dump_python(instance, by_alias=True)))


def _revealed(value: object) -> object:
    if isinstance(value, SecretStr | SecretBytes):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_revealed(item) for item in value]
    return value
