"""What a database that takes no writes is called, for whoever has just asked it to."""

from typing import NamedTuple

from django.db import DatabaseError

from .connection import is_database_error
from .writer import database_error_words

NUL_REFUSED = "The request holds a NUL character, which no text can have. Leave it out, and send it again."
UNAVAILABLE, INSUFFICIENT_STORAGE = 503, 507
NOTHING_STORED = "Nothing was stored: try again in a moment."
RETRY_SECONDS = 5


class Trouble(NamedTuple):
    """An HTTP status, and a sentence without a path, a host or a password."""

    status: int
    sentence: str


def is_nul(error: BaseException) -> bool:
    """Whether PostgreSQL refuses a text for a NUL character in it."""
    text = str(error)
    return isinstance(error, DatabaseError | ValueError) and ("NUL (0x00)" in text or "\\u0000" in text)


def database_error_of(error: BaseException) -> Trouble | None:
    """The database's trouble that an exception tells of; None: it tells of something else."""
    if not isinstance(error, DatabaseError):
        return None
    cause = error.__cause__ or error
    if not is_database_error(cause):
        return None
    words = database_error_words(cause)
    return Trouble(INSUFFICIENT_STORAGE if "full" in words else UNAVAILABLE, words)
