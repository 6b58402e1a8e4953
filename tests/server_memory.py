"""How much memory a running console has."""

import time
from pathlib import Path

from tests.console_server import ConsoleServer

QUIET_SECONDS = 1.0
LOOKS_SECONDS = 12.0  # the server looks after its memory every five seconds


def own_bytes(console: ConsoleServer) -> int:
    """What of the server is in memory: all of it, with its part of files that are mapped."""
    assert console.process is not None
    lines = Path(f"/proc/{console.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def settled_bytes(console: ConsoleServer, enough: int) -> int:
    """Its memory once it does not grow any more and is at most `enough`; else the least that was seen for a while."""
    before, least = 0, own_bytes(console)
    while least > before:
        time.sleep(QUIET_SECONDS)
        before, least = least, own_bytes(console)
    deadline = time.monotonic() + LOOKS_SECONDS
    while least > enough and time.monotonic() < deadline:
        time.sleep(0.2)
        least = min(least, own_bytes(console))
    return least


def open_files(console: ConsoleServer, name: str) -> int:
    """How often the server has opened a file of that name."""
    assert console.process is not None
    links = Path(f"/proc/{console.process.pid}/fd").iterdir()
    return sum(link.resolve().name == name for link in links)
