"""The API against its own OpenAPI document: whatever schemathesis thinks of, no 500 and no status that is not told."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console_server import ConsoleServer

SECONDS = 20
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
# A run that waits for an answer, so that most calls come as far as the engine.
CONFIG = """
[parameters]
"path.workflow_id" = "approve"
"path.run_id" = "{run_id}"
"query.runId" = "{run_id}"

[[operations]]
include-method = "DELETE"
parameters = {{ "path.run_id" = "gone" }}
"""


@pytest.fixture
def served(new_console) -> ConsoleServer:
    """The contract's workflows end at once, or wait for an answer: none of them holds a call up."""
    return new_console({"WFCONSOLE_WORKFLOWS": "tests.contract.fixtures"})


def test_the_api_is_as_its_document_tells(served, tmp_path: Path):
    scopes = [f"--scope={scope}" for scope in ("read", "start", "answer", "manage")]
    token = served.manage("create_token", "fuzz", *scopes).stdout.strip()
    run_id = json.loads(served.manage("start_run", "approve", "--input", '{"value": 1}', "--json").stdout)["runId"]
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(run_id=run_id))
    command = [
        *(str(Path(sys.executable).parent / "st"), "--config-file", str(tmp_path / "schemathesis.toml")),
        *("run", f"{served.url}/api/openapi.json", "--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-time", str(SECONDS)),
        *("--max-examples", "5", "--request-timeout", "10", "--warnings", "off"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout[-6000:]
    number = int(re.search(r"(\d+) generated", done.stdout)[1])
    assert number > 50, done.stdout[-3000:]
