"""Large values at every depth, shared by steps and runs: what was stored is read whole by every way there is."""

import hashlib
import io
import json
from importlib import import_module

import orjson
import pytest
from django.apps import apps
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.actions.resume import Answer
from runs.executor import dispatch
from runs.executor.embedded import EmbeddedExecutor
from runs.models import Payload, RunEvent, WorkflowRun
from runs.models.event import PayloadUse
from runs.retention.purge import Old, Purge
from runs.store.connection import connect
from runs.store.history import read_events, snapshot
from runs.store.large_values import LARGE_BYTES
from tests.executor.acting import resume_run, run_again, run_from_step
from tests.store.large_values import LARGE, TEXT, values

migration = import_module("runs.migrations.0014_deep_payloads")
SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def question_of(value: object) -> dict:
    """What `handing` asks about."""
    order = {"order": value, "ok": True}
    both = {"left": [0, order], "echo": order}
    return {"whole": {"a": both, "b": both}, "given": value}


@pytest.fixture
def read(client_for, operator, tmp_path):
    """Every way to read a run that has ended; each must give the same."""
    client = client_for(operator)
    number = iter(range(1_000_000))

    def read(run: WorkflowRun, value: object) -> None:
        asked = question_of(value)
        result = {"asked": asked, "answer": value}
        told = snapshot(run.pk)
        assert (told.input, told.state) == (value, {"seen": value, "list": [value]})
        assert told.result == told.steps["ask_about"].output == result
        assert told.steps["ask_about"].payload == asked
        events = {event.seq: event.decoded() for event in read_events(run.pk)}
        assert {"review": asked} in [data.get("suspendPayload") for data in events.values()]
        assert {"chunk": {"order": value, "ok": True}} in [data.get("output") for data in events.values()]

        shown = client.get(f"/api/workflows/handing/runs/{run.pk}").json()
        assert (shown["result"], shown["steps"]["twice"]["output"]) == (result, asked["whole"])
        assert client.get(f"/runs/{run.pk}/value/?of=result&download=1").json() == result
        at = "?of=step-output&step=twice&at=/b/left/1&download=1"
        assert client.get(f"/runs/{run.pk}/value/{at}").json() == {"order": value, "ok": True}
        for tab in ("overview", "steps&step=twice", "state", "input", "raw", "stream"):
            assert client.get(f"/runs/{run.pk}/?tab={tab}").status_code == 200

        path = tmp_path / f"export-{next(number)}"
        call_command("export_runs", "--workflow=handing", f"--output={path}", stderr=io.StringIO())
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        exported = next(line for line in lines if line["runId"] == run.pk)
        assert (exported["result"], exported["state"], exported["steps"]["twice"]["output"]) == (
            result,
            {"seen": value, "list": [value]},
            asked["whole"],
        )

    return read


@pytest.fixture
def purge(workflows):
    connection = connect()
    yield Purge(connection)
    connection.close()


def restarted() -> None:
    """Another executor takes over, with nothing in its memory."""
    dispatch._executor.stop()
    dispatch._executor = EmbeddedExecutor()
    dispatch._executor.start()


@pytest.fixture
def handed(executor, start, until):
    """A run of `handing` that has ended, answered after a restart."""

    def handed(value: object) -> WorkflowRun:
        run = until(start("handing", value), "suspended", seconds=30)
        restarted()
        assert snapshot(run.pk).steps["ask_about"].suspend_payload == {"review": question_of(value)}
        resume_run(Answer(run_id=run.pk, data=value))
        return until(run, "success", seconds=30)

    yield handed
    dispatch._executor.stop()


def deleted(purge: Purge, run: WorkflowRun) -> None:
    purge.delete_runs([Old(run.pk, run.last_seq)])
    assert not WorkflowRun.objects.filter(pk=run.pk).exists()


@settings(max_examples=3, **SLOW)
@given(st.data())
def test_large_values_are_read_whole_by_every_way_also_after_a_purge_of_another_owner(
    handed, read, purge, until, start, data
):
    first = data.draw(values)
    second = data.draw(st.sampled_from([first, {"order": first, "ok": True}, [first], {"review": question_of(first)}]))
    pair = [(handed(value), value) for value in data.draw(st.permutations([first, second]))]
    for run, value in pair:
        read(run, value)
    (gone, _), (left, value) = data.draw(st.permutations(pair))
    deleted(purge, gone)
    read(left, value)

    travelled = until(run_from_step(left.pk, "twice"), "suspended", seconds=30)
    deleted(purge, left)
    assert snapshot(travelled.pk).steps["ask_about"].suspend_payload == {"review": question_of(value)}
    resume_run(Answer(run_id=travelled.pk, data=value))
    until(travelled, "success", seconds=30)
    again = until(run_again(travelled.pk), "suspended", seconds=30)
    assert snapshot(again.pk).input == snapshot(travelled.pk).input
    WorkflowRun.objects.filter(pk=again.pk).update(status="canceled", queued=False, ended_at=again.updated_at)
    deleted(purge, travelled)
    assert snapshot(again.pk).steps["ask_about"].suspend_payload["review"]["given"] == snapshot(again.pk).input
    deleted(purge, again)
    assert (Payload.objects.count(), PayloadUse.objects.count()) == (0, 0)


