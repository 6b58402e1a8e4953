"""What is checked of a request before its route does anything: in which order, and which place each issue names."""

import json

import pytest

FLOW = "/workflows/text-stream"
JSON_TYPE = {"Content-Type": "application/json"}
MANY = json.dumps({f"key{index}": index for index in range(51)})
DATE, WHOLE = "A date such as 2026-11-22T14:00:00Z is needed.", "A whole number is needed."


@pytest.mark.parametrize(
    ("path", "field", "sentence"),
    [
        ("/workflows?partial=maybe", "partial", "One of true, false is needed."),
        (f"{FLOW}/runs?page=x", "page", WHOLE),
        (f"{FLOW}/runs?page=-1", "page", "A number from 0 to 1000000000 is needed."),
        (f"{FLOW}/runs?page=1&page=2", "page", "Given more than once."),
        (f"{FLOW}/runs?fromDate=yesterday", "fromDate", DATE),
        (f"{FLOW}/runs?fromDate=0001-01-01T00:00:00%2B14:00", "fromDate", DATE),
        (f"{FLOW}/runs?toDate=9999-12-31T23:59:59-14:00", "toDate", DATE),
        (f"{FLOW}/runs?status=gone", "status", "One of "),
        (f"{FLOW}/runs/any?fields=steps,nothing", "fields", "nothing: choose from "),
        ("/stored/workflows?status=gone", "status", "One of active, archived is needed."),
        ("/observability/traces?perPage=101", "perPage", "A number from 1 to 100 is needed."),
        ("/observability/traces?tags=a", "tags", "A JSON list is needed."),
        (f"/observability/traces?tags={json.dumps(['a'] * 51)}", "tags", "At most 50 tags are compared."),
        (f"/observability/traces?metadata={MANY}", "metadata", "At most 50 values are compared."),
        ("/observability/traces?metadata=[]", "metadata", "A JSON object is needed."),
        ("/observability/traces?startedAt=7", "startedAt", "A JSON object is needed."),
        ('/observability/traces?endedAt={"end":"x"}', "endedAt.end", DATE),
        ('/observability/traces?startedAt={"start":7}', "startedAt.start", DATE),
        ("/observability/traces/0/branches/0?depth=deep", "depth", WHOLE),
    ],
)
def test_each_wrong_part_of_a_query_is_named_with_what_it_has_to_be(api, path, field, sentence):
    response = api.get(path)
    assert response.status_code == 400, response.text
    body = response.json()
    assert body["error"] == "Invalid query parameters"
    assert [issue["field"] for issue in body["issues"]] == [field]
    assert body["issues"][0]["message"].startswith(sentence)


def test_a_missing_run_id_and_a_wrong_offset_are_named_together(api):
    response = api.post(f"{FLOW}/observe?offset=x")
    assert response.status_code == 400
    assert [issue["field"] for issue in response.json()["issues"]] == ["offset", "runId"]


def test_the_method_is_checked_before_the_caller_the_caller_before_the_query_the_query_before_the_body(api, api_as):
    wrong = {"content": b"no json", "headers": {"Content-Type": "text/plain"}}
    assert api_as(None).put(f"{FLOW}/start", **wrong).status_code == 405
    assert api_as(None).post(f"{FLOW}/start", **wrong).status_code == 401
    assert api.post(f"{FLOW}/start", **wrong).json()["error"] == "Invalid query parameters"
    assert api.post(f"{FLOW}/start?runId=none", **wrong).status_code == 415
    assert api.post(f"{FLOW}/start?runId=none", content=b"[]", headers=JSON_TYPE).json()["issues"][0]["field"] == "root"
    assert api.post(f"{FLOW}/start?runId=none", json={}).status_code == 404


@pytest.mark.parametrize("files", [None, {"inputData": b"{}"}])
def test_a_form_of_a_signed_in_person_is_refused_as_no_json(console, files):
    with console.client() as person:
        person.get("/me/tokens/")
        headers = {"X-CSRFToken": person.cookies["csrftoken"], "Referer": console.url}
        response = person.post(f"/api{FLOW}/start-async", data={"inputData": "{}"}, files=files, headers=headers)
    assert response.status_code == 415, response.text
