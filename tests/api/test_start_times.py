"""Starts with a priority, later, or with a time limit, by HTTP; and keys that name a start."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

FLOW = "/workflows/text-stream"
WORDS = {"inputData": {"text": "one two", "tokens_per_second": 10_000}}


def made(api, **more: object):
    run_id = str(uuid4())
    assert api.post(f"{FLOW}/create-run", params={"runId": run_id}).status_code == 200
    return run_id, api.post(f"{FLOW}/start", params={"runId": run_id}, json=WORDS | more)


def test_a_run_starts_later_and_tells_when(api):
    run_id, answer = made(api, startIn=3600, timeLimit=60, priority=7)
    assert answer.status_code == 200, answer.text
    run = api.get(f"{FLOW}/runs/{run_id}").json()
    assert run["status"] == "pending"
    assert run["startsAt"] < run["deadlineAt"]
    assert api.post(f"{FLOW}/runs/{run_id}/cancel").status_code == 200
    run_id, answer = made(api, startAt="2099-01-01T00:00:00Z")
    assert answer.status_code == 400


def test_a_run_that_takes_too_long_fails_with_the_limit_in_its_error(api):
    slow = {"inputData": {"tokens": 100_000, "tokens_per_second": 10}, "timeLimit": 0.3}
    answer = api.post(f"{FLOW}/start-async", json=slow)
    assert answer.json()["status"] == "failed"
    assert "longer than its time limit of 0.3 s, which was set when it was started" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"startAt": "soon"}, "startAt"),
        ({"startAt": "2020-01-01T00:00:00Z"}, "startAt"),
        ({"startAt": "2027-01-01T00:00:00"}, "startAt"),
        ({"startAt": "2027-01-01T00:00:00Z", "startIn": 5}, "startIn"),
        ({"startIn": -1}, "startIn"),
        ({"startIn": 1e300}, "startAt"),
        ({"timeLimit": 0}, "timeLimit"),
        ({"timeLimit": 1e300}, "timeLimit"),
        ({"priority": 100_000}, "priority"),
        ({"priority": "high"}, "priority"),
    ],
)
def test_what_cannot_be_kept_to_is_told_by_its_place(api, more, field):
    run_id, answer = made(api, **more)
    assert answer.status_code == 400
    assert [issue["field"] for issue in answer.json()["issues"]] == [field]
    assert api.get(f"{FLOW}/runs/{run_id}").json()["status"] == "pending"


def test_two_bodies_with_one_key_at_the_same_moment_are_one_run(api):
    headers = {"Idempotency-Key": str(uuid4())}
    bodies = [WORDS | {"priority": n % 2} for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: api.post(f"{FLOW}/start-async", json=body, headers=headers), bodies))
    started = {answer.json()["runId"] for answer in answers if answer.status_code == 200}
    assert len(started) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * 4
    assert all(run_id in answer.json()["error"] for run_id in started for answer in answers if answer.is_error)


def test_a_key_with_another_body_is_refused(api):
    headers = {"Idempotency-Key": str(uuid4())}
    first = api.post(f"{FLOW}/start-async", json=WORDS, headers=headers).json()["runId"]
    assert api.post(f"{FLOW}/start-async", json=WORDS, headers=headers).json()["runId"] == first
    other = api.post(f"{FLOW}/start-async", json=WORDS | {"priority": 1}, headers=headers)
    assert (other.status_code, first in other.json()["error"]) == (409, True)
    bad = api.post(f"{FLOW}/start-async", json=WORDS, headers={"Idempotency-Key": "x" * 256})
    assert bad.status_code == 400
