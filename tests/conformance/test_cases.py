"""The recorded cases: ours in `cases/`, and the reference's own where its folder is beside the repository."""

import copy
import re
import subprocess
import sys

import pytest

from .comparing import difference
from .running import HERE, OURS, OWN_CASES, check, load_cases, load_divergences

REPOSITORY = HERE.parent.parent
SHARED = REPOSITORY.parent / "shared" / "conformance"

OWN = {case["name"]: case for case in load_cases(OWN_CASES)}
RECORDED = {case["name"]: case for case in load_cases(SHARED)} if SHARED.is_dir() else {}


@pytest.mark.parametrize("name", OWN)
async def test_our_own_case(name):
    outcome = await check(OWN[name], {})
    assert outcome.difference is None


@pytest.mark.parametrize("name", RECORDED)
async def test_recorded_case(name):
    outcome = await check(RECORDED[name], load_divergences())
    assert outcome.difference is None


def test_every_case_passes_on_the_database_store():
    folder = SHARED if RECORDED else OWN_CASES
    command = [sys.executable, "-m", "tests.conformance", str(folder), "--store", "database"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert re.search(r"^\d+ passed, 0 failed$", done.stdout.splitlines()[-1])


def test_each_divergence_is_recorded_and_has_a_reason():
    reasons = load_divergences()
    assert {path.stem for path in OURS.glob("*.json")} == set(reasons)
    assert all(len(reason) > 20 for reason in reasons.values())


def filled(value):
    """A recorded value with something real in the place of each placeholder."""
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item) for item in value]
    if value == "<ms>":
        return 5
    if isinstance(value, str):
        text = re.sub(r"<(uuid|hex32|hex16)#(\d+)>", r"ab\2", value)
        return None if text == "<undefined>" else re.sub(r"<(iso|date|fn|stack|ms)>", "x", text)
    return value


@pytest.fixture
def case():
    return {
        "name": "x",
        "expect": {
            "calls": [
                {
                    "op": "start",
                    "result": {
                        "status": "success",
                        "runId": "<uuid#1>",
                        "endedAt": "<ms>",
                        "result": [1, "<undefined>"],
                    },
                    "throws": {"message": "Invalid input data: \n- a.1: expected number\n- b: required"},
                    "events": [
                        {"type": "start", "payload": {"id": "a", "call": "<uuid#2>"}},
                        {"type": "start", "payload": {"id": "b", "call": "<uuid#3>"}},
                        {"type": "end", "payload": {"id": "a", "call": "<uuid#2>"}},
                    ],
                }
            ]
        },
    }


def changed(case, change):
    actual = copy.deepcopy(filled(case["expect"]))
    change(actual["calls"][0])
    return difference(case, actual)


def test_a_case_equals_itself_with_ids_and_times_of_its_own(case):
    assert changed(case, lambda call: None) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda call: call["result"].update(status="failed"), "0:start.result.status is"),
        (lambda call: call["result"].pop("endedAt"), "0:start.result lacks endedAt"),
        (lambda call: call["result"].update(more=1), "has also more"),
        (lambda call: call["result"].update(result=[True, None]), "0:start.result.result.0 is true, not 1"),
        (lambda call: call["events"].pop(), "0:start.events has 2 items, not 3"),
        (lambda call: call["events"][2]["payload"].update(call="ab3"), "0:start.events.2.payload.call: <uuid#2> was"),
        (lambda call: call["events"].reverse(), "0:start.events.0"),
        (
            lambda call: call["throws"].update(message="Invalid input data: \n- b: x\n- a.1: y"),
            "0:start.throws.message",
        ),
        (lambda call: call.pop("result"), "0:start.result is missing"),
        (lambda call: call.update(written=["x"]), "0:start.written has 1 items, not 0"),
    ],
)
def test_a_difference_is_told_with_its_place(case, change, words):
    assert words in changed(case, change)


def test_the_words_of_validators_are_compared_loosely_but_not_their_paths(case):
    loose = "Invalid input data: \n- a.1: other words\n- b: of another library"
    assert changed(case, lambda call: call["throws"].update(message=loose)) is None


def test_steps_may_interleave_differently_where_the_order_is_partial(case):
    def swap(call):
        call["events"][0], call["events"][1] = call["events"][1], call["events"][0]

    assert changed(case, swap) is not None
    assert changed({**case, "order": "partial"}, swap) is None
    assert changed({**case, "order": "partial"}, lambda call: call["events"].reverse()) is not None
