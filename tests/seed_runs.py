"""Runs to look at, started through the real path. `python -m tests.seed_runs` prints name=run id for the special ones.

For a console that runs on the same data folder and executes them.
"""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")
django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402

from runs.actions.start import StartRequest, start_run  # noqa: E402
from runs.models import Actor  # noqa: E402

CONTEXT = {"tenant": "acme-eu", "user.id": 4410023, "features": {"split_cartons": True}}
SKUS = ["SKU-2201", "SKU-0118-XL-BLUE", "SKU-7740", "SKU-3315", "SKU-0092"]
TAGS = ["priority", "eu-west", "black-friday"]
HEAVY_LINE = {"sku": "SKU-2201", "qty": 100, "unit_price": 60}
DECLINED = "tok_declined"


def people() -> list[User]:
    """The administrator, and two operators."""
    found = [User.objects.get(username="admin")]
    for first, last in (("Mara", "Lind"), ("Jonas", "Weber")):
        person = User.objects.create_user(first.lower(), first_name=first, last_name=last, password=None)
        person.groups.add(Group.objects.get(name="operator"))
        found.append(person)
    return found


def start(
    who: User, workflow: str, input: object, *, tags: list[str] | None = None, context: object = None, **tracing: object
) -> str:
    request = StartRequest(
        workflow_id=workflow,
        input=input,
        request_context=context or {},
        tracing_options=({"tags": tags} if tags else {}) | tracing,
        output_options={"includeState": True},
    )
    return start_run(request, actor=Actor.person(who)).id


def order(
    number: int, *, lines: int = 3, pace: str = "instant", failures: int = 0, card: str = "tok_live_9f2c41", **more: Any
) -> dict[str, Any]:
    listed = [
        {
            "sku": SKUS[index % 5] + ("" if index < 5 else f"-{index}"),
            "qty": 3 + 4 * (index % 9),
            "unit_price": 18.9,
            "fragile": index == 1,
        }
        for index in range(lines)
    ]
    return {
        "customer_id": 9007199254740993,
        "channel": "web",
        "order": {"number": f"ORD-{number}", "total": 50, "lines": listed, "discount_code": "AUTUMN10"},
        "shipping": {"service": "express", "gift_message": None},
        "card_token": card,
        "simulate": {"pace": pace, "payment_failures": failures},
        **more,
    }


def many(persons: list[User]) -> None:
    """An ordinary day: most runs go well, some do not."""
    for number in range(40):
        given = order(
            10_300 + number,
            lines=1 + number % 5,
            failures=4 if number % 11 == 5 else int(number % 13 == 7),
            card=DECLINED if number % 9 == 4 else "tok_live_9f2c41",
        )
        start(persons[number % 3], "order-fulfilment", given, tags=TAGS[: number % 3], context=CONTEXT)
        if number % 5 == 0:
            given = {"tokens": 200 + number, "tokens_per_second": 0}
            start(persons[number % 2], "text-stream", given, tags=["demo"])
        if number % 8 == 0:
            start(persons[2], "site-check", {"urls": ["/healthz", "/readyz"]})


def special(persons: list[User]) -> dict[str, str]:
    """A run for each thing that a page can show, the newest last."""
    _, mara, jonas = persons
    rows = "".join(f"City {n},{'PFNS'[n % 4]},{n * 7919 % 100_000}\n" for n in range(5_000))
    held = order(10_398, channel="partner", shipping={"service": "same_day"})
    held["order"] = {"number": "ORD-10398", "total": 6_000, "lines": [HEAVY_LINE]}
    failing = order(10_437, pace="normal", failures=4, lines=5)
    good = order(10_436, pace="normal", failures=1)
    trace = {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "requestContextKeys": ["tenant"],
        "metadata": {"ticket": "OPS-2291"},
    }
    urls = ["/healthz", "/readyz", "/nowhere", "http://127.0.0.1:9/"]
    return {
        "profile": start(mara, "csv-profile", {"csv": "city,country,population\n" + rows}, tags=["import"]),
        "sites": start(jonas, "site-check", {"urls": urls}),
        "long": start(mara, "text-stream", {"tokens": 9_000, "tokens_per_second": 0}, tags=["demo"]),
        "held": start(mara, "order-fulfilment", held, context=CONTEXT),
        "failed": start(mara, "order-fulfilment", failing, tags=TAGS[:2], context=CONTEXT),
        "success": start(mara, "order-fulfilment", good, tags=TAGS, context=CONTEXT, **trace),
        "canceled": start(jonas, "text-stream", {"tokens": 100_000, "tokens_per_second": 5}),
        "live": start(mara, "order-fulfilment", order(10_442, pace="slow", lines=60), tags=TAGS[:1], context=CONTEXT),
    }


if __name__ == "__main__":
    everyone = people()
    many(everyone)
    for name, run_id in special(everyone).items():
        print(f"{name}={run_id}")
