"""Node with the official client, and the lines of JSON by which sessions go in and outcomes come out."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .client import install_client
from .javascript_values import parse

SCRIPT = Path(__file__).with_name("driving.mjs")


@dataclass
class Played:
    """What came of a session's steps, by their labels. `stopped`: why it did not come to its end, if it did not."""

    uid: str = ""
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: str | None = None


class Driver:
    """Plays one session after the other against a server, in one process as long as it lives."""

    def __init__(self, url: str, token: str) -> None:
        self._environment = os.environ | {"BASE_URL": url, "TOKEN": token}
        self._folder = install_client()
        self._node: subprocess.Popen[str] | None = None
        self._open = ExitStack()

    def __enter__(self) -> "Driver":
        self._errors = self._open.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
        self._open.callback(self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def play(self, session: Mapping[str, Any]) -> Played:
        """Do all steps of a session, whose steps have labels. If Node dies of it, the next one gets a new Node."""
        played = Played()
        for line in self._answers(json.dumps(session)):
            if "label" not in line:
                played.uid, played.stopped = line["uid"], line["stopped"]
                return played
            played.outcomes[line["label"]] = line["outcome"]
        played.stopped = f"Node has ended: {self._last_errors()}"
        self._end()
        return played

    def _answers(self, line: str) -> Iterator[dict[str, Any]]:
        if self._node is None:
            self._node = subprocess.Popen(
                ["node", str(SCRIPT)],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                encoding="utf-8",
            )
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        try:
            self._node.stdin.write(f"{line}\n")
            self._node.stdin.flush()
        except BrokenPipeError:
            return
        yield from map(parse, self._node.stdout)

    def _last_errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].strip() or "it did not say why"

    def _end(self) -> None:
        if self._node is None:
            return
        self._node.kill()
        self._node.communicate()
        self._node = None
