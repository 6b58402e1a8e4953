"""What each RunStore promises to the engine."""

import asyncio
import time

import orjson
import pytest

from runs.engine.errors import Fenced, NotJson, RunAlreadyExists, RunNotFound
from runs.engine.log.results import RunStatus
from runs.engine.log.store import RunCard, RunStore

START = {"workflowId": "w", "input": {"n": 1}}


def card(run_id: str = "r1", **changes) -> RunCard:
    now = time.time_ns() // 1_000_000
    return RunCard(
        **(
            {"run_id": run_id, "workflow_id": "w", "status": RunStatus.PENDING, "created_at": now, "updated_at": now}
            | changes
        )
    )


async def open_log(store: RunStore, run_id: str = "r1", **changes):
    await store.create(card(run_id, **changes))
    log = await store.claim(run_id, expected=[RunStatus.PENDING], status=RunStatus.RUNNING)
    assert log is not None
    return log


def values(events) -> list[tuple[int, str, dict]]:
    return [(event.seq, event.type, event.decoded()) for event in events]


async def test_a_new_run_is_pending_and_has_no_events(store):
    await store.create(card(resource_id="shop-7", tags=("a", "b")))
    found = await store.card("r1")
    assert (found.status, found.epoch, found.last_seq) == (RunStatus.PENDING, 0, 0)
    assert (found.resource_id, found.tags) == ("shop-7", ("a", "b"))
    assert await store.load("r1") == []


async def test_a_run_id_is_used_once(store):
    await store.create(card())
    with pytest.raises(RunAlreadyExists):
        await store.create(card())


async def test_a_run_is_made_and_taken_in_one_act(store):
    log = await store.begin(card())
    assert log is not None
    log.append("workflow-start", START)
    await log.commit()
    assert (await store.card("r1")).epoch == log.epoch == 1
    assert values(await store.load("r1")) == [(1, "workflow-start", START)]
    assert await store.begin(card()) is None


async def test_data_that_is_encoded_already_is_kept_as_it_is(store):
    log = await open_log(store)
    large = "x" * 100_000
    log.append("workflow-step-output", b'{"id":"s","output":{"a":1.0}}')
    log.append("workflow-step-output", orjson.dumps({"id": "s", "output": large}))
    await log.commit()
    small, big = await store.load("r1")
    assert small.data == b'{"id":"s","output":{"a":1.0}}'
    assert big.decoded() == {"id": "s", "output": large}


async def test_what_is_committed_is_loaded_in_order_and_whole(store):
    log = await open_log(store)
    assert log.append("workflow-start", START) == 1
    assert log.append("workflow-step-start", {"id": "a", "payload": {"n": 1}}) == 2
    assert log.append("workflow-step-output", {"id": "a", "output": "ü 🙂 \u0000"}, at=1_700_000_000_123) == 3
    await log.commit()
    events = await store.load("r1")
    assert values(events) == [
        (1, "workflow-start", START),
        (2, "workflow-step-start", {"id": "a", "payload": {"n": 1}}),
        (3, "workflow-step-output", {"id": "a", "output": "ü 🙂 \u0000"}),
    ]
    assert events[2].at == 1_700_000_000_123
    assert values(await store.load("r1", after=2)) == values(events[2:])
    assert (await store.card("r1")).last_seq == 3


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**64 - 1, 0.1 + 0.2, 1e308, 5e-324, -0.0, 9007199254740993])
async def test_numbers_come_back_to_the_last_digit(store, number):
    log = await open_log(store)
    log.append("workflow-start", {"input": number})
    await log.commit()
    (event,) = await store.load("r1")
    assert repr(event.decoded()["input"]) == repr(number)


async def test_a_value_that_json_cannot_hold_is_refused_with_its_place(store):
    log = await open_log(store)
    with pytest.raises(NotJson, match=r"output\.rows"):
        log.append("workflow-step-result", {"id": "a", "output": {"rows": [1, object()]}})
    assert log.append("workflow-start", START) == 1  # nothing was queued
    await log.commit()


