"""`manage.py backup`: a copy that a console starts from, made while runs are written."""

import json
import shutil
import sqlite3
import stat

import pytest

from tests.console_server import DATABASE, ConsoleServer

MANY = {"inputData": {"tokens": 2000, "tokens_per_second": 0}}


def backup(console, file):
    return console.manage("backup", str(file), check=False)


def test_a_copy_made_under_writes_is_whole_and_a_console_starts_from_it(new_console, tmp_path):
    console = new_console()
    file = tmp_path / "copy.sqlite3"
    with console.client() as person:
        ids = [person.post("/api/workflows/text-stream/start-async", json=MANY).json()["runId"] for _ in range(3)]
        for _ in range(20):
            person.post("/api/workflows/text-stream/start-no-wait", json=MANY)
            run = person.post("/api/workflows/text-stream/create-run").json()["runId"]
            person.post("/api/workflows/text-stream/start", params={"runId": run}, json=MANY)
        done = backup(console, file)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.sqlite3"]
    copy = sqlite3.connect(file)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    # Of no run half a commit: the card and the log say the same.
    assert not copy.execute(
        "SELECT id FROM runs_workflowrun WHERE last_seq != (SELECT coalesce(max(seq), 0) FROM runs_runevent"
        " WHERE run_id = id)"
    ).fetchall()
    copy.close()

    folder = tmp_path / "restored"
    folder.mkdir()
    shutil.copy(file, folder / DATABASE)
    shutil.copy(console.data_dir / "secret_key", folder)
    restored = ConsoleServer(folder).start()
    try:
        for run_id in ids:
            assert json.loads(restored.manage("show_run", run_id, "--json").stdout)["status"] == "success"
        assert restored.manage("start_run", "text-stream", "--input", '{"tokens": 1}', "--follow").returncode == 0
    finally:
        restored.stop()


def test_a_file_is_not_overwritten_and_a_folder_that_is_absent_is_named(console, tmp_path):
    file = tmp_path / "mine"
    file.write_text("precious")
    done = backup(console, file)
    assert (done.returncode, file.read_text()) == (2, "precious")
    assert "is not overwritten" in done.stderr
    done = backup(console, tmp_path / "nowhere" / "copy")
    assert done.returncode == 1
    assert "cannot be written: no such file or directory." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_database_gives_no_copy(new_console, tmp_path):
    console = new_console()
    console.stop()
    database = console.data_dir / DATABASE
    data = bytearray(database.read_bytes())
    for page in range(4, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    database.write_bytes(data)
    done = backup(console, tmp_path / "copy")
    assert done.returncode == 1
    assert "No copy was made" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_the_data_folder_and_its_files_become_private(serving, tmp_path, mode, migrated):
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(migrated, folder / DATABASE)
    (folder / DATABASE).chmod(0o644)
    folder.chmod(mode)
    console = ConsoleServer(folder).start()
    try:
        with console.client() as person:
            person.post("/api/workflows/text-stream/start-async", json=MANY)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path != console.log_path}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {name for name, mode in modes.items() if mode & 0o077} == set()
        assert {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "secret_key"} <= modes.keys()
    finally:
        console.stop()
