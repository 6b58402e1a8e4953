"""Keys of callers for their starts: the same key and request are the same run, however often they come."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from runs.models import WorkflowRun

from .start import StartRefused, StartRequest

LONGEST_KEY = 255
KEY_LENGTH = 32  # characters of a start key that tell the caller's key; as many tell the request


class InvalidKey(StartRefused):
    def __init__(self) -> None:
        super().__init__(f"An idempotency key has 1 to {LONGEST_KEY} characters.")


class KeyUsed(StartRefused):
    """The key has started another request's run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"This idempotency key has started run {run_id} with another request.")


def start_once(
    key: str, caller: str, asked: bytes, wanted: StartRequest, start: Callable[[StartRequest], WorkflowRun]
) -> WorkflowRun:
    """The run that this key has started, or a new one. `caller`: whose key it is; two may use the same words.

    `asked`: the whole request, as bytes. Raises InvalidKey, KeyUsed, and what `start` raises.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise InvalidKey
    mine = _digest(f"{caller}\n{key}".encode())
    whole = mine + _digest(asked)
    # By range: the index on the column serves it. The letter is beyond all hexadecimal digits.
    before = WorkflowRun.objects.filter(start_key__gte=mine, start_key__lt=f"{mine}g").first()
    if before is None:
        return start(replace(wanted, start_key=whole))
    if before.start_key != whole:
        raise KeyUsed(before.pk)
    return before


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:KEY_LENGTH]
