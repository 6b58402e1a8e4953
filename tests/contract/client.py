"""The official client and the Node that it runs in: what has to be there, and what is fetched once."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CLIENT = "@mastra/client-js"
VERSION = "1.47.0"
# The 137 packages that the client needs are as of this day, too.
AS_OF = "2026-11-22"
OLDEST_NODE = 20
INSTALL_SECONDS = 600
# Outside what is under version control, and kept: the packages are 145 MB.
FOLDER = Path(sys.prefix) / f"mastra-client-{VERSION}"


class ClientMissing(Exception):
    """The client cannot be run here; the text says what to install."""


def install_client() -> Path:
    """The folder in which Node finds the client, once it is there. Raises ClientMissing.

    Of several processes at once one installs, the others wait for it. A broken-off installation leaves no such folder.
    """
    _check_node()
    with (FOLDER.parent / f"{FOLDER.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not FOLDER.is_dir():
            _install(FOLDER.with_name(f"{FOLDER.name}.part"))
    return FOLDER


def _check_node() -> None:
    remedy = f"install Node {OLDEST_NODE} or later with npm (https://nodejs.org)"
    if shutil.which("node") is None:
        raise ClientMissing(f"The official client runs in Node, which is missing here: {remedy}.")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < OLDEST_NODE:
        raise ClientMissing(f"The official client runs in Node, which is too old here ({version}): {remedy}.")
    if not FOLDER.is_dir() and shutil.which("npm") is None:
        raise ClientMissing(f"The official client is fetched by npm, which is missing here: {remedy}.")


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}\n')
    command = ["npm", "install", f"{CLIENT}@{VERSION}", f"--before={AS_OF}", "--no-audit", "--no-fund", "--silent"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise ClientMissing(f"npm did not install {CLIENT} within {INSTALL_SECONDS} seconds.") from None
    if done.returncode != 0:
        told = f"{done.stdout}\n{done.stderr}".strip()[-2000:] or "it did not say why"
        raise ClientMissing(f"npm could not install {CLIENT}@{VERSION}: {told}")
    os.replace(folder, FOLDER)
