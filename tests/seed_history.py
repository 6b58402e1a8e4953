"""A month of cards, to see lists and figures with many runs. `python -m tests.seed_history 10000` writes that many.

Cards and tags alone, no events: what lists, figures and filters read. Runs to open are made by tests.seed_runs.
"""

import os
import random
import sys
from datetime import datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")

SECONDS = {"order-fulfilment": 15.0, "csv-profile": 4.0, "site-check": 1.2, "text-stream": 40.0}  # usual durations
WHO = ["Mara Lind", "Jonas Weber", "token shop-backend", "schedule nightly-refill", "command line"]
TAGS = ["priority", "eu-west", "nightly", "month-end", "hourly", "black-friday"]
FAILURES = {
    "order-fulfilment": ["charge_card: card declined by issuer (code 51)", "reserve_stock: SKU-2201 is out of stock"],
    "csv-profile": ["read: row 4 812 has 19 fields, 20 were expected"],
    "site-check": ["check[2]: no answer within 10 s", "check[0]: the name could not be resolved"],
    "text-stream": ["stream: text is empty"],
}
BATCH = 2000


def seed(count: int, *, days: int = 30, now: datetime | None = None) -> None:
    """Write `count` cards, spread over the last `days`, most of them in the last one."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from runs.models import RunTag, WorkflowDefinition, WorkflowRun

    dice = random.Random(7)
    now = now or timezone.now()
    workflows = {found.pk: found.current_id for found in WorkflowDefinition.objects.runnable()}
    person = User.objects.order_by("pk").first()
    runs, tags = [], []
    for number in range(count):
        run = _card(dice, number, _moment(dice, now, days), workflows, person, now)
        runs.append(run)
        tags.extend(RunTag(run_id=run.pk, tag=tag, created_at=run.created_at) for tag in run.tags)
        if len(runs) == BATCH or number == count - 1:
            WorkflowRun.objects.bulk_create(runs)
            RunTag.objects.bulk_create(tags)
            runs, tags = [], []


def _moment(dice: random.Random, now: datetime, days: int) -> datetime:
    """A fifth of the runs in the last day; more of them by day than by night."""
    while True:
        moment = now - timedelta(days=1 if dice.random() < 0.2 else days) * dice.random()
        if 7 <= moment.hour < 20 or dice.random() < 0.4:
            return moment


def _card(dice: random.Random, number: int, created: datetime, workflows: dict, person, now: datetime):
    from runs.models import WorkflowRun

    workflow = dice.choices(list(workflows), weights=range(len(workflows) + 2, 2, -1))[0]
    took = timedelta(seconds=SECONDS.get(workflow, 5.0) * dice.lognormvariate(0, 0.35))
    morning = 8 <= created.hour < 10
    status = dice.choices(["success", "failed", "canceled", "tripwire"], weights=[92, 9 if morning else 3, 2, 1])[0]
    if now - created > timedelta(minutes=1) and dice.random() < 0.004:
        status = "suspended"
    started = created + timedelta(milliseconds=dice.randint(3, 900))
    details = {
        "failed": dice.choice(FAILURES.get(workflow, ["step: it did not work"])),
        "suspended": f"Approve order ORD-{10_000 + number}?",
        "canceled": "canceled by Jonas Weber",
        "tripwire": "guard pii-filter: card number in the text",
    }
    return WorkflowRun(
        id=f"019ab1f4-{number:04x}-7b41-9d3a-{dice.getrandbits(48):012x}",
        workflow_id=workflow,
        version_id=workflows[workflow],
        status=status,
        created_at=created,
        updated_at=min(started + took, now),
        started_at=started,
        ended_at=None if status == "suspended" else min(started + took * (0.5 if status == "failed" else 1), now),
        detail=details.get(status, ""),
        actor=person if number % 5 == 0 else None,
        actor_label=WHO[number % 5],
        trace_id=f"{dice.getrandbits(128):032x}",
        tags=dice.sample(TAGS, dice.choice([0, 1, 1, 2])),
        last_seq=12,
        epoch=1,
    )


if __name__ == "__main__":
    django.setup()
    seed(int(sys.argv[1]))
