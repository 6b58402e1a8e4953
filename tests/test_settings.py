"""A wrong setting stops the start with one line that names the variable, the value and what is allowed."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console_server import ROOT, ConsoleServer

SETTINGS = ROOT / "wfconsole" / "settings.py"
DOCUMENTED = ROOT / "docs" / "configuration.md"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Surroundings in which nothing is set but the data folder."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WFCONSOLE_DATA_DIR", str(tmp_path))
    return monkeypatch


def variables() -> list[str]:
    from wfconsole.settings import Environment

    return [name.upper() for name in Environment.model_fields]


def read_settings() -> dict[str, object]:
    return runpy.run_path(str(SETTINGS))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WFCONSOLE_SECRET_KEY", "short", "at least 32 characters"),
        ("WFCONSOLE_ADMIN_PASSWORD", "1234", "at least 8 characters"),
        ("WFCONSOLE_API_TOKEN", "1234", "at least 16 characters"),
        ("WFCONSOLE_METRICS_TOKEN", "1234", "at least 16 characters"),
        ("WFCONSOLE_WORKFLOWS", " , ", "at least one name"),
        ("WFCONSOLE_ALLOWED_HOSTS", ",", "at least one name"),
        ("WFCONSOLE_HTTP_PRIVATE_NETWORKS", "10.0.0.0/8,intranet", "networks such as"),
        ("WFCONSOLE_DEBUG", "perhaps", "a valid boolean"),
        ("WFCONSOLE_MAX_BODY_BYTES", "4 MB", "a valid integer"),
        ("WFCONSOLE_MAX_BODY_BYTES", "10", "greater than or equal to 1024"),
        ("WFCONSOLE_SQLITE_SYNCHRONOUS", "off", "'normal' or 'full'"),
        ("WFCONSOLE_EXECUTOR", "celery", "'embedded' or 'workers'"),
        ("WFCONSOLE_EXECUTOR", "workers", "embedded; worker processes"),
        ("WFCONSOLE_CONCURRENCY", "0", "greater than or equal to 1"),
        ("WFCONSOLE_NAME", "x" * 25, "at most 24 characters"),
        ("WFCONSOLE_DATA_DIR", "/proc/nowhere", "a folder that can be written"),
        ("DATABASE_URL", "mysql://host/name", "sqlite:///path or postgres://"),
        ("DATABASE_URL", "sqlite:wfconsole.db", "sqlite:///path"),
        ("DATABASE_URL", "sqlite:////nowhere/at/all.db", "a folder that exists"),
        ("DATABASE_URL", "postgres://host:99999999/name", "postgres://user:password@host:port/name"),
        ("REDIS_URL", "localhost", "redis://host:port/number"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http://host:port"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://host", "http://host:port"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "'http/protobuf'"),
    ],
)
def test_a_wrong_value_stops_the_start_and_says_what_is_allowed(environment, capsys, name, value, allowed):
    environment.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        read_settings()
    said = capsys.readouterr().err
    assert stopped.value.code == 78
    assert said.count("\n") == 1
    assert said.startswith(f"wfconsole: {name} is ")
    assert allowed in said


@pytest.mark.parametrize("name", ["WFCONSOLE_SECRET_KEY", "WFCONSOLE_ADMIN_PASSWORD", "WFCONSOLE_API_TOKEN"])
def test_a_wrong_secret_is_not_repeated(environment, capsys, name):
    environment.setenv(name, "hunter2")
    with pytest.raises(SystemExit):
        read_settings()
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_the_password_of_an_address_is_not_repeated(environment, capsys, name):
    environment.setenv(name, "mysql://someone:hunter2@host/name")
    with pytest.raises(SystemExit):
        read_settings()
    said = capsys.readouterr().err
    assert "hunter2" not in said
    assert "mysql://…@host/name" in said


def test_every_wrong_value_is_named_at_once(environment, capsys):
    environment.setenv("WFCONSOLE_DEBUG", "perhaps")
    environment.setenv("WFCONSOLE_CONCURRENCY", "none")
    with pytest.raises(SystemExit):
        read_settings()
    assert re.findall(r"wfconsole: (\w+) is", capsys.readouterr().err) == ["WFCONSOLE_DEBUG", "WFCONSOLE_CONCURRENCY"]


def test_an_empty_variable_counts_as_absent(environment):
    environment.setenv("WFCONSOLE_MAX_BODY_BYTES", "")
    assert read_settings()["MAX_BODY_BYTES"] == 4_718_592


def test_the_secret_key_is_made_once_and_kept_for_its_owner_alone(environment, tmp_path):
    first = read_settings()["SECRET_KEY"]
    assert read_settings()["SECRET_KEY"] == first
    assert len(str(first)) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_read_one_whole_key(tmp_path):
    code = "import sys; from pathlib import Path; from wfconsole.secret_key import stored_secret_key as key; \
print(*{key(Path(sys.argv[1]) / str(n)) for n in range(200) if not (Path(sys.argv[1]) / str(n)).mkdir(exist_ok=True)})"
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=SETTINGS.parent.parent, stdout=subprocess.PIPE) for _ in range(4)]
    keys = [set(process.communicate(timeout=60)[0].split()) for process in processes]
    assert [len(found) for found in keys] == [200] * 4
    assert keys[0] == keys[1] == keys[2] == keys[3]


def test_an_empty_key_file_stops_the_start_in_one_line(environment, tmp_path, capsys):
    (tmp_path / "secret_key").touch()
    with pytest.raises(SystemExit):
        read_settings()
    assert "remove that file" in capsys.readouterr().err


def test_a_postgresql_address_is_unescaped_and_its_options_reach_libpq(environment):
    environment.setenv("DATABASE_URL", "postgres://me:p%40ss@db.example:5433/console?sslmode=require")
    settings = read_settings()
    database = settings["DATABASES"]["default"]
    assert (database["USER"], database["PASSWORD"], database["HOST"]) == ("me", "p@ss", "db.example")
    assert (database["PORT"], database["NAME"], settings["EXECUTOR"]) == (5433, "console", "embedded")
    assert database["OPTIONS"] == {"sslmode": "require"}


def test_a_sqlite_address_is_a_path(environment, tmp_path):
    environment.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    assert read_settings()["DATABASES"]["default"]["NAME"] == str(tmp_path / "other.db")


def test_a_module_of_workflows_that_cannot_be_imported_stops_the_start_in_one_line(tmp_path):
    server = ConsoleServer(tmp_path, {"WFCONSOLE_WORKFLOWS": "no.such.module"})
    done = server.manage("serve", "--port", "0", check=False)
    assert done.returncode != 0
    assert "WFCONSOLE_WORKFLOWS" in done.stderr
    assert "no.such.module" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_variable_is_documented_with_its_default():
    documented = set(re.findall(r"^\| `([A-Z_]+)`", DOCUMENTED.read_text(), re.MULTILINE))
    assert documented == set(variables())


def test_django_finds_nothing_to_warn_of_before_a_deployment(tmp_path):
    """But for the switches that a TLS proxy decides: HSTS, the redirect, and cookies that are Secure per request."""
    environment = {"WFCONSOLE_DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"security\.W\d+", done.stderr)) <= {
        "security.W004",  # HSTS: the proxy's to promise
        "security.W008",  # redirect to HTTPS: the proxy's
        "security.W012",  # Secure cookies: wfconsole/middleware/secure_cookies.py, by request
        "security.W016",
    }