async def test_an_event_does_not_change_with_the_value_it_was_made_of(store):
    log = await open_log(store)
    value = {"n": 1}
    log.append("workflow-step-output", {"id": "a", "output": value})
    value["n"] = 2
    await log.commit()
    assert (await store.load("r1"))[0].decoded()["output"] == {"n": 1}


async def test_an_event_changes_the_card_in_the_same_commit(store):
    log = await open_log(store)
    log.append("workflow-start", START, card={"status": RunStatus.RUNNING, "started_at": 1_700_000_000_001})
    log.append("workflow-step-waiting", {"id": "s"}, card={"status": RunStatus.WAITING, "wake_at": 1_700_000_100_500})
    log.append("workflow-step-start", {"id": "a"}, card={"detail": "first\nsecond \u0000" + "x" * 400})
    await log.commit()
    found = await store.card("r1")
    assert (found.status, found.wake_at, found.last_seq) == (RunStatus.WAITING, 1_700_000_100_500, 3)
    assert found.detail.startswith("first")
    log.append("workflow-finish", {"status": "success"}, card={"status": RunStatus.SUCCESS, "wake_at": None})
    await log.commit()
    found = await store.card("r1")
    assert (found.status, found.wake_at) == (RunStatus.SUCCESS, None)


async def test_a_run_is_claimed_once(store):
    await store.create(card())
    claims = await asyncio.gather(
        *(store.claim("r1", expected=[RunStatus.PENDING], status=RunStatus.RUNNING) for _ in range(20))
    )
    assert len([log for log in claims if log is not None]) == 1
    assert (await store.card("r1")).status == RunStatus.RUNNING


async def test_only_a_run_in_an_expected_status_is_claimed(store):
    await store.create(card())
    assert await store.claim("r1", expected=[RunStatus.SUSPENDED], status=RunStatus.RUNNING) is None
    log = await store.claim("r1", expected=[RunStatus.SUSPENDED, RunStatus.PENDING])
    assert log is not None
    assert (await store.card("r1")).status == RunStatus.PENDING  # a claim without a status changes none


async def test_the_log_goes_on_where_the_last_owner_stopped(store):
    first = await open_log(store)
    first.append("workflow-start", START)
    first.append("workflow-step-start", {"id": "a"})
    await first.commit()
    second = await store.claim("r1", expected=[RunStatus.RUNNING])
    assert (second.epoch, second.last_seq) == (first.epoch + 1, 2)
    assert second.append("workflow-step-result", {"id": "a", "status": "success"}) == 3
    await second.commit()
    assert [event.seq for event in await store.load("r1")] == [1, 2, 3]


async def test_who_has_lost_a_run_writes_nothing_more(store):
    first = await open_log(store)
    first.append("workflow-start", START)
    await first.commit()
    second = await store.claim("r1", expected=[RunStatus.RUNNING])
    first.append("workflow-finish", {"status": "failed"}, card={"status": RunStatus.FAILED})
    second.append("workflow-finish", {"status": "success"}, card={"status": RunStatus.SUCCESS})
    outcomes = await asyncio.gather(first.commit(), second.commit(), return_exceptions=True)
    assert isinstance(outcomes[0], Fenced)
    assert outcomes[1] is None
    with pytest.raises(Fenced):
        await first.commit()
    assert values(await store.load("r1"))[1:] == [(2, "workflow-finish", {"status": "success"})]
    assert (await store.card("r1")).status == RunStatus.SUCCESS


async def test_one_fenced_run_takes_no_other_with_it(store):
    logs = [await open_log(store, f"r{index}") for index in range(10)]
    await store.claim("r4", expected=[RunStatus.RUNNING])
    for log in logs:
        log.append("workflow-start", START)
    outcomes = await asyncio.gather(*(log.commit() for log in logs), return_exceptions=True)
    assert [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Fenced)] == [4]
    for index in range(10):
        assert len(await store.load(f"r{index}")) == (0 if index == 4 else 1)


