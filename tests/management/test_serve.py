"""`make run`: what a person sees who starts the console, and what happens at its end."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from tests.console_server import ROOT, ConsoleServer


@pytest.fixture
def server(tmp_path):
    server = ConsoleServer(tmp_path)
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


def test_a_first_start_says_where_it_is_and_how_to_sign_in_once(server):
    del server.environment["WFCONSOLE_ADMIN_PASSWORD"]
    server.start()
    ready, sign_in = server.log.splitlines()
    assert ready == f"wfconsole ready at {server.url}/"
    server.password = re.fullmatch(r"Sign in as admin with the password (\S+) \(shown this once\)", sign_in)[1]
    with server.client() as client:
        assert client.get("/").status_code == 200
    server.restart()
    assert server.log.count(server.password) == 1
    with server.client() as client:
        assert client.get("/").status_code == 200


def test_the_password_of_the_environment_is_not_printed(server):
    server.start()
    assert server.log.splitlines()[1] == "Sign in as admin with the password in WFCONSOLE_ADMIN_PASSWORD"
    assert server.password not in server.log


def test_ctrl_c_ends_it_cleanly_and_so_does_the_systems_signal(server):
    server.start()
    assert server.stop() == 0
    assert server.log.endswith("wfconsole stopped\n")
    assert "Traceback" not in server.log
    server.start()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0


def test_a_port_that_is_taken_is_one_clear_line(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = server.manage("serve", "--port", str(port), check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"Cannot listen on 127.0.0.1:{port}: address already in use. Choose another one, as in `make run PORT=8001`.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "http"], "PORT is 'http': a number from 1 to 65535 is needed."),
        (["--port", "70000"], "PORT is '70000'"),
        (["--host", "no.such.host.invalid"], "HOST is 'no.such.host.invalid'"),
        (["--host", "192.0.2.1", "--port", "0"], "Cannot listen on 192.0.2.1:0"),
    ],
)
def test_a_wrong_address_is_one_clear_line(server, arguments, said):
    done = server.manage("serve", *arguments, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_module_with_a_fault_is_named_with_its_line(server, tmp_path):
    (tmp_path / "broken_flows.py").write_text("import os\n\nnobody_knows_this\n")
    server.environment |= {"WFCONSOLE_WORKFLOWS": "broken_flows", "PYTHONPATH": str(tmp_path)}
    done = server.manage("serve", "--port", "0", check=False)
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "NameError: name 'nobody_knows_this' is not defined" in done.stderr
    assert "broken_flows.py, line 3" in done.stderr


def test_a_workflow_whose_id_breaks_the_rule_is_named_with_its_line(server, tmp_path):
    (tmp_path / "slashed.py").write_text("from runs.engine import Workflow\n\nflow = Workflow(id='team/etl')\n")
    server.environment |= {"WFCONSOLE_WORKFLOWS": "slashed", "PYTHONPATH": str(tmp_path)}
    done = server.manage("serve", "--port", "0", check=False)
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "Workflow 'team/etl' cannot have this id. A workflow id has 1 to 200 characters" in done.stderr
    assert "slashed.py, line 3" in done.stderr


def test_two_first_starts_at_once_on_one_folder_both_serve(tmp_path):
    one, other = ConsoleServer(tmp_path), ConsoleServer(tmp_path)
    other.log_path = tmp_path / "other.log"
    other.password = one.password
    other.environment["WFCONSOLE_ADMIN_PASSWORD"] = one.password
    command = [sys.executable, "manage.py", "serve", "--port", "0"]
    with one.log_path.open("wb") as log, other.log_path.open("wb") as other_log:
        processes = [
            subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=file, stderr=subprocess.STDOUT)
            for server, file in ((one, log), (other, other_log))
        ]
    try:
        for server in (one, other):
            deadline = time.monotonic() + 30
            while not (found := re.search(r"ready at (\S+)/", server.log)):
                assert time.monotonic() < deadline, server.log
                time.sleep(0.05)
            assert httpx.get(f"{found[1]}/readyz").status_code == 200
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_make_run_starts_it_and_a_second_start_costs_less_than_three_seconds(server):
    """Seconds of the processor, so that a busy machine fails no test; on an idle one the wall clock says the same."""
    command = ["make", "--no-print-directory", "run", f"VENV={sys.prefix}", "PORT=0"]
    for _ in ("first", "second"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=server.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        lines = iter(process.stdout.readline, "")
        # The first start may have packages to install, after requirements.txt has changed.
        line = next((line for line in lines if line.startswith("wfconsole")), "")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to make and to the server
        rest = process.communicate(timeout=15)[0]
        assert line.startswith("wfconsole ready at http://127.0.0.1:"), line + rest
        assert "wfconsole stopped" in rest
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 3.0


def test_the_server_does_without_what_its_libraries_bring_for_others():
    code = (
        "import sys; from wfconsole.server.unused_modules import stub_unused_modules; stub_unused_modules();"
        "import daphne.server, daphne.ws_protocol;"
        "print([name for name in ('OpenSSL', 'cryptography') if sys.modules.get(name)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
