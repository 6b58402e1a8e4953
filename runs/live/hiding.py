"""Hides a run's secrets in the text of its events, before they reach a socket, a page or a download."""

from collections.abc import Iterator, Mapping, Sequence
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
        words = {_squeezed(orjson.dumps(word)) for word in (*SECRET_WORDS, *mask.names)}
        # A text that holds "secretkey" holds "secret".
        self._words = [word for word in words if not any(other in word for other in words - {word})]

    def texts(self, texts: Sequence[bytes]) -> Sequence[bytes]:
        """JSON texts with what is hidden replaced; the same bytes where nothing is.

        All are looked through at once: a search through many texts costs a tenth of one through each.
        """
        squeezed = _squeezed(b" ".join(texts))
        if not any(word in squeezed for word in self._words):
            return texts
        if len(texts) == 1:
            return [self._hidden(texts[0])]
        half = len(texts) // 2
        return [*self.texts(texts[:half]), *self.texts(texts[half:])]

    def _hidden(self, text: bytes) -> bytes:
        value = orjson.loads(text)
        hidden = self.mask.apply(value)
        return text if hidden == value else orjson.dumps(hidden)


def _squeezed(text: bytes) -> bytes:
    """Letters and digits alone, in lower case: `"API-Key"` is found by `apikey`."""
    return text.translate(LETTERS, NO_LETTERS)


def hiding_of(run_id: str) -> Hiding | None:
    """What is hidden of this run, or None when there is no such run. Reads the database."""
    version_id = WorkflowRun.objects.filter(pk=run_id).values_list("version_id", flat=True).first()
    return None if version_id is None else hiding_of_version(version_id)


@lru_cache(maxsize=512)  # a version never changes
def hiding_of_version(version_id: int) -> Hiding:
    """What is hidden of the runs of a version. Reads the database, once for each version."""
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
