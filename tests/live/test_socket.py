"""The socket's protocol: nothing lost, nothing twice, whatever the client does."""

import asyncio

import pytest
from django.contrib.auth.models import AnonymousUser, User

from runs.live import announcements, consumers
from runs.live.window import WINDOW_BYTES, WINDOW_EVENTS

pytestmark = pytest.mark.django_db(transaction=True)


def numbers(events: list[dict]) -> list[int]:
    return [event["seq"] for event in events]


async def test_the_server_is_silent_until_the_client_says_where_to_begin(socket, live_run, in_django):
    await in_django(live_run.chunks)(3)
    client = await socket(resume=None)
    assert await client.receive_nothing(0.2)
    await client.say(resume=0)
    assert numbers((await client.hear())["events"]) == [1, 2, 3]


async def test_only_what_lies_beyond_the_cursor_comes(socket, live_run, in_django):
    await in_django(live_run.chunks)(10)
    client = await socket(resume=7)
    frame = await client.hear()
    assert numbers(frame["events"]) == [8, 9, 10]
    assert (frame["first"], frame["last"]) == (8, 10)


async def test_an_event_comes_with_its_type_time_and_data(socket, live_run, in_django):
    written = (await in_django(live_run.write)(("workflow-step-output", {"id": "a", "output": {"n": 2**63 - 1}})))[0]
    client = await socket()
    assert (await client.hear())["events"] == [
        {"seq": 1, "type": written.type, "at": written.at, "data": {"id": "a", "output": {"n": 2**63 - 1}}}
    ]


async def test_news_committed_in_another_thread_arrive_at_once(socket, live_run, monkeypatch, in_django):
    monkeypatch.setattr(announcements, "POLL_SECONDS", 60)  # so that it is not the watch that finds them
    client = await socket()
    await asyncio.sleep(0.05)
    await in_django(live_run.chunks)(2)
    assert numbers((await client.hear(1))["events"]) == [1, 2]


async def test_news_of_another_process_are_found_without_a_nudge(socket, live_run, in_django):
    client = await socket()
    await in_django(live_run.chunks)(2, tell=False)
    assert numbers((await client.hear(5))["events"]) == [1, 2]


async def test_a_frame_holds_at_most_200_events_and_nothing_is_lost_or_twice(socket, live_run, in_django):
    await in_django(live_run.chunks)(2_500)
    client = await socket()
    events = []
    while len(events) < 2_500:
        frame = await client.hear()
        assert len(frame["events"]) <= consumers.FRAME_EVENTS
        assert frame.get("head", frame["last"]) == 2_500
        events += frame["events"]
        await client.say(ack=frame["last"])
    assert numbers(events) == list(range(1, 2_501))


async def test_live_and_stored_events_join_without_a_seam(socket, live_run, in_django):
    await in_django(live_run.chunks)(700)
    client = await socket()
    writing = [in_django(live_run.chunks)(count) for count in (1, 600, 3, 250, 40)]

    async def write() -> None:
        for one in writing:
            await one

    writer = asyncio.create_task(write())
    assert numbers(await client.hear_events(700 + 894)) == list(range(1, 700 + 895))
    await writer


async def test_a_client_that_acknowledges_nothing_gets_one_window_and_no_more(socket, live_run, in_django):
    await in_django(live_run.chunks)(3_000)
    client = await socket()
    events = await client.hear_events(WINDOW_EVENTS, ack=False)
    assert numbers(events) == list(range(1, WINDOW_EVENTS + 1))
    assert await client.receive_nothing(0.3)
    await client.say(ack=400)
    assert numbers(await client.hear_events(WINDOW_EVENTS + 400, ack=False))[0] == WINDOW_EVENTS + 1
    assert await client.receive_nothing(0.2)


async def test_large_events_close_the_window_by_their_bytes(socket, live_run, in_django):
    await in_django(live_run.chunks)(300, text="x" * 60_000)
    client = await socket()
    size = 0
    while size < WINDOW_BYTES:
        size += len(await client.receive_from(5))
    assert size < WINDOW_BYTES + 2 * consumers.FRAME_BYTES
    assert await client.receive_nothing(0.5)


async def test_after_the_end_everything_is_sent_then_the_end_then_1000(socket, live_run, in_django):
    client = await socket()
    await in_django(live_run.chunks)(450)
    await in_django(live_run.finish)()
    assert numbers(await client.hear_events(451)) == list(range(1, 452))
    assert await client.hear() == {"end": 451}
    assert await client.closed() == 1000


async def test_a_run_that_ended_before_is_sent_whole_and_closed(socket, live_run, in_django):
    await in_django(live_run.chunks)(5)
    await in_django(live_run.finish)()
    client = await socket(resume=6)
    assert await client.hear() == {"end": 6}
    assert await client.closed() == 1000


async def test_a_suspended_run_stays_open(socket, live_run, in_django):
    client = await socket()
    await in_django(live_run.write)(("workflow-suspended", {}), status="suspended")
    assert numbers(await client.hear_events(1)) == [1]
    assert await client.receive_nothing(0.8)
    await in_django(live_run.write)(("workflow-resume", {"steps": []}), status="running")
    assert numbers(await client.hear_events(2)) == [2]