def test_a_run_with_large_values_goes_on_where_its_process_was_killed(start, until, new_process, read):
    value = {"order": {"csv": TEXT, "rows": [TEXT, {"a": TEXT}]}}
    process = new_process()
    run = until(start("handing", value), "suspended", seconds=30)
    process.kill()
    process.wait()
    resume_run(Answer(run_id=run.pk, data=value))
    new_process()
    read(until(run, "success", seconds=30), value)


def test_the_rows_of_a_value_are_read_a_level_at_a_time(executor, start, until, django_assert_max_num_queries):
    value = {"large": [{"n": n, "text": f"{n}" * 70_000, "more": {"list": [f"{n}!" * 40_000]}} for n in range(20)]}
    run = until(start("echoing", value), "success", seconds=20)
    with django_assert_max_num_queries(8):
        assert snapshot(run.pk).result == value


# --- What earlier releases stored ------------------------------------------------------------------


def of_earlier_release(value: object) -> tuple[str, dict[str, tuple[bytes, list | None]]]:
    """Its name, and the rows by name: members of the first level alone, each row named by its whole value."""
    text = orjson.dumps(value)
    rest, parts, rows = b"{", [], {}
    for key, member in value.items() if isinstance(value, dict) else ():
        written = orjson.dumps(member)
        rest += (b"," if len(rest) > 1 else b"") + orjson.dumps(key) + b":"
        if len(written) > LARGE_BYTES:
            digest = hashlib.sha256(written).hexdigest()
            parts.append([len(rest), digest])
            rows[digest] = (written, None)
        else:
            rest += written
    digest = hashlib.sha256(text).hexdigest()
    rows[digest] = (rest + b"}", parts) if parts else (text, None)
    return digest, rows


def store_as_before(run: WorkflowRun, value: object, *, spoiling: bool = False) -> None:
    """Store it as the run's input. `spoiling`: a start, which took over the parts of rows that were there, not data."""
    digest, rows = of_earlier_release(value)
    for name, (data, parts) in rows.items():
        row, made = Payload.objects.get_or_create(sha256=name, defaults={"data": data, "parts": parts})
        if spoiling and not made:
            row.parts = parts
            row.save()
        PayloadUse.objects.get_or_create(sha256=name, run_id=run.pk)
    RunEvent.objects.filter(run_id=run.pk, seq=1).update(data=b"{}", large={"input": digest})


INNER = {"csv": TEXT, "n": 1, 'odd "é\\:,}': [{"a": ""}, "}:,"]}
EARLIER = [
    [INNER, {"order": INNER}],
    [{"order": INNER}, INNER],
    [INNER, {"order": INNER}, {"a": {"order": INNER}}],
    [INNER, {"a": INNER, "b": INNER, "c": TEXT}],
    [{"a": LARGE[2], "b": TEXT}, {"both": {"a": LARGE[2], "b": TEXT}}],
    [[INNER], {"list": [INNER]}],
]


@pytest.mark.parametrize("spoiling", [False, True], ids=["by a step", "by a start"])
@pytest.mark.parametrize("order", EARLIER)
def test_values_of_earlier_releases_are_read_and_no_purge_takes_their_parts(start, purge, order, spoiling):
    runs = [start("echoing", 0) for _ in order]
    for run, value in zip(runs, order, strict=True):
        store_as_before(run, value, spoiling=spoiling)
    migration.mend_rows(apps, None)
    migration.note_uses(apps, None)
    new = start("echoing", {"again": order[-1]})
    WorkflowRun.objects.update(status="success", queued=False, ended_at=new.created_at)
    owners = [*zip(runs, order, strict=True), (new, {"again": order[-1]})]
    while owners:
        for run, value in owners:
            assert snapshot(run.pk).input == value
        run, _ = owners.pop(0)
        deleted(purge, run)
    assert (Payload.objects.count(), PayloadUse.objects.count()) == (0, 0)


def test_the_migration_changes_nothing_that_this_release_stores(start):
    for value in LARGE:
        start("echoing", {"value": value, "again": [value]})
    before = [sorted(model.objects.values_list()) for model in (Payload, PayloadUse)]
    migration.note_uses(apps, None)
    assert [sorted(model.objects.values_list()) for model in (Payload, PayloadUse)] == before
    migration.mend_rows(apps, None)
    assert [sorted(model.objects.values_list()) for model in (Payload, PayloadUse)] == before
