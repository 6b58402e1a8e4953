#!/usr/bin/env python3
"""The command line of the console: `manage.py help` lists what it can do."""

import os
import sys
from pathlib import Path

from wfconsole.server.memory import raise_gc_threshold


def main() -> None:
    raise_gc_threshold()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        _go_on_in_the_virtual_environment()
        raise
    execute_from_command_line(sys.argv)


def _go_on_in_the_virtual_environment() -> None:
    """So that `./manage.py` works in a shell that activated nothing. Returns only when there is none to go to."""
    python = Path(__file__).resolve().parent / os.environ.get("VENV", ".venv") / "bin" / "python"
    if python.exists() and Path(sys.prefix).resolve() != python.parent.parent.resolve():
        os.execv(python, [str(python), *sys.argv])  # noqa: S606 - the same command, once more


if __name__ == "__main__":
    main()
