"""`manage.py backup FILE`: a copy of the database while the console runs."""

import argparse
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from ..console_command import ConsoleCommand, bad_input

WAIT_SECONDS = 20.0


class Command(ConsoleCommand):
    help = "Write a consistent copy of the SQLite database to FILE, while the console goes on."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where the copy goes; a file that exists is not overwritten")

    def handle(self, *, file: Path, **options: object) -> None:
        if settings.ON_POSTGRESQL:
            raise bad_input("The data are in PostgreSQL. Use pg_dump --format=custom with the address in DATABASE_URL.")
        source = Path(str(settings.DATABASES["default"]["NAME"]))
        if not source.exists():
            raise bad_input(f"There is no database at {source} yet. Start the console once.")
        if file.exists():
            raise bad_input(f"{file} exists and is not overwritten. Choose another name, or remove it.")
        try:
            size = _copy(source, file)
        except FileExistsError:
            raise bad_input(f"{file} exists and is not overwritten. Choose another name, or remove it.") from None
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {(error.strerror or str(error)).lower()}.") from None
        except sqlite3.Error as error:
            raise CommandError(f"No copy was made: {error}.") from None
        self.stdout.write(f"{size} bytes written to {file}")


def _copy(source: Path, file: Path) -> int:
    """Copy the database in one reading transaction, check the copy, and give it its name when it is whole.

    Neither readers nor writers wait meanwhile. Returns the size in bytes; raises OSError and sqlite3.Error.
    """
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    os.close(descriptor)
    temporary = Path(name)
    try:
        with closing(sqlite3.connect(source, timeout=WAIT_SECONDS)) as original, closing(sqlite3.connect(name)) as copy:
            original.backup(copy)  # all pages at once: page by page, each commit would begin it again
            (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"the database is damaged ({verdict})")
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.link(temporary, file)  # fails where a file has come meanwhile
        return file.stat().st_size
    finally:
        for left in (temporary, Path(f"{name}-wal"), Path(f"{name}-shm")):
            left.unlink(missing_ok=True)
