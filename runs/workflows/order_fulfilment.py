"""order-fulfilment: an order from its check to its confirmation: parallel steps, a branch, retries, a foreach.

    validate_order -> reserve_stock, score_fraud, quote_shipping, side by side
        -> charge_card when the fraud score is below 0.8, else manual_review, which asks a person
        -> pack_lines, two lines at a time -> send_confirmation

Everything is worked out from the input, so the same order takes the same way each time. `simulate` makes a run slow
enough to watch, or its payment fail.
"""

import asyncio
import logging
import math
import zlib

from runs.engine import UNSET, NonRetryableError, RetryPolicy, StepContext, Workflow, step

from .order_schema import (
    Charge,
    Context,
    Decision,
    Order,
    Outcome,
    Packed,
    PackingTask,
    Question,
    Quote,
    Reservation,
    Review,
    Score,
    State,
    ValidOrder,
)

log = logging.getLogger(__name__)

FRAUD_LIMIT = 0.8
SCORE = {"path": "stepResults.score_fraud.score"}
UNITS_OF_A_CARTON = 12
MOST_PICKS = 40  # chunks of one line; a line of 999 units is picked in larger handfuls
SECONDS_OF_A_PICK = {"instant": 0.0, "normal": 0.05, "slow": 0.4}
CARRIERS = {"standard": ("Postal", 4.90, 3), "express": ("Swift", 12.50, 1), "same_day": ("Courier", 24.00, 0)}


class PaymentTimeout(Exception):
    """The card terminal gave no answer. Asking once more may help."""


@step(input=Order, output=ValidOrder)
async def validate_order(ctx: StepContext[Order]) -> ValidOrder:
    """Check what a schema cannot: that no line comes twice and that the total is the lines' sum or less."""
    order = ctx.input.order
    skus = [line.sku for line in order.lines]
    if twice := next((sku for sku in skus if skus.count(sku) > 1), None):
        raise NonRetryableError(f"{twice} is on two lines. Put its quantity on one line.")
    subtotal = round(sum(line.qty * line.unit_price for line in order.lines), 2)
    if order.total > subtotal + 0.005:
        raise NonRetryableError(f"The total of {order.total:.2f} is more than the lines' sum, {subtotal:.2f}.")
    await _say(ctx, f"{order.number} has {len(order.lines)} lines of {subtotal:.2f} {order.currency} in all.")
    return ValidOrder(number=order.number, units=sum(line.qty for line in order.lines), subtotal=subtotal)


# --- Side by side -----------------------------------------------------------------------------------


@step(input=ValidOrder, output=Reservation)
async def reserve_stock(ctx: StepContext[ValidOrder]) -> Reservation:
    """Take each line's units from the bay where they lie."""
    order = _order(ctx)
    for number, line in enumerate(order.order.lines, 1):
        await _pause(order, picks=6 / len(order.order.lines))
        chunk = {"type": "progress", "sku": line.sku, "reserved": number, "of": len(order.order.lines)}
        await ctx.writer.write(chunk)
    await ctx.set_state({"reserved_units": ctx.input.units})
    return Reservation(reservation=f"R-{_number(ctx.input.number):08d}", units=ctx.input.units)


@step(input=ValidOrder, output=Score)
async def score_fraud(ctx: StepContext[ValidOrder]) -> Score:
    """How likely a fraud is, from 0 to 1: large orders, partners and hurried deliveries add to it."""
    order = _order(ctx)
    await _pause(order, picks=3)
    reasons = {
        "large order": 0.45 if ctx.input.subtotal >= 5_000 else 0.0,
        "partner channel": 0.2 if order.channel == "partner" else 0.0,
        "same day": 0.2 if order.shipping.service == "same_day" else 0.0,
        "total far below the lines' sum": 0.15 if order.order.total < ctx.input.subtotal / 2 else 0.0,
    }
    score = round(0.05 + sum(reasons.values()), 2)
    await ctx.set_state({"fraud_score": score})
    return Score(score=score, reasons=[reason for reason, weight in reasons.items() if weight])


@step(input=ValidOrder, output=Quote)
async def quote_shipping(ctx: StepContext[ValidOrder]) -> Quote:
    """The carrier, its price and how many days it takes."""
    order = _order(ctx)
    await _pause(order, picks=5)
    carrier, price, days = CARRIERS[order.shipping.service]
    fragile = sum(line.qty for line in order.order.lines if line.fragile)
    return Quote(carrier=carrier, price=round(price + 0.5 * fragile, 2), days=days)


# --- One of two -------------------------------------------------------------------------------------


@step(output=Charge, retries=RetryPolicy(attempts=3, delay=0.25, backoff=2.0))
async def charge_card(ctx: StepContext[object]) -> Charge:
    """Charge the card. The terminal may give no answer; three more tries follow, each after a longer wait."""
    return await _charge(ctx)


@step(output=Review, suspend=Question, resume=Decision)
async def manual_review(ctx: StepContext[object]) -> Review | None:
    """Ask a person whether a suspicious order goes on. Approved, its card is charged; rejected, nothing is."""
    order = _order(ctx)
    score = ctx.get_step_result(score_fraud)
    if ctx.resume_data is UNSET:
        details = order.order
        await _say(ctx, f"{details.number} is held: {', '.join(score['reasons'])}.")
        question = Question(
            message=f"Approve order {details.number}?",
            order=details.number,
            score=score["score"],
            limit=FRAUD_LIMIT,
            reasons=score["reasons"],
            total=f"{details.total:.2f} {details.currency}",
            lines=len(details.lines),
            customer_id=order.customer_id,
        )
        await ctx.suspend(question, resume_label="review")
        return None
    if not ctx.resume_data.approved:
        reasons = [*score["reasons"], *filter(None, [ctx.resume_data.reason])]
        return Review(approved=False, score=score["score"], reasons=reasons)
    return Review(approved=True, score=score["score"], reasons=score["reasons"], charge=await _charge(ctx))


