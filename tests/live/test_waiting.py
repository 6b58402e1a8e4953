"""Who waits for a run to stand hears of that alone, and of it from wherever the run is worked on."""

import asyncio

import pytest

from runs.engine.log.events import EventType
from runs.live import announcements
from runs.store.redaction import redactor_for

SECONDS = 5


@pytest.fixture
async def waiting(live_run, in_django):
    """Waits for the run of the test."""
    redactor = await in_django(redactor_for)(live_run.run)
    news = asyncio.Event()
    room = announcements.join(live_run.id, redactor, news, until_settled=True)
    yield news
    announcements.leave(room, news)


async def heard(news: asyncio.Event) -> None:
    async with asyncio.timeout(SECONDS):
        await news.wait()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (EventType.RUN_FINISH, "success"),
        (EventType.RUN_SUSPENDED, "suspended"),
        (EventType.RUN_CANCELED, "canceled"),
        (EventType.RUN_PAUSED, "paused"),
    ],
)
async def test_a_stop_wakes_and_what_comes_before_it_does_not(waiting, live_run, in_django, monkeypatch, kind, status):
    monkeypatch.setattr(announcements, "POLL_SECONDS", 60)
    await in_django(live_run.chunks)(3)
    await asyncio.sleep(0)  # what was announced is heard before this goes on
    assert not waiting.is_set()
    await in_django(live_run.write)((kind, {}), status=status)
    await heard(waiting)


async def test_a_stop_in_another_process_is_found_by_the_watch(waiting, live_run, in_django):
    await in_django(live_run.chunks)(2, tell=False)
    await in_django(live_run.finish)(tell=False)
    await heard(waiting)


async def test_with_the_last_of_those_who_wait_the_run_is_let_go(live_run, in_django):
    redactor = await in_django(redactor_for)(live_run.run)
    first, second = asyncio.Event(), asyncio.Event()
    room = announcements.join(live_run.id, redactor, first, until_settled=True)
    assert announcements.join(live_run.id, redactor, second) is room
    announcements.leave(room, second)
    assert announcements._rooms[live_run.id] is room
    announcements.leave(room, first)
    assert live_run.id not in announcements._rooms
