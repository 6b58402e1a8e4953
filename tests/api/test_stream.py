"""Streams: each record as it comes, once, by its offset; a client that goes away stops its stream alone."""

import json
from uuid import uuid4

import pytest

FLOW = "/workflows/text-stream"
SEPARATOR = "\x1e"


def words(tokens, per_second):
    return {"inputData": {"text": "one two three", "tokens": tokens, "tokens_per_second": per_second}}


def records_of(text):
    assert text == "" or text.endswith(SEPARATOR)
    return [json.loads(part) for part in text.split(SEPARATOR)[:-1]]


def observed(api, run_id, **query):
    return records_of(api.post(f"{FLOW}/observe", params={"runId": run_id, **query}).text)


def until_over(api, run_id):
    while (found := api.get(f"{FLOW}/runs/{run_id}").json())["status"] in ("pending", "running"):
        pass
    return found["status"]


def test_a_record_comes_before_the_run_has_ended_and_the_run_outlives_its_client(api):
    run_id = str(uuid4())
    with api.stream("POST", f"{FLOW}/stream", params={"runId": run_id}, json=words(60, 40)) as answer:
        assert answer.headers["content-type"].startswith("text/plain")
        first = next(answer.iter_text())
        assert json.loads(first.split(SEPARATOR)[0])["type"] == "workflow-start"
        assert api.get(f"{FLOW}/runs/{run_id}").json()["status"] in ("pending", "running")
    assert until_over(api, run_id) == "success"
    types = [record["type"] for record in observed(api, run_id)]
    assert types.count("workflow-step-output") == 60
    assert types[-1] == "workflow-finish"


def test_an_offset_gives_each_record_once_also_of_a_run_that_no_stream_has_started(api):
    run_id = api.post(f"{FLOW}/start-async", json=words(30, 0)).json()["runId"]
    whole = observed(api, run_id)
    assert observed(api, run_id, offset=7) == whole[7:]
    assert observed(api, run_id, offset=-2) == whole[-2:]
    assert observed(api, run_id, offset=1000) == []
    assert api.post(f"{FLOW}/stream", params={"runId": run_id}, json=words(1, 0)).status_code == 409


def test_a_client_that_comes_later_reads_the_past_and_goes_on_live(api):
    run_id = api.post(f"{FLOW}/create-run").json()["runId"]
    assert observed(api, run_id) == []
    api.post(f"{FLOW}/start", params={"runId": run_id}, json=words(40, 40))
    whole = observed(api, run_id)
    assert whole == observed(api, run_id)
    assert whole[-1]["payload"]["workflowStatus"] == "success"


def test_a_run_that_is_worked_on_is_canceled_before_it_is_deleted(api):
    run_id = api.post(f"{FLOW}/create-run").json()["runId"]
    api.post(f"{FLOW}/start", params={"runId": run_id}, json=words(5000, 10))
    while api.get(f"{FLOW}/runs/{run_id}").json()["status"] != "running":
        pass
    assert api.delete(f"{FLOW}/runs/{run_id}").status_code == 409
    assert api.post(f"{FLOW}/time-travel", params={"runId": run_id}, json={"step": "split"}).status_code == 409
    assert api.post(f"{FLOW}/runs/{run_id}/cancel").status_code == 200
    assert observed(api, run_id)[-1]["payload"]["workflowStatus"] == "canceled"
    assert api.post(f"{FLOW}/runs/{run_id}/cancel").status_code == 200
    assert api.delete(f"{FLOW}/runs/{run_id}").status_code == 200


def test_a_run_goes_back_to_a_step(api):
    run_id = api.post(f"{FLOW}/start-async", json=words(3, 0)).json()["runId"]
    body = {"step": "split", "inputData": words(5, 0)["inputData"]}
    travelled = api.post(f"{FLOW}/time-travel-async", params={"runId": run_id}, json=body).json()
    assert (travelled["runId"], travelled["result"]["tokens"]) == (run_id, 5)


@pytest.mark.parametrize("route", ["resume", "resume-async", "resume-no-wait", "restart", "restart-async"])
def test_a_run_that_has_ended_is_not_set_going(api, route):
    run_id = api.post(f"{FLOW}/start-async", json=words(1, 0)).json()["runId"]
    assert api.post(f"{FLOW}/{route}", params={"runId": run_id}, json={}).status_code == 409
