"""Keys of callers for their starts: the same key and request are the same run, however often they come."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from runs.models import WorkflowRun

from .start import StartRefused, StartRequest, made_with

LONGEST_KEY = 255
DIGEST_LENGTH = 32  # characters


class InvalidKey(StartRefused):
    def __init__(self) -> None:
        super().__init__(f"An idempotency key has 1 to {LONGEST_KEY} characters.")


def start_once(
    key: str, caller: str, asked: bytes, wanted: StartRequest, start: Callable[[StartRequest], WorkflowRun]
) -> WorkflowRun:
    """The run that this key has started, or a new one. `caller`: whose key it is; two may use the same words.

    `asked`: the whole request, as bytes. Raises InvalidKey, KeyUsed, and what `start` raises.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise InvalidKey
    mine, digest = _digest(f"{caller}\n{key}".encode()), _digest(asked)
    return made_with(mine, digest) or start(replace(wanted, start_key=mine, start_digest=digest))


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:DIGEST_LENGTH]
