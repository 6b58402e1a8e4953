"""What all commands of the console share: errors in one line, exit codes that scripts can read, JSON in and out."""

import errno
import sys
from pathlib import Path
from typing import Any, NoReturn

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DatabaseError

from runs.engine.data.json_value import InvalidJson, parse_json
from runs.engine.errors import EngineError
from runs.store.database_errors import NOTHING_STORED, database_error_of

from .standard_streams import CLOSED, EX_IOERR, discard_output, take_missing_descriptors, use_utf8

FAILED = 1
BAD_INPUT = 2
SUSPENDED = 3
OUTPUT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
INTERRUPTED = 130  # as a shell reports Ctrl-C


class ConsoleCommand(BaseCommand):
    """A command for people at a terminal and for scripts. Only --traceback shows a traceback."""

    requires_system_checks = []  # made by `make test`; here they would cost a tenth of a second each time

    def run_from_argv(self, argv: list[str]) -> None:
        take_missing_descriptors()
        use_utf8()
        self.stderr = OutputWrapper(sys.stderr)
        if sys.stdout is None:
            self._end(CLOSED, EX_IOERR)
        self.stdout = OutputWrapper(sys.stdout)
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        if options.get("traceback") or not getattr(self, "_called_from_command_line", False):
            return super().execute(*args, **options)
        try:
            output = super().execute(*args, **options)
            sys.stdout.flush()
            return output
        except CommandError as error:
            self._end(str(error), error.returncode)
        except EngineError as error:
            self._end(str(error), BAD_INPUT)
        except DatabaseError as error:
            if "no such table" in str(error) or "does not exist" in str(error):
                self._end("The database has no tables yet. Run manage.py migrate, or start the console once.", FAILED)
            if (trouble := database_error_of(error)) is not None:
                self._end(f"{trouble.sentence} {NOTHING_STORED}", FAILED)
            self._end(f"The database does not answer as it should: {error}", FAILED)
        except BrokenPipeError:
            # The reader of the output, such as `head`, has gone; nothing is wrong.
            sys.stderr.close()
            raise SystemExit(0) from None
        except OSError as error:
            if error.errno not in OUTPUT_ERRORS:
                raise
            discard_output()
            self._end(f"The output cannot be written: {error.strerror}.", EX_IOERR)
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None

    def _end(self, sentence: str, code: int) -> NoReturn:
        self.stderr.write(sentence)
        raise SystemExit(code)

    def print_json(self, value: object, *, pretty: bool = False) -> None:
        """One line, or indented for people."""
        self.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None).decode())


def bad_input(sentence: str) -> CommandError:
    """What to raise for an argument that is wrong: exit code 2, as argparse has it."""
    return CommandError(sentence, returncode=BAD_INPUT)


def read_json(text: str, option: str) -> object:
    """The value of an option: JSON, `@file`, or `-` for standard input. Raises CommandError with the place."""
    source = option
    if text == "-":
        source = f"{option} (standard input)"
        if sys.stdin is None:
            raise bad_input(f"{source}: it is closed.")
        try:
            text = sys.stdin.read()
        except UnicodeDecodeError as error:
            raise bad_input(f"{source}: byte {error.start} is not UTF-8 text.") from None
    elif text.startswith("@"):
        source = f"{option} {text}"
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise bad_input(f"{source}: {error.strerror or error}.") from None
        except UnicodeDecodeError as error:
            raise bad_input(f"{source}: byte {error.start} is not UTF-8 text; save it as UTF-8.") from None
    try:
        return parse_json(text, max_depth=settings.MAX_JSON_DEPTH, max_bytes=settings.MAX_BODY_BYTES)
    except InvalidJson as error:
        raise bad_input(f"{source}: {error}") from None
