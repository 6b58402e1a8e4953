"""Text that would take an expression with a second way through it for ever is looked at once."""

import pytest

LONG = 200_000  # characters; of time that grows with the square, minutes
MOST_SECONDS = 1.0  # of the processor, on a machine with other work
LINES = {
    "a run of word characters": "a" * LONG,
    "words and hyphens": "a-" * (LONG // 2) + "=",
    "names without a value": "token" * (LONG // 5) + ":",
    "names with signs": "secret-" * (LONG // 7) + "=",
    "spaces behind a name": "password" + " " * LONG + "x=",
    "spaces behind a sign": "password=" + " " * LONG + ")",
    "spaces behind a scheme": "password=bearer" + " " * LONG + ")",
    "an open quotation mark": 'password="' + "a" * LONG,
    "open quotation marks": 'password="\\' * (LONG // 12),
    "both quotation marks": "secret\"'=" * (LONG // 9),
    "backslashes": "token='" + "\\" * LONG,
    "addresses": "http://" * (LONG // 7) + "=",
    "user names of addresses": "//" + "a:" * (LONG // 2),
}


@pytest.fixture(scope="module")
def served(serving):
    with serving({"WFCONSOLE_WORKFLOWS": "tests.limits.workflows"}) as console:
        yield console


def test_a_log_line_of_any_text_costs_no_more_than_its_length(served):
    with served.client() as person:
        answer = person.post("/api/workflows/hostile-log/start-async", json={"inputData": LINES}, timeout=120).json()
    assert {name: spent for name, spent in answer["result"].items() if spent > MOST_SECONDS} == {}