async def test_a_heartbeat_tells_how_far_the_log_reaches(socket, live_run, monkeypatch, in_django):
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.1)
    await in_django(live_run.chunks)(3)
    client = await socket(resume=3)
    beat = await client.hear()
    assert beat["last"] == 3
    assert beat["heartbeat"] > 1_700_000_000_000


async def test_a_client_that_found_a_hole_asks_again_on_the_same_socket(socket, live_run, in_django):
    await in_django(live_run.chunks)(6)
    client = await socket()
    await client.hear_events(6)
    await client.say(resume=2)
    assert numbers(await client.hear_events(6)) == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "not JSON"),
        ("[1]", "not known"),
        ('{"resume": "7"}', "not a sequence number"),
        ('{"resume": true}', "not a sequence number"),
        ('{"resume": -1}', "not a sequence number"),
        ('{"resume": 1.5}', "not a sequence number"),
        ('{"resume": 0, "ack": 0}', "not known"),
        ('{"ack": 1}', "first, then acknowledge"),
        ('{"resume": 4}', "3 is its last one"),
        ('{"resume": ' + "1" * 300 + "}", "too long"),
    ],
)
async def test_a_malformed_message_closes_the_socket_with_a_reason(socket, live_run, text, reason, in_django):
    await in_django(live_run.chunks)(3)
    client = await socket(resume=None)
    await client.send_to(text_data=text)
    error = (await client.hear())["error"]
    assert error["code"] == 4400
    assert reason in error["message"]
    assert await client.closed() == 4400


async def test_a_binary_message_is_refused(socket):
    client = await socket(resume=None)
    await client.send_to(bytes_data=b"{}")
    assert "not binary" in (await client.hear())["error"]["message"]
    assert await client.closed() == 4400


async def test_what_was_never_sent_cannot_be_acknowledged(socket, live_run, in_django):
    await in_django(live_run.chunks)(3)
    client = await socket()
    await client.hear()
    await client.say(ack=4)
    assert "3 was the last one sent" in (await client.hear())["error"]["message"]
    assert await client.closed() == 4400


async def test_a_stranger_is_told_to_sign_in(socket):
    client = await socket(resume=None, user=AnonymousUser())
    assert (await client.hear())["error"] == {"code": 4401, "message": "Sign in to follow this run."}
    assert await client.closed() == 4401


async def test_a_person_without_the_right_is_told_so(socket):
    client = await socket(resume=None, user=await User.objects.acreate(username="nobody"))
    assert (await client.hear())["error"] == {"code": 4403, "message": "Your account may not see runs."}
    assert await client.closed() == 4403


async def test_who_signs_out_elsewhere_is_let_go(socket, live_run, viewer, client_for, monkeypatch, in_django):
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(consumers, "ACCESS_SECONDS", 0)
    browser = await in_django(client_for)(viewer)
    session = await in_django(lambda: browser.session)()
    client = await socket(session=session)
    assert "heartbeat" in await client.hear()
    assert "heartbeat" in await client.hear()
    await in_django(browser.logout)()
    while "heartbeat" in (message := await client.hear()):
        pass
    assert message["error"]["code"] == 4401
    assert await client.closed() == 4401


LOSSES = {
    "deactivated": ([4401], lambda person: User.objects.filter(pk=person.pk).update(is_active=False)),
    "removed from the group": ([4403], lambda person: person.groups.clear()),
    "the group's right withdrawn": ([4403], lambda person: person.groups.get().permissions.clear()),
    "a new password": ([4401], lambda person: (person.set_password("another-1"), person.save())),
    "deleted": ([4401, 4403], lambda person: person.delete()),
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_who_loses_the_right_is_let_go(socket, live_run, viewer, client_for, monkeypatch, in_django, loss):
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(consumers, "ACCESS_SECONDS", 0)
    browser = await in_django(client_for)(viewer)
    client = await socket(session=await in_django(lambda: browser.session)())
    assert "heartbeat" in await client.hear()
    codes, lose = LOSSES[loss]
    await in_django(lose)(viewer)
    while "heartbeat" in (message := await client.hear()):
        pass
    assert message["error"]["code"] in codes
    assert await client.closed() == message["error"]["code"]


def test_a_loss_is_noticed_within_a_minute():
    assert consumers.ACCESS_SECONDS + consumers.HEARTBEAT_SECONDS < 60


async def test_an_unknown_run_is_told_so(socket):
    client = await socket(resume=None, run_id="no-such-run")
    assert (await client.hear())["error"]["code"] == 4404
    assert await client.closed() == 4404


async def test_a_client_that_never_says_where_to_begin_is_let_go(socket, monkeypatch):
    monkeypatch.setattr(consumers, "SILENCE_SECONDS", 0.1)
    client = await socket(resume=None)
    assert (await client.hear())["error"]["code"] == 4408
    assert await client.closed() == 4408


async def test_nothing_is_kept_for_a_run_that_nobody_follows(socket, live_run, in_django):
    client = await socket()
    await in_django(live_run.chunks)(3)
    await client.hear()
    assert live_run.id in announcements._rooms
    await client.disconnect()
    assert live_run.id not in announcements._rooms
    await in_django(live_run.chunks)(3)
    assert announcements._rooms == {}
