"""Starting and reading runs by HTTP, as programs do it."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from runs.forms.command_lines import curl

WORDS = {"inputData": {"text": "one two three", "tokens_per_second": 10_000}}
FLOW = "/workflows/text-stream"


def test_the_line_of_the_start_form_works_as_copied(console, full_token, tmp_path):
    script = curl(console.url, "text-stream", WORDS).replace("curl ", "curl -sS --fail-with-body ", 1)
    done = subprocess.run(
        ["bash", "-c", script], env={"TOKEN": full_token, "PATH": "/usr/bin:/bin"}, capture_output=True
    )
    assert json.loads(done.stdout)["status"] == "success", done.stderr


def test_a_run_is_made_started_listed_read_and_deleted(api):
    run_id = api.post(f"{FLOW}/create-run", json={"resourceId": "me"}).json()["runId"]
    row = api.get(f"{FLOW}/runs", params={"resourceId": "me", "status": "pending"}).json()["runs"][0]
    assert (row["runId"], row["snapshot"]["status"]) == (run_id, "pending")
    assert api.post(f"{FLOW}/start", params={"runId": run_id}, json=WORDS).status_code == 200
    assert api.post(f"{FLOW}/start", params={"runId": run_id}, json=WORDS).status_code == 409
    while (found := api.get(f"{FLOW}/runs/{run_id}").json())["status"] in ("pending", "running"):
        pass
    assert (found["status"], found["resourceId"]) == ("success", "me")
    assert api.delete(f"{FLOW}/runs/{run_id}").status_code == 200
    assert api.get(f"{FLOW}/runs/{run_id}").status_code == 404


def test_the_page_of_a_run_that_is_not_started_opens(api, console):
    run_id = api.post(f"{FLOW}/create-run").json()["runId"]
    with console.client() as person:
        for tab in ("overview", "stream", "steps", "state", "input", "raw"):
            assert person.get(f"/runs/{run_id}/", params={"tab": tab}).status_code == 200
        assert person.post(f"/runs/{run_id}/cancel/").status_code == 200
    assert api.get(f"{FLOW}/runs/{run_id}").json()["status"] == "canceled"


def test_bad_input_is_told_by_its_place_and_leaves_no_run(api):
    run_id = f"bad-{uuid4()}"
    answer = api.post(f"{FLOW}/start-async", params={"runId": run_id}, json={"inputData": {"text": 7}})
    assert answer.status_code == 400
    assert "- text:" in answer.json()["error"]
    assert api.get(f"{FLOW}/runs/{run_id}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", "root"),
        (b'{"inputData": NaN}', "body"),
        (b'{"requestContext": 1}', "requestContext"),
        (b'{"tracingOptions": {"tags": "a"}}', "tracingOptions.tags"),
        (b'{"inputData": {"text": "a"}, "tracingOptions": {"traceId": "xyz"}}', "tracingOptions.traceId"),
    ],
)
def test_a_body_that_does_not_fit_is_told_by_its_place(api, body, field):
    answer = api.post(f"{FLOW}/start-async", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert [issue["field"] for issue in answer.json()["issues"]] == [field]


@pytest.mark.parametrize(
    ("status", "method", "path", "options"),
    [
        (404, "POST", "/workflows/nope/start-async", {"json": {}}),
        (404, "GET", f"{FLOW}/runs/nope", {}),
        (404, "GET", "/nope", {}),
        (405, "GET", f"{FLOW}/start-async", {}),
        (413, "POST", f"{FLOW}/start-async", {"content": b" " * 5_000_000}),
        (415, "POST", f"{FLOW}/start-async", {"content": b"a=b"}),
        (400, "GET", f"{FLOW}/runs?perPage=x&status=y", {}),
    ],
)
def test_what_is_wrong_has_its_status_and_no_traceback(api, status, method, path, options):
    answer = api.request(method, path, **options)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_a_token_is_needed_and_its_scopes_and_workflows_hold(api_as, token_of, console):
    assert api_as(None).get("/workflows").status_code == 401
    assert api_as("wrong").get("/workflows").json() == {"error": "Invalid or expired token"}
    reader = api_as(token_of("read"))
    assert reader.get(FLOW).status_code == 200
    assert "scope start" in reader.post(f"{FLOW}/start-async", json=WORDS).json()["error"]
    other = token_of("read", "start", workflow="csv-profile")
    assert api_as(other).post(f"{FLOW}/start-async", json=WORDS).status_code == 403
    assert list(api_as(None).get("/workflows", params={"apiKey": other}).json()) == ["csv-profile"]


def test_a_person_who_is_signed_in_may_call_from_the_same_site(console):
    with console.client() as person:
        assert person.post(f"/api{FLOW}/start-async", json=WORDS).json()["status"] == "success"
        del person.headers["X-CSRFToken"]
        assert person.post(f"/api{FLOW}/start-async", json=WORDS).status_code == 403


def test_one_idempotency_key_is_one_run(api):
    headers = {"Idempotency-Key": str(uuid4())}
    first = api.post(f"{FLOW}/start-async", json=WORDS, headers=headers).json()
    again = api.post(f"{FLOW}/start-async", json=WORDS, headers=headers).json()
    assert first["runId"] == again["runId"]
    refused = api.post(f"{FLOW}/start-async", json={}, headers=headers)
    assert refused.status_code == 409
    assert first["runId"] in refused.json()["error"]


def test_one_idempotency_key_is_one_run_at_the_same_moment_and_another_callers_key_is_not(api, api_as, token_of):
    headers = {"Idempotency-Key": str(uuid4())}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post(f"{FLOW}/start-async", json=WORDS, headers=headers), range(8)))
    assert len({answer.json()["runId"] for answer in answers}) == 1
    other = api_as(token_of("start")).post(f"{FLOW}/start-async", json=WORDS, headers=headers)
    assert other.json()["runId"] != answers[0].json()["runId"]


def test_integers_of_64_bits_come_back_whole(api):
    context = {"number": 9_007_199_254_740_993}
    run_id = api.post(f"{FLOW}/start-async", json=WORDS | {"requestContext": context}).json()["runId"]
    rows = api.get(f"{FLOW}/runs", params={"perPage": 5}).json()["runs"]
    assert next(row for row in rows if row["runId"] == run_id)["snapshot"]["requestContext"] == context
