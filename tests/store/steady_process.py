"""Appends to a log for a while, and then tells whether all of it is there. `python -m tests.store.steady_process`"""

import asyncio
import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")
EVENTS = 600


async def work() -> None:
    from runs.engine.log.results import RunStatus
    from runs.engine.log.store import RunCard
    from runs.store.database_store import DatabaseRunStore

    store = DatabaseRunStore()
    now = time.time_ns() // 1_000_000
    await store.create(RunCard("r1", "w", RunStatus.PENDING, now, now))
    log = await store.claim("r1", expected=[RunStatus.PENDING], status=RunStatus.RUNNING)
    print("begun", flush=True)
    for n in range(EVENTS):
        log.append("workflow-step-output", {"id": "a", "output": n})
        await log.commit()
        await asyncio.sleep(0.002)
    told = [event.decoded()["output"] for event in await store.load("r1")]
    print("whole" if told == list(range(EVENTS)) else f"{len(told)} events, {told[:5]} …", flush=True)
    store.close()


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    asyncio.run(work())


if __name__ == "__main__":
    main()
