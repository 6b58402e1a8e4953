"""Fetching the official client: what is said where it cannot be, and that only one process fetches it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .client import ClientMissing, install_client

ROOT = Path(__file__).parents[2]
INSTALL = """
import sys
from pathlib import Path
from tests.contract import client
client.FOLDER = Path(sys.argv[1]) / "client"
print(client.install_client())
"""


def _program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_node_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClientMissing, match="install Node 20 or later with npm"):
        install_client()
    _program(tmp_path, "node", "echo v18.19.0")
    with pytest.raises(ClientMissing, match=r"too old here \(v18.19.0\): install Node 20 or later"):
        install_client()


def test_of_two_processes_one_installs_the_client_and_both_find_it(tmp_path):
    _program(tmp_path, "node", "echo v20.0.0")
    _program(tmp_path, "npm", f"echo called >> {tmp_path}/calls; sleep 0.3; mkdir node_modules")
    command = [sys.executable, "-c", INSTALL, str(tmp_path)]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=30)[0].strip() for process in both] == [str(tmp_path / "client")] * 2
    assert (tmp_path / "calls").read_text() == "called\n"
    assert (tmp_path / "client" / "node_modules").is_dir()


def test_an_installation_that_fails_leaves_nothing_to_be_found(tmp_path):
    _program(tmp_path, "node", "echo v20.0.0")
    _program(tmp_path, "npm", "mkdir node_modules; echo no network >&2; exit 1")
    command = [sys.executable, "-c", INSTALL, str(tmp_path)]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "npm could not install @mastra/client-js@1.47.0: no network" in done.stderr
    assert not (tmp_path / "client").exists()
