"""Replays sessions by the contract's own runner, and weighs what differs against the divergences that are meant."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.console_server import ConsoleServer

HERE = Path(__file__).parent
CLIENT = "@mastra/client-js@1.47.0"
# Outside what is under version control, and kept: the client and what it needs are 145 MB.
NODE_FOLDER = Path(sys.prefix) / "node-client"
REPLAY_SECONDS = 900


class NodeMissing(Exception):
    """The client cannot be run here; the text says what to install."""


@dataclass(frozen=True)
class Outcome:
    """What came of a session. `differences`: `step N call: what` of each step that differs and should not."""

    name: str
    differences: tuple[str, ...]
    meant: tuple[str, ...] = ()  # differences that the list of divergences has

    @property
    def passed(self) -> bool:
        return not self.differences

    @property
    def line(self) -> str:
        if self.differences:
            return f"FAIL {self.name}\n     " + "\n     ".join(self.differences)
        return f"ok   {self.name}" + (" (differs as meant)" if self.meant else "")


@contextmanager
def open_contract_console() -> Iterator[tuple[str, str]]:
    """A console with the contract's workflows: its address, and a token that may do everything."""
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        server = ConsoleServer(Path(folder), {"WFCONSOLE_WORKFLOWS": "tests.contract.fixtures"}).start()
        try:
            scopes = [f"--scope={scope}" for scope in ("read", "start", "answer", "manage")]
            yield server.url, server.manage("create_token", "contract", *scopes).stdout.strip()
        finally:
            server.kill()


def install_client() -> Path:
    """The folder in which the official client can be found. Raises NodeMissing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NodeMissing("Node is missing. `apt-get install nodejs npm`, or install Node 20 or later.")
    if not (NODE_FOLDER / "node_modules" / "@mastra" / "client-js").is_dir():
        NODE_FOLDER.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--silent", CLIENT],
            cwd=NODE_FOLDER,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise NodeMissing(f"npm could not install {CLIENT}:\n{done.stderr[-2000:]}")
    return NODE_FOLDER


def replay(folder: Path, url: str, token: str, text: str = "") -> list[Outcome]:
    """Replay the sessions of a folder, each once, in their order."""
    environment = os.environ | {"BASE_URL": url, "TOKEN": token, "VERBOSE": "1"}
    done = subprocess.run(
        ["node", str(HERE / "replay.mjs"), str(folder.resolve()), text],
        cwd=install_client(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=REPLAY_SECONDS,
    )
    outcomes = list(_outcomes(done.stdout))
    if not outcomes and done.stderr:
        raise NodeMissing(done.stderr[-2000:])
    return outcomes


def _outcomes(output: str) -> Iterator[Outcome]:
    meant = divergences()
    name, found = "", []
    for line in [*output.splitlines(), "end"]:
        if line.startswith("     "):
            found.append(line.strip())
            continue
        if name:
            yield _weighed(name, found, meant.get(name, []))
        name, found = "", []
        if match := re.fullmatch(r"(?:ok  |FAIL) (\S+)", line):
            name = match[1]


def _weighed(name: str, found: list[str], meant: list[str]) -> Outcome:
    """Steps are listed as `step 2`; all that they differ in is meant."""
    as_meant = [difference for difference in found if re.match(r"[^:]*", difference)[0].rpartition(" ")[0] in meant]
    return Outcome(name, tuple(each for each in found if each not in as_meant), tuple(as_meant))


def divergences() -> dict[str, list[str]]:
    """By session, the steps in which this console knowingly does better."""
    listed = tomllib.loads((HERE / "divergences.toml").read_text())
    return {name: entry["steps"] for name, entry in listed.items()}


def sessions_of(folder: Path) -> list[str]:
    return [json.loads(path.read_text())["name"] for path in sorted(folder.glob("*.json"))]
