"""What a program is told when its call cannot be answered: one form of JSON, whatever went wrong."""

import httpx
import pytest

FLOW = "/workflows/text-stream"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "method", "path", "options"),
    [
        (400, "POST", f"{FLOW}/start-async", {"content": b'{"inputData": ', "headers": JSON}),
        (400, "POST", f"{FLOW}/start-async", {"content": b"\xff\xfe", "headers": JSON}),
        (400, "GET", f"{FLOW}/runs?perPage=0", {}),
        (404, "GET", "/nope", {"headers": {"Accept": "application/json"}}),
        (404, "GET", "/", {"headers": {"Accept": "application/json"}}),
        (404, "GET", f"{FLOW}/", {"headers": {"Accept": "application/json"}}),
        (404, "GET", "/workflows/nope", {}),
        (405, "PUT", f"{FLOW}/start-async", {}),
        (405, "OPTIONS", "/workflows", {}),
        (405, "POST", "/openapi.json", {}),
        (413, "POST", f"{FLOW}/start-async", {"content": b" " * 5_000_000, "headers": JSON}),
        (413, "POST", f"{FLOW}/start-async", {"content": (b" " * 1_000_000 for _ in range(5)), "headers": JSON}),
        (415, "POST", f"{FLOW}/start-async", {"content": b"a=b", "headers": {"Content-Type": "text/plain"}}),
    ],
)
def test_each_error_is_one_sentence_of_json(api, status, method, path, options):
    answer = api.request(method, path, **options)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert isinstance(body["error"], str)
    assert body.keys() <= {"error", "issues"}
    assert ("Allow" in answer.headers) == (status == 405)


def test_an_unknown_path_is_told_to_anybody_and_a_known_one_asks_for_a_token(api_as):
    unknown = api_as(None).get("/nope")
    assert (unknown.status_code, unknown.text) == (404, "404 Not Found"), "as the contract has it"
    refused = api_as(None).get("/workflows")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_who_calls_too_often_is_told_when_to_come_back_and_others_are_not_held_up(new_console):
    token = "a token that is used too often"
    console = new_console({"WFCONSOLE_API_REQUESTS_PER_SECOND": "1", "WFCONSOLE_API_TOKEN": token})
    path = "/api/editor/workflow-builder/settings"
    with httpx.Client(base_url=console.url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as busy:
        count = 1
        while (answer := busy.get(path)).status_code == 200:
            count += 1
    assert answer.status_code == 429
    assert count > 60, "a minute's worth may come at once"
    assert int(answer.headers["Retry-After"]) >= 1
    assert "one request a second" in answer.json()["error"]
    with console.client() as calm:
        assert calm.get(path).status_code == 200
