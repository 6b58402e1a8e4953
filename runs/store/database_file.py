"""The SQLite file that this process has opened: whether it is still the one at its path.

A file that was moved away, deleted or replaced stays open. What is written goes to a file that nobody will find after
the next start.
"""

import os

from django.conf import settings

MOVED = "The database file was moved or deleted while the console ran. Put it back, or restart the console."
REPLACED = "The database file was replaced while the console ran. Restart the console."

_opened: tuple[int, int] | None = None


def remember_file() -> None:
    """Note which file it is. To be called when the process opens it; without that nothing is compared."""
    global _opened
    _opened = None if settings.ON_POSTGRESQL else _identity()


def file_trouble() -> str:
    """Why the path leads to the file no longer, as a sentence; mostly nothing."""
    if _opened is None:
        return ""
    now = _identity()
    if now == _opened:
        return ""
    return MOVED if now is None else REPLACED


def _identity() -> tuple[int, int] | None:
    try:
        status = os.stat(str(settings.DATABASES["default"]["NAME"]))
    except OSError:
        return None
    return status.st_dev, status.st_ino
