"""Standard input, output and error of a command: UTF-8 whatever the locale says, and never missing."""

import os
import sys

EX_IOERR = 74  # the exit code for output that cannot be written, as in sysexits.h
CLOSED = "Standard output is closed; redirect it to a file, or to /dev/null. Nothing was done."


def use_utf8() -> None:
    """Read and write UTF-8, as JSON demands (RFC 8259); what cannot be encoded is written as `\\udc80`."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="strict" if stream is sys.stdin else "backslashreplace")


def take_missing_descriptors() -> None:
    """Put /dev/null in the place of closed standard streams: a database file must not get their numbers."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  open until the process ends


def discard_output() -> None:
    """Have what is still to be written to standard output go nowhere, so that the end of the process is quiet."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
