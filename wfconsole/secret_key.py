"""The secret key of a data folder, for installations that set none."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def stored_secret_key(folder: Path) -> str:
    """Return the key stored in this folder; the first process that asks makes it. Mode 600 from its first byte.

    The file gets its name only when it is whole: of two processes that start together, and after a kill in the middle,
    none reads an empty key. Raises OSError.
    """
    path = folder / "secret_key"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix="secret_key.") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text().strip()
