"""Pages hold on PostgreSQL what they hold on SQLite, and say so when the server is down."""

import os
import subprocess
import sys

import pytest

from tests import postgresql
from tests.console_server import ROOT, ConsoleServer

# Left out: what asks nothing of the database that others do not ask, and takes its time; what counts the statements of
# SQLite; what starts consoles of its own.
LEFT_OUT = ("form_identity", "status", "database_file", "sign_in", "thousands", "number_of_queries", "usual_tags")
PATIENCE_SECONDS = 300
PAGES = ("/", "/runs/", "/inbox/", "/workflows/", "/system/", "/api/workflows", "/admin/")

pytestmark = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="this is the run over PostgreSQL")


@pytest.fixture(scope="module")
def cluster():
    if reason := postgresql.missing():
        pytest.skip(reason)
    cluster = postgresql.PostgresCluster()
    yield cluster
    cluster.remove()


def test_the_pages_hold_on_postgresql_what_they_hold_on_sqlite(cluster, tmp_path):
    environment = os.environ | {"DATABASE_URL": cluster.url, "WFCONSOLE_DATA_DIR": str(tmp_path)}
    chosen = " and ".join(f"not {word}" for word in LEFT_OUT)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        chosen,
        "--maxfail=4",
        "--durations=5",
        "tests/web",
    ]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]


def test_while_the_server_is_down_every_page_says_so_and_comes_back_with_it(cluster, tmp_path):
    console = ConsoleServer(tmp_path, {"DATABASE_URL": cluster.url}).start()
    try:
        with console.client() as person:
            run_id = person.post("/api/workflows/text-stream/start-async", json={"inputData": {"tokens": 1}}).json()[
                "runId"
            ]
            nul = person.post(
                "/api/workflows/text-stream/start-async", json={"inputData": {"text": "a\0b", "tokens": 1}}
            )
            assert nul.status_code in (200, 400), nul.text
            backup = console.manage("backup", str(tmp_path / "copy"), check=False)
            assert (backup.returncode, "pg_dump" in backup.stderr) == (2, True)
            seen = len(console.log)
            cluster.kill()
            for path in (*PAGES, f"/runs/{run_id}/", f"/runs/{run_id}/log.txt", f"/runs/{run_id}/events.ndjson"):
                answer = person.get(path, timeout=30)
                assert answer.status_code == 503, path
                assert "The database does not answer." in answer.text
                assert answer.headers["Retry-After"]
            ready = person.get("/readyz", timeout=30)
            assert (ready.status_code, ready.json()["reasons"][:1]) == (503, ["The database does not answer."])
            assert person.get("/healthz").status_code == 200
            assert "Traceback" not in "".join(line for line in console.log[seen:].splitlines() if "django" in line)
            cluster.start()
            for path in PAGES:
                assert person.get(path, timeout=30).status_code == 200, path
    finally:
        console.stop()
