"""Runs with a log, written straight into the store: what a page shows does not depend on who executed the run."""

import orjson
from django.utils import timezone

from runs.models import AuditEntry, RunEvent, WorkflowDefinition, WorkflowRun, WorkflowVersion
from tests.drawing.runs import ORDER_GRAPH

INPUT = {
    "order": {"number": "ORD-10437", "total": 2988.8, "currency": "EUR", "lines": [{"sku": "SKU-2201", "qty": 4}] * 5},
    "customer_id": 9007199254740993,
    "card_token": "tok_visa_4242",
    "discount_code": None,
}
STACK = [
    {"file": "/usr/lib/python3.11/asyncio/runners.py", "line": 118, "function": "run", "code": "return self._run()"},
    {
        "file": "/srv/shop/workflows/order.py",
        "line": 142,
        "function": "charge_card",
        "code": "receipt = await payments.charge(order.total, token)",
    },
    {
        "file": "/srv/shop/payments.py",
        "line": 88,
        "function": "charge",
        "code": "raise PaymentDeclined(reply.code, reply.text)",
    },
    {
        "file": "/srv/.venv/lib/python3.11/site-packages/httpx/_client.py",
        "line": 9,
        "function": "send",
        "code": "return await self._send(request)",
    },
]


def make_workflow(workflow_id="order-fulfilment", graph=None, **more):
    definition = WorkflowDefinition.objects.create(id=workflow_id, origin="code", **more)
    definition.current = WorkflowVersion.objects.create(
        definition=definition,
        number=14,
        content_hash="",  # of a version that nobody has described: the sample of this id goes on with its runs
        graph=ORDER_GRAPH if graph is None else graph,
        steps={"charge_card": {"description": "Charges the card.", "retries": 2}},
        input_schema={"properties": {"card_token": {"type": "string", "x-secret": True}}},
    )
    definition.save()
    return definition


class RunLog:
    """A run whose events are added one by one. `began`: epoch milliseconds; times are counted from it."""

    def __init__(self, workflow, run_id="019ab1f4-7c2e-7b41-9d3a-5e0c8f21a6b7", *, age_ms=12_400, start=True, **card):
        now = timezone.now()
        self.began = round(now.timestamp() * 1000) - age_ms
        card.setdefault("actor_label", "Mara Lind")
        self.run = WorkflowRun(
            id=run_id, workflow=workflow, version=workflow.current, created_at=self.moment(0), **card
        )
        self.events = []
        if start:
            self.add("workflow-start", 0, workflowId=workflow.pk, input=INPUT, requestContext={"user": {"id": 5}})

    def moment(self, ms):
        return timezone.datetime.fromtimestamp((self.began + ms) / 1000, timezone.get_default_timezone())

    def add(self, kind, at, **data):
        self.events.append(
            RunEvent(
                run_id=self.run.pk, seq=len(self.events) + 1, type=kind, at=self.began + at, data=orjson.dumps(data)
            )
        )
        return self

    def step(self, path, start, end=None, status="success", *, payload=None, output=None, **more):
        """A step from its start to its end, or still under way."""
        place = {"entry": more.pop("entry", 0)}
        if path.endswith("]"):
            place |= {"in": path[: path.rindex("[")], "item": int(path[path.rindex("[") + 1 : -1])}
        started = {key: more.pop(key) for key in ("totalCount", "iteration") if key in more}
        self.add("workflow-step-start", start, id=path, payload=payload or {"of": path}, **place, **started)
        if end is not None:
            result = {"error": more.pop("error")} if "error" in more else {"output": output or {"done": path}}
            self.add("workflow-step-result", end, id=path, status=status, **result, **more, **place)
        return self

    def chunk(self, path, at, output):
        return self.add("workflow-step-output", at, id=path, output=output)

    def store(self, status="running", *, ended=None, **card):
        run = self.run
        run.status, run.last_seq = status, len(self.events)
        if len(self.events) > 1:
            run.started_at = self.moment(30)
        if ended is not None:
            run.ended_at = self.moment(ended)
        for name, value in card.items():
            setattr(run, name, value)
        run.save(force_insert=True)
        RunEvent.objects.bulk_create(self.events, batch_size=1000)
        AuditEntry.objects.create(
            actor_label=run.actor_label, verb="start", object_type="run", object_id=run.pk, address="192.0.2.7"
        )
        return run


