"""Storage and execution hold on PostgreSQL what they hold on SQLite: the same tests, run again over a server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgresql

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def cluster():
    if reason := postgresql.missing():
        pytest.skip(reason)
    cluster = postgresql.PostgresCluster()
    yield cluster
    cluster.remove()


# What speaks to the database in words of its own, or waits for another process; not what is refused before that.
EXECUTION_FILES = [
    *("tests/executor/test_admission.py", "tests/executor/test_answer.py", "tests/executor/test_cancel.py"),
    *("tests/executor/test_deadlines.py", "tests/executor/test_doubt.py", "tests/executor/test_embedded.py"),
    *("tests/executor/test_fence.py", "tests/executor/test_recovery.py", "tests/executor/test_retention.py"),
    *("tests/executor/test_large_values.py", "tests/executor/test_unreadable_events.py"),
    "tests/executor/test_writer.py",
]
CHOSEN = ["-k", "not random_moments and not refuse"]


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="this is the run over PostgreSQL")
@pytest.mark.parametrize("what", [["tests/store"], EXECUTION_FILES], ids=["store", "execution"])
def test_what_holds_on_sqlite_holds_on_postgresql(cluster, what, tmp_path):
    environment = os.environ | {
        "DATABASE_URL": cluster.url,
        "WFCONSOLE_DATA_DIR": str(tmp_path),
        "WFCONSOLE_EXECUTOR": "embedded",
    }
    # Reader threads keep a connection each until the process ends; the cluster is removed whole.
    undropped = ["-W", "ignore:Error when trying to teardown test databases:pytest.PytestWarning"]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *undropped, *CHOSEN, *what]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="this is the run over PostgreSQL")
def test_a_server_that_dies_and_comes_back_loses_nothing_and_repeats_nothing(cluster, tmp_path):
    environment = os.environ | {"DATABASE_URL": cluster.url, "WFCONSOLE_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.store.steady_process"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        for _ in range(2):
            cluster.kill()
            cluster.start()
        assert process.stdout.readline() == "whole\n"
