"""A disk that is full, and files that may not be written, while runs are at work."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.chaos.beside import Inside
from tests.chaos.conftest import LONG, SEED, WORKFLOWS
from tests.console_server import ConsoleServer
from tests.web.form_page import FormPage

DISK_BYTES = 64 << 20
RUNS = 64 if LONG else 24
BAD_SECONDS = 20.0 if LONG else 2.0
NOTICE_SECONDS = 20.0
END_SECONDS = 120.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", folder], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the disk to its last byte; free it again."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        part = bytes(1 << 20)
        while part:
            try:
                file.write(part)
            except OSError:
                part = part[: len(part) // 2]
        yield
    ballast.unlink()


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Nobody, not even root or who has them open already, may write these files."""
    files = [str(file) for file in folder.glob("wfconsole.sqlite3*") if not file.name.endswith("-shm")]
    made = subprocess.run(["chattr", "+i", *files], capture_output=True, text=True)
    if made.returncode != 0:
        subprocess.run(["chattr", "-i", *files], capture_output=True)
        pytest.skip(f"files cannot be made immutable here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


def readiness(console: ConsoleServer) -> tuple[int, str]:
    answer = httpx.get(f"{console.url}/readyz", timeout=20)
    return answer.status_code, " ".join(answer.json()["reasons"])


def until(what: Callable[[], object], seconds: float, words: str) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, words
        time.sleep(0.1)


def refuse_start(client: httpx.Client) -> None:
    """A start is refused in words, and what was typed comes back.

    It is a large one: where what 64 runs write at once has no room, a small one may still have some.
    """
    story = "a long story " * 60_000
    page = FormPage(client.get("/workflows/text-stream/start/").text)
    given = page.fields | {"v:input/text": story, "act": "start"}
    answer = client.post("/workflows/text-stream/start/", data=given)
    assert answer.status_code in (503, 507), answer.text[:2000]
    assert "a long story" in answer.text
    asked = client.post("/api/workflows/text-stream/start-async", json={"inputData": {"text": story, "tokens": 1}})
    assert asked.status_code in (503, 507)
    assert "Nothing was stored" in asked.json()["error"]


@contextmanager
def console_on(folder: Path, log_path: Path) -> Iterator[ConsoleServer]:
    """A console with its data there, and its log elsewhere."""
    console = ConsoleServer(folder, WORKFLOWS)
    console.log_path = log_path
    console.start()
    try:
        yield console
    finally:
        console.stop()


def check(console: ConsoleServer, ledger: Path, bad: Callable, reason: str) -> dict:
    """Runs at work when the disk turns bad stop, say why, and go on when it is over: none failed, no step twice."""
    with closing(Inside(console, ledger, SEED)) as inside, closing(console.client()) as client:
        inside.ask("start", RUNS)
        with bad(console.data_dir):
            until(lambda: readiness(console)[0] == 503, NOTICE_SECONDS, "the console says that it is ready")
            assert reason in readiness(console)[1]
            refuse_start(client)
            until(
                lambda: readiness(console)[1] in client.get("/system/").text, NOTICE_SECONDS, "/system/ says otherwise"
            )
            stopped = inside.ask("committed")
            time.sleep(BAD_SECONDS)  # how long it lasts is what this test is about
            assert inside.ask("committed") == stopped  # nothing is shown that is not stored
            assert client.get("/runs/").status_code == 200
        until(lambda: readiness(console)[0] == 200, NOTICE_SECONDS, "the console does not say that it is ready again")
        until(lambda: inside.ask("active") == 0, END_SECONDS, "the runs do not go on")
        judged = inside.ask("verdict", 0)
    assert judged["wrong"] == []
    assert judged["repeated"] == 0
    return judged


def test_a_full_disk_stops_runs_and_loses_nothing(small_disk, tmp_path, tell):
    with console_on(small_disk, tmp_path / "server.log") as console:
        judged = check(console, tmp_path / "ledger", full, "full")
    tell(f"full disk for {BAD_SECONDS:.0f} s: {judged['runs']} runs went on, no step was repeated")


def test_files_that_may_not_be_written_stop_runs_and_lose_nothing(tmp_path, tell):
    if shutil.which("chattr") is None or os.geteuid() != 0:
        pytest.skip("only root can make files immutable, with chattr of e2fsprogs")
    folder = tmp_path / "data"
    folder.mkdir()
    with console_on(folder, tmp_path / "server.log") as console:
        judged = check(console, tmp_path / "ledger", unwritable, "database")
    tell(f"no write permission for {BAD_SECONDS:.0f} s: {judged['runs']} runs went on, no step was repeated")
