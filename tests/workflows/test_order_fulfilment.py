import json

import pytest

from runs.engine import InvalidInput
from runs.workflows import order_fulfilment
from runs.workflows.order_schema import Order

ORDER = {"card_token": "tok_test_4242", "simulate": {"pace": "instant"}}
LINE = {"sku": "SKU-1", "qty": 1, "unit_price": 1000}
SUSPICIOUS = {
    **ORDER,
    "channel": "partner",
    "shipping": {"service": "same_day"},
    "order": {"total": 6_000, "lines": [{"sku": "SKU-1", "qty": 100, "unit_price": 60}]},
}


async def test_an_order_is_charged_packed_and_confirmed(play):
    context = {"tenant": "acme-eu", "user.id": 4410023}
    played = await play(
        order_fulfilment, input_data=ORDER, request_context=context, output_options={"includeState": True}
    )
    assert played.result.status == "success", played.result.error
    outcome = played.result.result
    assert (outcome["status"], outcome["cartons"], outcome["charged"]) == ("confirmed", 3, 661.5)
    assert (outcome["tenant"], outcome["handled_by"]) == ("acme-eu", 4410023)
    assert played.result.state["reserved_units"] == 18
    assert played.result.state["fraud_score"] == 0.05
    assert played.of_type("scan")
    assert "Picking SKU-2201 from bay" in played.text


async def test_lines_are_packed_each_and_tell_their_progress(play):
    played = await play(order_fulfilment, input_data=ORDER)
    last = {chunk["line"]: chunk["picked"] for chunk in played.of_type("progress") if "line" in chunk}
    assert last == {1: 4, 2: 2, 3: 12}


async def test_a_payment_that_fails_twice_is_tried_again(play):
    order = {**ORDER, "simulate": {"pace": "instant", "payment_failures": 2}}
    played = await play(order_fulfilment, input_data=order)
    assert played.result.status == "success", played.result.error
    assert played.result.steps["charge_card"]["output"]["attempts"] == 3


async def test_a_payment_that_always_fails_fails_the_run(play):
    order = {**ORDER, "simulate": {"pace": "instant", "payment_failures": 4}}
    played = await play(order_fulfilment, input_data=order)
    assert played.result.status == "failed"
    assert played.result.error["message"] == "The card terminal gave no answer to attempt 4."


async def test_a_declined_card_is_not_tried_again(play):
    played = await play(order_fulfilment, input_data={**ORDER, "card_token": "tok_declined"})
    assert played.result.error["message"] == "The card was declined."


async def test_a_suspicious_order_asks_a_person_and_waits(play):
    played = await play(order_fulfilment, input_data=SUSPICIOUS)
    assert played.result.status == "suspended", played.result.error
    asked = played.result.steps["manual_review"]["suspendPayload"]
    assert asked["message"] == "Approve order ORD-10442?"
    assert asked["reasons"] == ["large order", "partner channel", "same day"]
    assert "charge_card" not in played.result.steps
    assert "pack_lines" not in played.result.steps


async def test_an_approved_order_is_charged_packed_and_confirmed(answered):
    result = await answered({"approved": True})
    assert result.status == "success", result.error
    assert (result.result["status"], result.result["charged"]) == ("confirmed", 6024.0)


async def test_a_rejected_order_is_neither_charged_nor_packed(answered):
    result = await answered({"approved": False, "reason": "The card is stolen."})
    assert result.result["status"] == "rejected"
    assert result.result["reasons"][-1] == "The card is stolen."
    assert "pack_lines" not in result.steps


async def test_an_answer_without_a_decision_is_refused(answered):
    with pytest.raises(InvalidInput) as refused:
        await answered({"reason": "Who knows"})
    assert refused.value.issues[0][0] == "approved"


@pytest.fixture
def answered():
    """Runs a suspicious order to its question, and answers it."""

    async def run(answer):
        run = order_fulfilment.create_run()
        await run.start(input_data=SUSPICIOUS)
        return await run.resume(step="manual_review", resume_data=answer)

    return run


async def test_sixty_four_bits_of_a_customer_survive(play):
    played = await play(order_fulfilment, input_data={**ORDER, "customer_id": 2**63 - 1})
    assert played.result.input["customer_id"] == 2**63 - 1


async def test_a_key_left_out_null_and_a_value_are_three_things(play):
    details = {"discount_code": None, "lines": [{"sku": "A", "qty": 1, "unit_price": 1000}]}
    played = await play(order_fulfilment, input_data={**ORDER, "order": details})
    order = played.result.input["order"]
    assert order["discount_code"] is None
    assert "deliver_after" not in order


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            {"order": {"lines": [{"sku": "A", "unit_price": 1}, {"sku": "B", "qty": 0, "unit_price": 1}]}},
            "order.lines.1.qty",
        ),
        ({"channel": "fax"}, "channel"),
        ({"customer_id": "seven"}, "customer_id"),
        ({"shipping": {"service": "rocket"}}, "shipping.service"),
        ({"colour": "red"}, "colour"),
        ({"card_token": None}, "card_token"),
    ],
)
async def test_a_wrong_field_is_named_by_its_path(play, change, path):
    with pytest.raises(InvalidInput) as refused:
        await play(order_fulfilment, input_data=ORDER | change)
    assert path in [issue[0] for issue in refused.value.issues]


async def test_a_sku_on_two_lines_fails_with_a_sentence(play):
    played = await play(order_fulfilment, input_data={**ORDER, "order": {"lines": [LINE, LINE]}})
    assert played.result.error["message"] == "SKU-1 is on two lines. Put its quantity on one line."


async def test_the_graph_is_the_one_of_the_pages():
    kinds = [entry["type"] for entry in order_fulfilment.serialized_step_graph()]
    assert kinds == ["step", "parallel", "conditional", "step", "foreach", "step"]


def test_the_schema_holds_every_kind_of_field_that_the_form_knows():
    schema = json.dumps(Order.model_json_schema())
    for part in ('"format": "int64"', '"format": "password"', '"enum"', '"type": "boolean"', '"type": "null"'):
        assert part in schema
