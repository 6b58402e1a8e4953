"""Hides a run's secrets in the text of its events, before they reach a socket, a page or a download."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import orjson

from runs.engine.masking import SECRET_WORDS, Mask
from runs.models import WorkflowRun, WorkflowVersion

LETTERS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())


class Hiding:
    """A run's mask, for text. Most events name nothing secret; they are told apart without parsing them."""

    def __init__(self, mask: Mask) -> None:
        self.mask = mask
        self._words = [_squeezed(orjson.dumps(word)) for word in (*SECRET_WORDS, *mask.names)]

    def text(self, data: bytes) -> bytes:
        """The JSON text with what is hidden replaced; the same bytes when nothing is."""
        squeezed = _squeezed(data)
        if not any(word in squeezed for word in self._words):
            return data
        value = orjson.loads(data)
        hidden = self.mask.apply(value)
        return data if hidden == value else orjson.dumps(hidden)


def _squeezed(text: bytes) -> bytes:
    """Letters and digits alone, in lower case: `"API-Key"` is found by `apikey`."""
    return text.translate(LETTERS, NO_LETTERS)


def hiding_of(run_id: str) -> Hiding | None:
    """What is hidden of this run, or None when there is no such run. Reads the database."""
    version_id = WorkflowRun.objects.filter(pk=run_id).values_list("version_id", flat=True).first()
    return None if version_id is None else _of_version(version_id)


@lru_cache(maxsize=512)  # a version never changes
def _of_version(version_id: int) -> Hiding:
    version = WorkflowVersion.objects.get(pk=version_id)
    return Hiding(Mask.of(*_schemas(version)))


def _schemas(version: WorkflowVersion) -> Iterator[Mapping]:
    for schema in (version.input_schema, version.output_schema, version.state_schema, version.request_context_schema):
        if isinstance(schema, Mapping):
            yield schema
    for step in version.steps.values():
        for part in step.values() if isinstance(step, Mapping) else ():
            if isinstance(part, Mapping):
                yield part
