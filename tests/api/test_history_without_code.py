"""Runs whose workflow has changed, is gone from the code or was deleted: what is stored is read by every route."""

import re

import httpx
import pytest

MODULE = """
import os
from runs.engine import UNSET, Workflow, step

async def greet(ctx):
    await ctx.writer.write("hello")
    return {"hello": 1}

async def ask(ctx):
    return await ctx.suspend({"message": "Go on?"}) if ctx.resume_data is UNSET else {"answer": ctx.resume_data}

release = int(os.environ.get("RELEASE", "1"))
greeting, asking = step(greet), step(ask)
if release == 1:
    changed = Workflow(id="changed").then(greeting).commit()
    gone = Workflow(id="gone").then(greeting).commit()
    unanswered = Workflow(id="unanswered").parallel([greeting, asking]).commit()
else:
    changed = Workflow(id="changed").foreach(asking).commit()
"""
STORED = {
    "id": "deleted",
    "inputSchema": {},
    "outputSchema": {},
    "graph": [{"type": "tool", "id": "greeting", "toolId": "greet"}],
}
RUNS = {"changed": "success", "gone": "success", "deleted": "success", "unanswered": "suspended"}


@pytest.fixture(scope="module")
def later(serving, tmp_path_factory):
    """A client of a console with runs of an earlier release of the code, and the results that their starts gave."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "releases.py").write_text(MODULE)
    environment = {"WFCONSOLE_WORKFLOWS": "releases", "PYTHONPATH": str(folder), "RELEASE": "1"}
    with serving(environment) as console:
        headers = {"Authorization": f"Bearer {console.token('read', 'start', 'answer', 'manage')}"}
        with httpx.Client(base_url=f"{console.url}/api", headers=headers, timeout=30) as client:
            assert client.post("/stored/workflows", json=STORED).status_code == 200
            for workflow, status in RUNS.items():
                started = client.post(
                    f"/workflows/{workflow}/start-async?runId={workflow}-1", json={"inputData": {"n": 1}}
                )
                assert started.json()["status"] == status, started.text
            assert client.delete("/stored/workflows/deleted").status_code == 200
            console.environment["RELEASE"] = "2"
            console.restart()
            yield client, console


@pytest.mark.parametrize("workflow", RUNS)
def test_every_reading_route_answers_for_a_run_that_has_no_code(later, workflow):
    client, _ = later
    run = client.get(f"/workflows/{workflow}/runs/{workflow}-1").json()
    trace = client.get("/observability/traces", params={"runId": run["runId"]})
    assert trace.status_code == 200
    spans = [span for span in trace.json()["spans"] if span["entityId"] == workflow]
    names = {"workflow_id": workflow, "run_id": run["runId"]}
    names |= {"trace_id": spans[0]["traceId"], "span_id": spans[0]["spanId"]} if spans else {}
    asked = 0
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        wanted = set(re.findall(r"{(\w+)}", path))
        if not wanted or not wanted <= names.keys() or "/stored/" in path:
            continue
        address = path.removeprefix("/api").format(**names)
        if "get" in operations:
            found = client.get(address)
        elif path.endswith("/observe"):
            found = client.post(address, params={"runId": run["runId"]}, json={})
        else:
            continue
        assert found.status_code == 200, (address, found.text[:300])
        asked += 1
    assert asked >= 4


@pytest.mark.parametrize(("workflow", "status"), RUNS.items())
def test_a_run_that_has_no_code_is_told_as_it_was_stored(later, workflow, status):
    client, _ = later
    run = client.get(f"/workflows/{workflow}/runs/{workflow}-1").json()
    assert (run["status"], run["workflowName"]) == (status, workflow)
    steps = [entry["type"] for entry in run["serializedStepGraph"]]
    assert steps == (["parallel"] if workflow == "unanswered" else ["step"])
    if status == "success":
        assert run["result"] == {"hello": 1}
        assert client.get(f"/workflows/{workflow}/runs/{workflow}-1?fields=result").json()["result"] == {"hello": 1}
    (row,) = client.get(f"/workflows/{workflow}/runs").json()["runs"]
    assert (row["runId"], row["snapshot"]["status"]) == (f"{workflow}-1", status)
    records = client.post(f"/workflows/{workflow}/observe?runId={workflow}-1", json={}).text.split("\x1e")
    assert any('"hello"' in record for record in records)


@pytest.mark.parametrize("workflow", RUNS)
def test_the_commands_read_a_run_whose_module_cannot_be_imported(later, workflow):
    _, console = later
    before = console.environment["WFCONSOLE_WORKFLOWS"]
    console.environment["WFCONSOLE_WORKFLOWS"] = "no_such_module"
    try:
        shown = console.manage("show_run", f"{workflow}-1", "--json").stdout
        exported = console.manage("export_runs", "--workflow", workflow).stdout
    finally:
        console.environment["WFCONSOLE_WORKFLOWS"] = before
    assert f'"{workflow}-1"' in shown
    assert f'"{workflow}-1"' in exported


@pytest.mark.parametrize("workflow", RUNS)
def test_the_pages_of_a_run_that_has_no_code_open(later, workflow):
    _, console = later
    tabs = ["overview", "steps", "timeline", "input", "state", "stream", "logs", "trace", "raw", "activity"]
    pages = [f"/runs/{workflow}-1/?tab={tab}" for tab in tabs]
    pages += [f"/runs/{workflow}-1/{part}" for part in ("events", "events.ndjson", "digest", "again/", "log.txt")]
    pages += [f"/runs/{workflow}-1/value/?of=input", f"/workflows/{workflow}/", "/workflows/", "/runs/", "/inbox/", "/"]
    with console.client() as client:
        assert {address: client.get(address).status_code for address in pages} == dict.fromkeys(pages, 200)


def test_a_question_that_cannot_be_answered_here_says_so_before_anybody_answers(later):
    client, console = later
    refused = client.post("/workflows/unanswered/resume-async?runId=unanswered-1", json={"resumeData": {"ok": True}})
    sentence = refused.json()["error"]
    assert refused.status_code == 409
    assert sentence == (
        "This run needs version 1 of unanswered, and this server does not have its code. "
        "Add its module to WFCONSOLE_WORKFLOWS and restart, or cancel it."
    )
    with console.client() as person:
        for address in ("/runs/unanswered-1/", "/runs/unanswered-1/answer/", "/inbox/", "/runs/", "/"):
            page = person.get(address).text
            assert sentence in page, address
            assert "data-answer>" not in page, address
        form = {"asked": "5", "act": "answer", "v:/": "all that was typed"}
        asked = re.search(r"asked=(\d+)", person.get("/inbox/").text)
        sent = person.post("/runs/unanswered-1/answer/", data=form | {"asked": asked[1]})
        assert sent.status_code == 409
        assert sentence in sent.text
        assert "all that was typed" in sent.text
    told = console.manage("resume_run", "unanswered-1", "--data", "{}", check=False)
    assert (told.returncode, told.stderr.strip()) == (1, sentence)
    assert client.get("/workflows/unanswered/runs/unanswered-1").json()["status"] == "suspended"
