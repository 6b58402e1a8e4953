"""Names of form inputs: a key of the value as one segment that no browser escapes and no parser changes.

A browser writes `"` in the name of a multipart part as %22 and a line break as %0D%0A, and Django strips white space
at the end of a name and unescapes backslashes. None of it is undone on arrival, so names avoid all of it.
"""

import hashlib
import re
from urllib.parse import quote, unquote

MAX_SEGMENT = 60  # bytes; Django refuses a part whose headers exceed 1024, and a pointer has up to 12 segments
_ROW_KEY = re.compile(r"[A-Za-z0-9]{1,40}")
_UNSAFE = re.compile(r'[\s"%\\]')


def segment(key: str) -> str:
    """The part of an input's name that stands for a key of an object.

    `~` and `/` are written as in a JSON pointer, so `~others` and row keys are never those of a key. `__row` begins
    the placeholder of a new row. A long key is its digest: names are computed from the schema and never decoded.
    """
    part = key.replace("~", "~0").replace("/", "~1")
    part = _UNSAFE.sub(_escape, part).replace("__row", "%5F_row")
    part = "".join(char if char.isprintable() else _escape(char) for char in part)
    if len(part.encode()) <= MAX_SEGMENT:
        return part
    return "~" + hashlib.sha256(key.encode()).hexdigest()[:40]


def readable(part: str) -> str:
    """The key that a segment stands for, for a sentence."""
    return unquote(part).replace("~1", "/").replace("~0", "~")


def is_row_key(text: str) -> bool:
    """Whether a posted text can be the key of a list's row."""
    return _ROW_KEY.fullmatch(text) is not None


def _escape(found: re.Match[str] | str) -> str:
    return quote(found if isinstance(found, str) else found.group(), safe="")
