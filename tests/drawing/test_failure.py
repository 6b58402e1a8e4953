"""Why a run failed: which step, which frames, and nothing secret."""

from runs.drawing.failure import failed_step, failure_of_run
from runs.engine.redaction.redactor import Redactor
from tests.drawing.runs import failed_order, record, snapshot_of


def frame(file, function="f"):
    return {"file": file, "line": 7, "function": function, "code": "do()"}


def failure(snapshot, mask=None, retries=None):
    return failure_of_run(snapshot, mask or Redactor(), retries or {})


def failed_with(error, **more):
    return snapshot_of(record("a", "failed", 0, 1_000, error=error, **more), status="failed", error=error)


def test_a_run_that_did_not_fail_has_no_failure():
    assert failure(snapshot_of()) is None


def test_the_failure_names_step_attempt_and_time():
    found = failure(failed_order(), retries={"charge_card": 2})
    assert (found.name, found.path, found.attempt, found.at) == (
        "PaymentDeclined",
        "charge_card",
        "attempt 3 of 3",
        "+7.68 s",
    )
    assert found.earlier == 2


def test_of_a_nested_failure_the_inner_step_is_to_blame():
    error = {"message": "no", "name": "E"}
    snapshot = snapshot_of(
        record("inner", "failed", 0, 9, error=error),
        record("inner[3]", "failed", 0, 9, error=error),
        record("inner[3].x", "failed", 0, 9, error=error),
        record("other.y.z", "failed", 0, 9, error={"message": "something else"}),
        status="failed",
        error=error,
    )
    assert failed_step(snapshot).path == "inner[3].x"


def test_a_failure_outside_of_steps_has_no_step():
    found = failure(snapshot_of(status="failed", error={"message": "The loop's condition failed.", "code": "X"}))
    assert (found.name, found.path) == ("X", "")


def test_own_frames_stand_open_innermost_first_and_libraries_are_folded():
    stack = [
        frame("/usr/lib/python3.11/asyncio/runners.py"),
        frame("/srv/shop/order.py", "charge_card"),
        frame("/srv/.venv/lib/python3.11/site-packages/httpx/_client.py"),
        frame("/srv/.venv/lib/python3.11/site-packages/httpcore/x.py"),
        frame("/srv/shop/payments.py", "charge"),
        frame("<frozen importlib._bootstrap>"),
    ]
    found = failure(failed_with({"message": "no"}, stack=stack))
    assert [own.function for own in found.own] == ["charge", "charge_card"]
    assert found.own[0].shown == "srv/shop/payments.py:7"
    assert found.folded == "4 frames of Python, httpcore and httpx and more"


def test_causes_are_told_and_a_long_row_of_them_ends():
    error = {"message": "outer", "name": "A", "cause": {"message": "inner", "name": "B"}}
    assert failure(failed_with(error)).causes == ["B: inner"]
    deep = {"message": "0"}
    for number in range(1, 20):
        deep = {"message": str(number), "cause": deep}
    assert len(failure(failed_with(deep)).causes) == 5


def test_what_is_copied_has_the_traceback_and_no_secret():
    found = failure(failed_with({"message": "no", "api_key": "sk-1"}, stack=[frame("/srv/shop/order.py", "charge")]))
    assert "sk-1" not in found.copy
    assert 'File "/srv/shop/order.py", line 7, in charge' in found.copy


def test_a_stack_of_any_form_breaks_nothing():
    for stack in ([], None, [{}], [{"file": None, "line": None}], ["text"]):
        assert failure(failed_with({"message": None}, stack=stack)).message == "No message"
