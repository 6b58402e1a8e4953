"""What the README promises works as it is printed there."""

import json
import os
import re
import sys

from tests.console_server import ROOT, ConsoleServer

README = (ROOT / "README.md").read_text()


def test_the_first_workflow_of_the_readme_runs_from_its_own_module(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(code.strip().splitlines()) <= 20
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "hello.py").write_text(code)
    environment = {
        "WFCONSOLE_WORKFLOWS": "runs.workflows,hello",
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "modules"), os.environ.get("PYTHONPATH", "")]),
    }
    console = ConsoleServer(tmp_path, environment).start()
    try:
        (command,) = re.findall(r"^\./manage\.py (start_run hello .*)$", README, re.MULTILINE)
        assert command == 'start_run hello --input \'{"names": ["Alan"]}\' --tag first --follow'
        done = console.manage("start_run", "hello", "--input", '{"names": ["Alan"]}', "--tag", "first", "--follow")
    finally:
        console.stop()
    streamed, _, result = done.stdout.partition("\n")
    assert streamed == "Hello, Alan. "
    assert json.loads(result) == ["Hello, Alan"]


def test_what_the_readme_links_to_exists():
    missing = [target for target in re.findall(r"\]\(([^)#:]+)\)", README) if not (ROOT / target).exists()]
    assert not missing


def test_the_commands_of_the_readme_exist():
    from django.core.management import get_commands

    named = set(re.findall(r"`(?:\./manage\.py )?([a-z]+_[a-z]+)`", README))
    assert named <= set(get_commands()), sys.path
