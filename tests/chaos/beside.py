"""The other end of tests/chaos/inside.py."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.console_server import ROOT, ConsoleServer


class Inside:
    """Starts runs on a console's data, and judges them, from a process of its own that nobody kills."""

    def __init__(self, console: ConsoleServer, ledger: Path, seed: int) -> None:
        ledger.touch()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.inside", str(ledger), str(seed)],
            cwd=ROOT,
            env=console.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *question: object) -> Any:
        """The answer, once it is there."""
        self.begin(*question)
        return self.answer()

    def begin(self, *question: object) -> None:
        """Ask without waiting; `answer()` gives it later."""
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        line = self._process.stdout.readline()
        assert line, "the process beside the server has ended"
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
