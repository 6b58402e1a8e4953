"""The commands of a start form's panel, each run as it is copied."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from runs.forms.command_lines import javascript, python
from runs.forms.schema.exact_json import Number
from tests.console_server import ROOT, ConsoleServer
from tests.contract.client import ClientMissing, install_client
from tests.web.form_page import FormPage

BODY = """{
  "text": "one two 'three' \\"four\\" $HOME `five` ${six} \\\\ é\\n",
  "tokens": 400,
  "tokens_per_second": 10000
}"""


@pytest.fixture(scope="module")
def commands(console: ConsoleServer) -> tuple[str, dict[str, str]]:
    """A tag, and what the four copy buttons of a form with it hold; the rest is whatever a shell could trip over."""
    tag = f"it's {uuid4().hex[:8]}"
    with console.client() as person:
        page = FormPage(person.get("/workflows/text-stream/start/").text)
        fields = page.with_(
            act="command",
            input_mode="json",
            input_text=BODY,
            tags=tag,
            metadata='{"ticket": "OPS-1", "price": 2988.80, "none": null, "sure": true}',
        )
        answer = person.post("/workflows/text-stream/start/", data=fields, headers={"HX-Request": "true"}).text
    found = re.findall(r'data-command="(\w+)".*?data-copy="([^"]*)"', answer, re.DOTALL)
    assert [kind for kind, _ in found] == ["curl", "python", "js", "cli"]
    return tag, {kind: html.unescape(text) for kind, text in found}


@pytest.fixture
def shell(console, full_token, tmp_path):
    """Runs a text as a shell or another program does: the exit code has to be 0; its output."""

    def run(*program: str, text: str, folder: Path = tmp_path) -> str:
        environment = console.environment | {
            "TOKEN": full_token,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        done = subprocess.run(program, input=text, env=environment, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def check(console, full_token):
    """Checks that a run of this id is there, and the one that the form describes."""
    person = console.client()
    token = {"Authorization": f"Bearer {full_token}"}

    def check(tag: str, run_id: str) -> None:
        path = f"/api/workflows/text-stream/runs/{run_id}"
        while (run := person.get(path, params={"fields": "payload"}, headers=token).json())["status"] != "success":
            assert run["status"] in ("pending", "running")
        assert run["payload"] == json.loads(BODY)
        assert run_id in person.get("/runs/", params={"tag": tag}).text

    yield check
    person.close()


def test_the_curl_line_runs_as_it_is_copied(commands, shell, check):
    tag, lines = commands
    result = json.loads(shell("bash", text=lines["curl"]))
    assert result["status"] == "success"
    check(tag, result["runId"])


def test_the_python_script_runs_as_it_is_copied(commands, shell, check):
    tag, lines = commands
    status, run_id = shell(sys.executable, "-", text=lines["python"]).split()
    assert status == "success"
    check(tag, run_id)


def test_the_line_for_manage_py_runs_as_it_is_copied(commands, shell, check):
    tag, lines = commands
    check(tag, shell("bash", text=lines["cli"], folder=ROOT).strip())


def test_the_javascript_module_runs_as_it_is_copied(commands, shell, check):
    try:
        folder = install_client()
    except ClientMissing as missing:
        pytest.skip(str(missing))
    tag, lines = commands
    status, run_id = shell("node", "--input-type=module", "-", text=lines["js"], folder=folder).split()
    assert status == "success"
    check(tag, run_id)


def test_an_integer_that_javascript_would_round_goes_through_as_it_is_written():
    body = {"inputData": {"id": Number("9007199254740993"), "price": Number("2988.80"), "small": Number("7")}}
    text = javascript("http://127.0.0.1", "any", body)
    assert 'JSON.rawJSON("9007199254740993")' in text
    assert '"price": 2988.80' in text
    assert '"small": 7' in text


def test_a_large_input_goes_by_a_file(console, full_token, shell, tmp_path):
    body = {"inputData": {"text": "word " * 20_000, "tokens": 3, "tokens_per_second": 10_000}}
    (tmp_path / "request.json").write_text(json.dumps(body))
    script = python(console.url, "text-stream", body)
    assert len(script) < 1000
    assert shell(sys.executable, "-", text=script).startswith("success")