async def _charge(ctx: StepContext) -> Charge:
    order = _order(ctx)
    await _pause(order, picks=4)
    attempt = ctx.retry_count + 1
    if ctx.retry_count < order.simulate.payment_failures:
        log.warning("No answer from the card terminal, attempt %d", attempt)
        raise PaymentTimeout(f"The card terminal gave no answer to attempt {attempt}.")
    if order.card_token.get_secret_value().startswith("tok_declined"):
        raise NonRetryableError("The card was declined.")
    quote = ctx.get_step_result(quote_shipping)
    amount = round(order.order.total + quote["price"], 2)
    # The idempotency key is the same when a crash repeats this step: a real terminal would charge once.
    charge = f"C-{zlib.crc32(ctx.idempotency_key.encode()):08x}"
    log.info("Charged %.2f %s as %s", amount, order.order.currency, charge)
    await ctx.set_state({"charge": charge})
    return Charge(charge=charge, amount=amount, currency=order.order.currency, attempts=attempt)


# --- Packing ----------------------------------------------------------------------------------------


@step(output=list[PackingTask])
async def plan_packing(ctx: StepContext[object]) -> list[PackingTask]:
    """One task for each line of the order. The run of an order that was rejected ends here."""
    order = _order(ctx).order
    review = ctx.get_step_result(manual_review)
    if review is not None and not review["approved"]:
        # Here and not in manual_review: within a branch, a bail ends the arm alone.
        ctx.bail(
            Outcome(number=order.number, status="rejected", fraud_score=review["score"], reasons=review["reasons"])
        )
    return [PackingTask(number=number, line=line) for number, line in enumerate(order.lines, 1)]


@step(input=PackingTask, output=Packed)
async def pack_lines(ctx: StepContext[PackingTask]) -> Packed:
    """Pick one line's units, scan them, and put them into cartons."""
    order, line = _order(ctx), ctx.input.line
    bay = 1 + _number(line.sku) % 20
    await _say(ctx, f"Picking {line.sku} from bay {bay}, level {1 + bay % 4}.")
    handful = math.ceil(line.qty / MOST_PICKS)
    for picked in [*range(handful, line.qty, handful), line.qty]:
        if ctx.abort_signal.aborted:
            raise NonRetryableError("Stopped: the run was canceled.")
        await _pause(order)
        await ctx.writer.write({"type": "progress", "line": ctx.input.number, "picked": picked, "of": line.qty})
        if picked % UNITS_OF_A_CARTON < handful or picked == line.qty:
            await ctx.writer.write({"type": "scan", "barcode": f"{400_638_000_0000 + _number(line.sku)}", "bay": bay})
    cartons = math.ceil(line.qty / (UNITS_OF_A_CARTON // 2 if line.fragile else UNITS_OF_A_CARTON))
    return Packed(sku=line.sku, qty=line.qty, cartons=cartons)


@step(input=list[Packed], output=Outcome)
async def send_confirmation(ctx: StepContext[list[Packed]]) -> Outcome:
    """Tell the customer what was sent, unless the order says not to."""
    order = _order(ctx)
    quote, review = ctx.get_step_result(quote_shipping), ctx.get_step_result(manual_review)
    charge = review["charge"] if review is not None else ctx.get_step_result(charge_card)
    if order.notify:
        await _say(ctx, f"{order.order.number} is on its way with {quote['carrier']}, {charge['amount']:.2f} charged.")
    return Outcome(
        number=order.order.number,
        status="confirmed",
        fraud_score=ctx.get_step_result(score_fraud)["score"],
        charged=charge["amount"],
        currency=order.order.currency,
        cartons=sum(packed.cartons for packed in ctx.input),
        carrier=quote["carrier"],
        notified=order.notify,
        tenant=ctx.request_context.get("tenant"),
        handled_by=ctx.request_context.get("user.id"),
    )


# --- What several steps need ------------------------------------------------------------------------


def _order(ctx: StepContext) -> Order:
    return Order.model_validate(ctx.get_init_data())


async def _pause(order: Order, picks: float = 1) -> None:
    await asyncio.sleep(SECONDS_OF_A_PICK[order.simulate.pace] * picks)


async def _say(ctx: StepContext, sentence: str) -> None:
    """Stream a sentence word by word, as a person would tell it."""
    for word in sentence.split(" "):
        await ctx.writer.write(f"{word} ")


def _number(text: str) -> int:
    """The same number for the same text, on every machine."""
    return zlib.crc32(text.encode()) % 100_000_000


order_fulfilment = (
    Workflow(
        id="order-fulfilment",
        description="Checks, charges, packs and confirms one order",
        input=Order,
        output=Outcome,
        state=State,
        request_context=Context,
    )
    .then(validate_order)
    .parallel([reserve_stock, score_fraud, quote_shipping])
    .branch(
        [
            ({"op": "lt", "left": SCORE, "right": {"literal": FRAUD_LIMIT}}, charge_card),
            ({"op": "gte", "left": SCORE, "right": {"literal": FRAUD_LIMIT}}, manual_review),
        ]
    )
    .then(plan_packing)
    .foreach(pack_lines, concurrency=2)
    .then(send_confirmation)
    .commit()
)
