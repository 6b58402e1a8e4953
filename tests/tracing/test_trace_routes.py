"""Traces by HTTP: beyond what the recorded sessions hold."""

import pytest

from .conftest import all_ended, program, stored


@pytest.fixture(scope="module")
def trip(api) -> tuple[str, list[dict]]:
    """A finished tour: its trace id and spans."""
    body = {"inputData": {"value": 1}, "tracingOptions": {"tags": ["trip"], "metadata": {"lot": {"n": 7}}}}
    result = api.post("/workflows/tour/start-async?runId=trip-1", json=body | {"resourceId": "res-1"}).json()
    api.post("/workflows/tour/resume-async?runId=trip-1", json={"resumeData": 1})
    return result["traceId"], stored(api, result["traceId"], all_ended(13))


def test_a_branch_is_a_span_and_what_is_below_it_as_deep_as_asked(api, trip):
    trace_id, spans = trip
    (inner,) = (span for span in spans if span["name"] == "workflow step: 'inner'")
    path = f"/observability/traces/{trace_id}/branches/{inner['spanId']}"

    def names(**query):
        return [span["name"] for span in api.get(path, params=query).json()["spans"]]

    assert names() == ["workflow step: 'inner'", "workflow run: 'inner'", "workflow step: 'inner_step'"]
    assert names(depth=1) == names()[:2]
    assert names(depth=0) == names()[:1]
    assert api.get(path, params={"depth": "x"}).json()["issues"][0]["field"] == "depth"
    assert api.get(f"/observability/traces/{trace_id}/branches/{'f' * 16}").status_code == 404


def test_a_span_alone(api, trip):
    trace_id, spans = trip
    for span in spans[:3]:
        assert api.get(f"/observability/traces/{trace_id}/spans/{span['spanId']}").json() == {"span": span}
    answer = api.get(f"/observability/traces/{trace_id}/spans/zz")
    assert (answer.status_code, answer.json()) == (404, {"error": "Span not found"})


def test_a_trajectory_tells_what_was_done(api, trip):
    trace_id, _ = trip
    told = api.get(f"/observability/traces/{trace_id}/trajectory").json()
    assert [step["name"] for step in told["steps"]] == [
        "parallel: '2 branches'",
        "workflow step: 'inner'",
        "workflow step: 'ask'",
        "workflow run: 'tour' (resumed)",
    ]
    block, inner = told["steps"][:2]
    assert [step["stepType"] for step in block["children"]] == ["workflow_step"] * 2
    assert inner["children"][0]["children"][0]["output"] == {"value": 1}
    assert told["totalDurationMs"] >= 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"tags": '["trip"]'}, True),
        ({"metadata": '{"lot": {"n": 7}}'}, True),
        ({"metadata": '{"lot": {"n": 8}}'}, False),
        ({"metadata": '{"runId": "trip-1", "resourceId": "res-1"}'}, True),
        ({"name": "workflow run: 'tour'", "entityType": "workflow"}, True),
        ({"entityName": "tour", "status": "running"}, False),
        ({"runId": "trip-1", "startedAt": '{"start": "2020-01-01T00:00:00Z", "startExclusive": true}'}, True),
        ({"runId": "trip-1", "endedAt": '{"end": "2020-01-01T00:00:00Z"}'}, False),
        ({"runId": "trip-1", "threadId": "t"}, False),
        ({"runId": "trip-1", "spanType": "workflow_step"}, False),
        ({"runId": "trip-1", "traceId": "no hex"}, False),
    ],
)
def test_lists_are_filtered(api, trip, query, found):
    answer = api.get("/observability/traces", params=query).json()
    assert [span["traceId"] for span in answer["spans"]] == ([trip[0]] if found else [])
    assert answer["pagination"]["total"] == int(found)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"perPage": "101"}, "perPage"),
        ({"perPage": "0"}, "perPage"),
        ({"page": "-1"}, "page"),
        ({"tags": "trip"}, "tags"),
        ({"metadata": "[]"}, "metadata"),
        ({"startedAt": '{"start": "soon"}'}, "startedAt.start"),
        ({"status": "lost"}, "status"),
        ({"field": "name"}, "field"),
    ],
)
def test_a_question_that_cannot_be_read_is_told_by_its_place(api, query, field):
    answer = api.get("/observability/traces", params=query)
    assert answer.status_code == 400
    assert [issue["field"] for issue in answer.json()["issues"]] == [field]


def test_a_token_for_one_workflow_sees_no_other_trace(traced, api, trip):
    trace_id, spans = trip
    token = traced.manage("create_token", "plain", "--scope=read", "--scope=manage", "--workflow=plain").stdout.strip()
    paths = ["", "/light", "/trajectory", f"/spans/{spans[0]['spanId']}", f"/branches/{spans[0]['spanId']}"]
    headers = {"Authorization": f"Bearer {token}"}
    for path in paths:
        assert api.get(f"/observability/traces/{trace_id}{path}", headers=headers).status_code == 404
        assert api.get(f"/observability/traces/{trace_id}{path}", headers={"Authorization": ""}).status_code == 401
    assert api.get("/observability/traces", headers=headers).json()["spans"] == []
    body = {"traceIds": [trace_id]}
    assert api.post("/observability/traces/delete", json=body, headers=headers).status_code == 403


def test_deleted_traces_are_gone_and_their_runs_stay(traced):
    with program(traced) as api:
        result = api.post("/workflows/plain/start-async?runId=plain-1", json={}).json()
        trace_id = result["traceId"]
        stored(api, trace_id, all_ended(2))
        wanted = {"traceIds": [trace_id, "unknown"]}
        assert api.post("/observability/traces/delete", json=wanted).json() == {"success": True}
        assert api.get(f"/observability/traces/{trace_id}").status_code == 404
        assert api.get("/workflows/plain/runs/plain-1").json()["status"] == "success"
        assert api.post("/observability/traces/delete", json={"traceIds": "x"}).status_code == 400
    with traced.client() as person:
        page = person.get("/runs/plain-1/", params={"tab": "trace"})
        assert "its spans were deleted" in page.text


def test_the_spans_of_a_deleted_run_go_with_it(traced):
    with program(traced) as api:
        result = api.post("/workflows/plain/start-async?runId=plain-2", json={}).json()
        stored(api, result["traceId"], all_ended(2))
        assert api.delete("/workflows/plain/runs/plain-2").status_code == 200
        assert api.get(f"/observability/traces/{result['traceId']}").status_code == 404
