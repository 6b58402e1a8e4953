"""Graphs and snapshots made by hand, for the tests of what is drawn."""

from runs.engine.log.results import RunStatus, StepStatus
from runs.engine.log.snapshot import Attempt, RunSnapshot, StepRecord

NOW = 1_795_000_000_000  # epoch milliseconds: 12.4 s after the run began
BEGAN = NOW - 12_400


def step(step_id, **more):
    return {"type": "step", "step": {"id": step_id, "canSuspend": False, **more}}


ORDER_GRAPH = [
    step("validate_order", description="Checks the order."),
    {"type": "parallel", "steps": [step("reserve_stock"), step("score_fraud"), step("quote_shipping")]},
    {
        "type": "conditional",
        "steps": [step("charge_card"), step("manual_review")],
        "predicates": [
            {"op": "lt", "left": {"path": "stepResults.score_fraud.score"}, "right": {"literal": 0.8}},
            None,
        ],
        "serializedConditions": [
            {"id": "charge_card-condition", "fn": ""},
            {"id": "manual_review-condition", "fn": "otherwise"},
        ],
    },
    {"type": "foreach", "step": step("pack_lines"), "opts": {"concurrency": 2}},
    step("send_confirmation"),
]


def record(path, status, start, end=None, **more):
    """A step's record; `start` and `end` in milliseconds since the run began."""
    ended = None if end is None else BEGAN + end
    return StepRecord(path, StepStatus(status), BEGAN + start, ended_at=ended, **more)


def snapshot_of(*records, status="running", **more):
    snapshot = RunSnapshot("run-1", "order-fulfilment", RunStatus(status), started_at=BEGAN, **more)
    snapshot.steps = {entry.path: entry for entry in records}
    return snapshot


def running_order():
    return snapshot_of(
        record("validate_order", "success", 0, 210),
        record("reserve_stock", "success", 240, 2380),
        record("score_fraud", "success", 240, 1070),
        record("quote_shipping", "success", 240, 1660),
        record("charge_card", "success", 2420, 5490),
        record("pack_lines", "running", 5500, completed_count=3, total_count=5),
        record("pack_lines[0]", "success", 5530, 7700),
        record("pack_lines[1]", "success", 5530, 8900),
        record("pack_lines[2]", "success", 7710, 10_600),
        record("pack_lines[3]", "running", 8920),
        record("pack_lines[4]", "running", 10_610),
    )


def failed_order():
    error = {"message": "Card declined by issuer (code 51)", "name": "PaymentDeclined"}
    return snapshot_of(
        record("validate_order", "success", 0, 190),
        record("reserve_stock", "success", 220, 2240),
        record("score_fraud", "success", 220, 990),
        record("quote_shipping", "success", 220, 1600),
        record(
            "charge_card",
            "failed",
            2270,
            7680,
            error=error,
            attempts=[
                Attempt(1, BEGAN + 2270, BEGAN + 3380, {"message": "no answer in 1 s", "name": "ReadTimeout"}),
                Attempt(2, BEGAN + 4380, BEGAN + 5210, error),
            ],
        ),
        status="failed",
        error=error,
        ended_at=BEGAN + 7700,
    )