def begun(workflow, *args, **card):
    """An order whose first steps are done."""
    log = RunLog(workflow, *args, trace_id="4bf92f3577b34da6a3ce929d0e0e4736", **card)
    log.step("validate_order", 30, 240, entry=0)
    for path, end in (("reserve_stock", 2410), ("score_fraud", 1100), ("quote_shipping", 1690)):
        log.step(path, 270, end, entry=1)
    return log


def running_run(workflow, *args, **card):
    card.setdefault("tags", ["priority", "eu-west", "black-friday"])
    log = begun(workflow, *args, **card).step("charge_card", 2450, 5520, entry=2)
    log.step("pack_lines", 5550, totalCount=5, entry=3)
    for index, (start, end) in enumerate([(5560, 7730), (5560, 8930), (7740, 10_630), (8950, None), (10_640, None)]):
        log.step(f"pack_lines[{index}]", start, end, payload={"sku": f"SKU-{2201 + index}"}, entry=3)
        if end:
            log.add(
                "workflow-step-progress",
                end,
                id="pack_lines",
                completedCount=index + 1,
                totalCount=5,
                currentIndex=index,
                iterationStatus="success",
            )
    for number in range(40):
        log.chunk("pack_lines[3]", 9000 + number * 80, {"type": "progress", "picked": number, "of": 99})
        log.chunk("pack_lines[4]", 10_650 + number * 40, f"Picking {number} from bay 14, level 2. ")
    return log.store("running")


def finished_run(workflow, *args, result=None, **card):
    log = begun(workflow, *args, **card).step("charge_card", 2450, 5520, entry=2)
    log.step("pack_lines", 5550, 9000, entry=3).step("send_confirmation", 9010, 9900, entry=4)
    value = {"confirmation": "C-10442", "cartons": 3, "weight_kg": 12.4} if result is None else result
    log.add("workflow-finish", 9910, status="success", result=value)
    return log.store("success", ended=9910)


def failed_run(workflow, *args, **card):
    error = {
        "message": "Card declined by issuer (code 51): insufficient funds for EUR 2988.80",
        "name": "PaymentDeclined",
    }
    slow = {"message": "no answer from psp.example in 1 s", "name": "ReadTimeout"}
    log = begun(workflow, *args, age_ms=60_000, **card)
    log.add("workflow-step-start", 2270, id="charge_card", payload=INPUT, entry=2)
    log.add("workflow-step-retry", 3380, id="charge_card", attempt=1, error=slow, nextAt=log.began + 4380)
    log.add("workflow-step-retry", 5210, id="charge_card", attempt=2, error=error, nextAt=log.began + 7210)
    log.add(
        "workflow-step-result",
        7680,
        id="charge_card",
        status="failed",
        error=error | {"cause": slow},
        stack=STACK,
        entry=2,
    )
    log.add("workflow-finish", 7700, status="failed", error=error | {"cause": slow})
    return log.store("failed", ended=7700, detail=error["message"])


def suspended_run(workflow, *args, **card):
    log = begun(workflow, *args, age_ms=260_000, **card)
    log.add("workflow-step-start", 2450, id="manual_review", payload={"score": 0.93}, entry=2)
    log.add(
        "workflow-step-suspended",
        2500,
        id="manual_review",
        suspendPayload={"message": "Ship the order of Mara Lind for EUR 2988.80?", "score": 0.93},
        entry=2,
    )
    log.add("workflow-suspended", 2510)
    return log.store("suspended", detail="Ship the order?")


def canceled_run(workflow, *args, **card):
    log = begun(workflow, *args, **card)
    log.add("workflow-step-start", 2450, id="charge_card", payload=INPUT, entry=2)
    log.add("workflow-step-result", 4000, id="charge_card", status="success", output={"ok": True}, entry=2)
    log.add("workflow-canceled", 4010, by="Mara Lind")
    return log.store("canceled", ended=4010)


def pending_run(workflow, *args, **card):
    return RunLog(workflow, *args, age_ms=4_000, **card).store("pending", queued=True)