async def test_large_values_come_back_as_they_were(store):
    log = await open_log(store)
    blob = [{"k": f"key {index}", "v": "é" * 300} for index in range(1000)]
    log.append("workflow-start", {"workflowId": "w", "input": {"value": 0, "blob": blob, "after": None}})
    log.append("workflow-step-result", {"id": "a", "status": "success", "output": {"value": 1, "blob": blob}})
    log.append("workflow-step-output", {"id": "a", "output": "x" * 100_000})
    log.append("workflow-step-output", {"id": "a", "output": orjson.Fragment(b'{ "spaced" : "%s" }' % (b"y" * 70_000))})
    await log.commit()
    events = [event.decoded() for event in await store.load("r1")]
    assert events[0]["input"] == {"value": 0, "blob": blob, "after": None}
    assert list(events[0]["input"]) == ["value", "blob", "after"]
    assert events[1]["output"] == {"value": 1, "blob": blob}
    assert events[2]["output"] == "x" * 100_000
    assert events[3]["output"] == {"spaced": "y" * 70_000}


async def test_a_value_told_by_reference_is_loaded_whole(store):
    log = await open_log(store)
    log.append("workflow-start", START)
    log.append("workflow-step-start", {"id": "a", "payloadFrom": 1})
    log.append("workflow-step-result", {"id": "a", "status": "success", "outputFrom": 2})
    await log.commit()
    events = await store.load("r1")
    assert events[1].decoded()["payload"] == {"n": 1}
    assert events[2].decoded()["output"] == {"n": 1}
    assert (await store.load("r1", after=2))[0].decoded()["output"] == {"n": 1}


async def test_cards_are_found_by_workflow_status_and_resource_newest_first(store):
    await store.create(card("r1", created_at=1_000, workflow_id="w1"))
    await store.create(card("r2", created_at=3_000, workflow_id="w1", resource_id="shop"))
    await store.create(card("r3", created_at=2_000, workflow_id="w2", resource_id="shop"))
    await store.claim("r3", expected=[RunStatus.PENDING], status=RunStatus.RUNNING)
    assert [found.run_id for found in await store.cards()] == ["r2", "r3", "r1"]
    assert [found.run_id for found in await store.cards(workflow_id="w1")] == ["r2", "r1"]
    assert [found.run_id for found in await store.cards(status=RunStatus.RUNNING)] == ["r3"]
    assert [found.run_id for found in await store.cards(resource_id="shop", workflow_id="w1")] == ["r2"]


async def test_a_deleted_run_is_gone_with_its_log(store):
    log = await open_log(store, tags=("a",))
    log.append("workflow-start", START)
    await log.commit()
    await store.delete("r1")
    for call in (store.card, store.load, store.delete):
        with pytest.raises(RunNotFound):
            await call("r1")
    await store.create(card())
    assert await store.load("r1") == []


async def test_a_run_that_does_not_exist_is_not_claimed(store):
    with pytest.raises(RunNotFound):
        await store.claim("nobody", expected=list(RunStatus))


async def test_many_runs_at_once_lose_nothing(store):
    async def work(index: int) -> None:
        log = await open_log(store, f"r{index}")
        for step in range(20):
            for chunk in range(5):
                log.append("workflow-step-output", {"id": f"s{step}", "output": chunk})
            log.append("workflow-step-result", {"id": f"s{step}", "output": step})
            await log.commit()

    await asyncio.gather(*(work(index) for index in range(40)))
    for index in range(40):
        events = await store.load(f"r{index}")
        assert [event.seq for event in events] == list(range(1, 121))


async def test_events_that_nobody_waits_for_are_committed_soon(store):
    log = await open_log(store)
    log.append("workflow-step-output", {"id": "a", "output": 1})
    async with asyncio.timeout(2):
        while not await store.load("r1"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
