"""Commands under a locale that is not UTF-8, with closed standard streams, and on a disk that is full."""

import json
import subprocess
import sys

import pytest

from tests.console_server import ROOT

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}
INPUT = '{"text": "héllo ✓", "tokens": 2, "tokens_per_second": 0}'


def command(
    console, line: str, *, environment: dict[str, str] = ASCII, given: bytes = b""
) -> subprocess.CompletedProcess:
    """Run a line of a shell, in which `manage` is manage.py."""
    return subprocess.run(
        ["sh", "-c", line.replace("manage", f"{sys.executable} manage.py")],
        cwd=ROOT,
        env=console.environment | environment,
        input=given,
        capture_output=True,
        timeout=60,
    )


def test_text_is_utf_8_in_both_directions_whatever_the_locale(console):
    done = command(console, "manage start_run text-stream --input - --follow", given=INPUT.encode())
    assert (done.returncode, done.stdout.decode().splitlines()[0]) == (0, "héllo ✓ "), done.stderr.decode()
    run_id = done.stderr.decode().split()[1]
    for line in (f"manage show_run {run_id}", f"manage show_run {run_id} --json", "manage export_runs --limit 1"):
        done = command(console, line)
        assert (done.returncode, "héllo ✓" in done.stdout.decode()) == (0, True), line


def test_input_that_is_not_utf_8_is_refused_with_the_byte(console):
    done = command(console, "manage start_run text-stream --input -", given=INPUT.encode("utf-16"))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"--input (standard input): byte 0 is not UTF-8 text.\n"


@pytest.mark.parametrize(
    ("redirections", "code", "said"),
    [
        ("<&-", 2, "--input (standard input): it is closed."),
        (">&-", 74, "Standard output is closed; redirect it to a file, or to /dev/null. Nothing was done."),
        (">/dev/full", 74, "the output cannot be written: No space left on device."),
        ("2>&-", 0, ""),
    ],
)
def test_closed_streams_and_full_disks_give_one_line_and_an_exit_code(console, redirections, code, said):
    done = command(
        console, f"manage start_run text-stream --input - {redirections}", environment={}, given=INPUT.encode()
    )
    lines = done.stderr.decode().splitlines()
    assert done.returncode == code, lines
    assert len(lines) == (1 if said else 0)
    assert said in "".join(lines)
    if redirections == ">/dev/full":
        run_id = lines[0].split()[1]  # Run … was started
        assert json.loads(console.manage("show_run", run_id, "--json").stdout)["runId"] == run_id


def test_a_listing_on_a_full_disk_says_so(console):
    done = command(console, "manage list_workflows >/dev/full", environment={})
    assert (done.returncode, done.stderr) == (74, b"The output cannot be written: No space left on device.\n")
