"""A database file that is moved away, replaced or damaged under the running console is noticed."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.console_server import DATABASE

START = "/api/workflows/text-stream/start-async"
BODY = {"inputData": {"tokens": 1}}


@pytest.mark.parametrize(("way", "word"), [("moved", "moved or deleted"), ("replaced", "replaced")])
def test_a_file_that_is_no_longer_there_is_told_and_takes_no_starts(new_console, way, word):
    console = new_console()
    file = console.data_dir / DATABASE
    aside = console.data_dir / "aside.sqlite3"
    with console.client() as person:
        assert person.post(START, json=BODY).status_code == 200
        if way == "replaced":
            shutil.copy(file, aside)
            aside.rename(file)
        else:
            file.rename(aside)
        ready = person.get("/readyz")
        assert ready.status_code == 503
        assert word in ready.json()["reasons"][0]
        refused = person.post(START, json=BODY)
        assert refused.status_code == 503
        assert word in refused.json()["error"]
        if way == "moved":
            aside.rename(file)
            assert person.get("/readyz").status_code == 200
            assert person.post(START, json=BODY).status_code == 200


@pytest.mark.parametrize("table", ["runs_runevent", "django_session"])
def test_damaged_pages_are_503_with_the_reason(new_console, table):
    console = new_console()
    with console.client() as person:
        run_id = person.post(START, json=BODY).json()["runId"]
        console.stop()
        _damage(console.data_dir / DATABASE, table)
        console.start()
        seen = len(console.log)
        for accept in ("text/html", "application/json"):
            answer = person.get(f"/runs/{run_id}/", headers={"Accept": accept})
            assert answer.status_code == 503
            assert "The database file is damaged" in answer.text
        assert "Traceback" not in console.log[seen:]


def _damage(file: Path, table: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        roots = database.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = ?", [table]).fetchall()
    data = bytearray(file.read_bytes())
    for (root,) in roots:
        data[(root - 1) * size : root * size] = b"\xff" * size
    file.write_bytes(data)
