"""The data folder and its files: for the account that runs the console, and no other."""

import os
import stat
from pathlib import Path

OTHERS = 0o077
OWN_FILES = ("secret_key", "*.lock")


def make_private(folder: Path) -> None:
    """Make the folder if it is absent, and have it, its files, and whatever this process makes later, private.

    Raises OSError when it cannot be made.
    """
    os.umask(os.umask(0) | OTHERS)
    folder.mkdir(parents=True, exist_ok=True)
    tighten(folder)
    for pattern in OWN_FILES:
        for file in folder.glob(pattern):
            tighten(file)


def tighten_database(file: Path) -> None:
    """The database's file and the two that SQLite keeps beside it, which inherit its mode."""
    for path in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        tighten(path)


def tighten(path: Path) -> None:
    """Take others' rights away, where this account may and the path is not one that is meant to be shared."""
    try:
        status = path.stat()
        if status.st_mode & OTHERS and status.st_uid == os.geteuid() and not _is_shared(path, status):
            path.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)
    except OSError:
        pass  # absent, or on a file system without modes: see looseness()


def looseness(path: Path) -> str:
    """What is to be said of a path that others may read; mostly nothing."""
    if path.exists() and path.stat().st_mode & OTHERS:
        return f"Other accounts of this machine can open {path}. Give the console a folder of its own, with mode 0700."
    return ""


def _is_shared(path: Path, status: os.stat_result) -> bool:
    """A sticky folder such as that of temporary files, a home, the root: data in it do not make it the console's."""
    return bool(status.st_mode & stat.S_ISVTX) or path in (Path.home(), Path(path.anchor))
