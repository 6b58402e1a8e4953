"""A PostgreSQL of the tests' own: a private cluster on a free port, gone at the end."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

START_SECONDS = 30.0
# What the data is worth: nothing. So the server need not wait for the disk.
FAST = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off", "-c", "max_connections=60"]


def missing() -> str:
    """Why no cluster can be made here; empty: it can."""
    if _binary("initdb") is None or _binary("postgres") is None:
        return "PostgreSQL's initdb and postgres are not installed (apt-get install postgresql)"
    if os.geteuid() == 0 and _unprivileged() is None:
        return "PostgreSQL does not run as root, and there is no user postgres or nobody to run it"
    return ""


class PostgresCluster:
    """A running server; `url` names its database, for DATABASE_URL."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wfconsole-pg-"))
        self.port = _free_port()
        self.url = f"postgres://tests@127.0.0.1:{self.port}/postgres"
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:
            user = _unprivileged()
            shutil.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data = str(self.folder / "data")
        self._run([_binary("initdb"), "-D", data, "-U", "tests", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"])
        self.log_path = self.folder / "log"
        self._log = self.log_path.open("wb")
        self._command = [_binary("postgres"), "-D", data, "-p", str(self.port), "-k", str(self.folder)]
        self._command += ["-c", "listen_addresses=127.0.0.1", *FAST]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, cwd=self.folder, **self._as
        )
        deadline = time.monotonic() + START_SECONDS
        while b"ready to accept connections" not in self.log_path.read_bytes():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL did not start:\n{self.log_path.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, connections and all; `start()` brings it back."""
        self.process.send_signal(3)  # SIGQUIT: immediate shutdown
        self.process.wait(20)
        self.log_path.write_bytes(b"")

    def remove(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(3)
            self.process.wait(20)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._as)


def _binary(name: str) -> str | None:
    return shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)


def _unprivileged() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
