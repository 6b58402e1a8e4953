"""Old runs go: their values first, then their cards, and never what another run still uses."""

import json
import os
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection as django_connection

from runs.models import AuditEntry, Payload, RunEvent, RunTag, Span, WorkflowDefinition, WorkflowRun
from runs.models.event import PayloadUse
from runs.retention.purge import Old, Purge
from runs.retention.retention import Policy, RetentionSweep, carry_out
from runs.store.connection import connect
from runs.store.history import snapshot

BLOB = "é" * 50_000  # more than 64 KiB


@pytest.fixture
def purge(workflows):
    connection = connect()
    yield Purge(connection)
    connection.close()


def ended(run: WorkflowRun, days: float) -> WorkflowRun:
    """Have it ended so many days ago."""
    at = datetime.now(UTC) - timedelta(days=days)
    WorkflowRun.objects.filter(pk=run.pk).update(ended_at=at, created_at=at)
    return run


@pytest.fixture
def done(executor, start, until):
    def done(days: float, workflow: str = "echoing", input: object = 1, **options) -> WorkflowRun:
        return ended(until(start(workflow, input, **options), "success"), days)

    return done


def before(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def test_values_go_and_the_card_stays_and_says_so(done, purge):
    run = done(10, tracing_options={"tags": ["eu"], "metadata": {"order": 7}})
    young = done(1)
    carry_out(purge, Policy("echoing", values_before=before(5)))
    run.refresh_from_db()
    assert (run.status, run.tags, run.last_seq) == ("success", ["eu"], 0)
    assert run.purged_at is not None
    assert RunTag.objects.filter(run=run).exists()
    assert not RunEvent.objects.filter(run_id=run.pk).exists()
    assert not run.run_labels.exists()
    assert snapshot(young.pk).result == 1
    assert (purge.runs, purge.values) == (0, 1)
    entry = AuditEntry.objects.get(verb="purge")
    assert (entry.actor_label, entry.object_id, entry.after) == ("retention", "echoing", {"runs": 0, "values": 1})
    carry_out(purge, Policy("echoing", values_before=before(5)))
    assert purge.values == 1  # once is enough


def test_runs_go_altogether_by_age_and_by_number(done, purge):
    old, middle, new = done(10), done(5), done(1)
    child = done(0.1, origin_id=middle.pk)
    carry_out(purge, Policy("echoing", before=before(8)))
    assert set(WorkflowRun.objects.values_list("pk", flat=True)) == {middle.pk, new.pk, child.pk}
    carry_out(purge, Policy("echoing", keep=2))
    assert set(WorkflowRun.objects.values_list("pk", flat=True)) == {new.pk, child.pk}
    child.refresh_from_db()
    assert child.origin_id is None
    assert not RunEvent.objects.filter(run_id__in=[old.pk, middle.pk]).exists()
    carry_out(purge, Policy("echoing", keep=0))
    assert not WorkflowRun.objects.exists()


def test_only_runs_that_have_ended_go(start, purge):
    run = start("echoing", 1)
    WorkflowRun.objects.update(created_at=before(100))
    carry_out(purge, Policy("echoing", before=before(1), keep=0))
    assert WorkflowRun.objects.filter(pk=run.pk).exists()


def test_a_large_value_stays_until_its_last_run_goes(done, purge):
    first, second = done(10, input={"blob": BLOB}), done(1, input={"blob": BLOB})
    stored = Payload.objects.count()
    assert PayloadUse.objects.filter(run_id=first.pk).count() == stored > 0
    carry_out(purge, Policy("echoing", before=before(5)))
    assert Payload.objects.count() == stored
    assert snapshot(second.pk).result == {"blob": BLOB}
    carry_out(purge, Policy("echoing", keep=0))
    assert (Payload.objects.count(), PayloadUse.objects.count()) == (0, 0)


def test_the_spans_of_a_run_go_with_it_and_those_of_others_stay(done, purge):
    old, new = done(10), done(1)
    trace = bytes.fromhex("ab" * 16)

    def span(number: int, parent: int | None, run: WorkflowRun | None = None) -> None:
        common = {"kind": 1, "state": 0, "name": "span", "start_ns": 1, "end_ns": 2, "trace_id": trace}
        Span.objects.create(
            span_id=number, parent_id=parent, is_root=run is not None, run_id=run.pk if run else "", **common
        )

    for first, run in ((10, old), (20, new)):
        span(first, 1, run)  # both below the one request that started them
        span(first + 1, first)
        span(first + 2, first + 1)
    carry_out(purge, Policy("echoing", before=before(5)))
    assert sorted(Span.objects.filter(trace_id=trace).values_list("span_id", flat=True)) == [20, 21, 22]


def test_a_purge_that_was_broken_off_is_taken_up_again(done, purge, monkeypatch):
    run = done(10)
    with monkeypatch.context() as broken:
        broken.setattr(Purge, "_delete_spans", lambda self, run_id: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            purge.delete_values([Old(run.pk, run.last_seq)])
    run.refresh_from_db()
    assert run.purged_at is not None
    carry_out(purge, Policy("echoing", values_before=before(5)))
    run.refresh_from_db()
    assert run.last_seq == 0


def test_a_long_log_goes_in_short_transactions(start, purge):
    run = ended(start("echoing", 1), 10)
    RunEvent.objects.bulk_create(
        RunEvent(run_id=run.pk, seq=seq, type="workflow-step-output", at=0, data=b"{}") for seq in range(2, 20_001)
    )
    WorkflowRun.objects.filter(pk=run.pk).update(status="success", queued=False, last_seq=20_000)
    carry_out(purge, Policy("echoing", before=before(5)))
    assert purge.events == 20_000
    assert not WorkflowRun.objects.filter(pk=run.pk).exists()


@pytest.mark.skipif(settings.ON_POSTGRESQL, reason="there, writers do not wait for each other")
def test_nobody_who_writes_waits_for_a_purge(start, purge, capsys):
    runs = [ended(start("echoing", n), 10) for n in range(40)]
    rows = [
        RunEvent(run_id=run.pk, seq=seq, type="workflow-step-output", at=0, data=b'{"output":"' + b"x" * 400 + b'"}')
        for run in runs
        for seq in range(2, 1_001)
    ]
    RunEvent.objects.bulk_create(rows, batch_size=5_000)
    WorkflowRun.objects.update(status="success", queued=False, last_seq=1_000)
    waits: list[float] = []
    over = threading.Event()

    def write() -> None:
        writer = sqlite3.connect(django_connection.settings_dict["NAME"], isolation_level=None, timeout=20)
        while not over.is_set():
            began = time.monotonic()
            writer.execute("BEGIN IMMEDIATE")
            waits.append(time.monotonic() - began)
            writer.execute("UPDATE runs_workflowrun SET detail = '' WHERE id = 'nobody'")
            writer.execute("COMMIT")
            time.sleep(0.001)
        writer.close()

    writer = threading.Thread(target=write)
    writer.start()
    carry_out(purge, Policy("echoing", before=before(5)))
    over.set()
    writer.join()
    longest, middle = max(waits) * 1000, sorted(waits)[len(waits) // 2] * 1000
    with capsys.disabled():
        print(f" [{len(waits)} commits beside a purge of 40 000 events waited {middle:.1f} ms, at most {longest:.0f}]")
    assert purge.events == 40_000
    assert longest < 500  # a whole second is the least that anybody would call trouble


def test_a_purged_run_says_so_wherever_it_is_looked_at(done, purge, client_for, operator, capsys):
    run = done(10)
    carry_out(purge, Policy("echoing", values_before=before(5)))
    run.refresh_from_db()
    words = f"deleted on {run.purged_at:%-d %B %Y}"
    client = client_for(operator)
    page = client.get(f"/runs/{run.pk}/")
    assert page.status_code == 200
    assert words in page.content.decode()
    assert client.get(f"/runs/{run.pk}/", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    for address in ("value/?of=input", "events", "events.ndjson", "digest"):
        answer = client.get(f"/runs/{run.pk}/{address}")
        assert (answer.status_code, words in answer.content.decode()) == (410, True), address
    again = client.post(f"/runs/{run.pk}/again/", {"start_key": "once"})
    assert (again.status_code, words in again.content.decode()) == (409, True)
    copied = client.get(f"/workflows/echoing/start/?from_run={run.pk}")
    assert (copied.status_code, words in copied.content.decode()) == (410, True)
    assert client.get("/runs/").status_code == 200
    call_command("show_run", run.pk, json=True)
    assert json.loads(capsys.readouterr().out)["purgedAt"].startswith(f"{run.purged_at:%Y-%m-%d}")


def test_the_leaders_sweep_carries_out_what_the_admin_site_says(done):
    old, new = done(10), done(1)
    sweep = RetentionSweep()
    assert sweep.sweep() is None
    WorkflowDefinition.objects.filter(pk="echoing").update(keep_days=5, keep_values_days=0)
    sweep.sweep()
    assert not WorkflowRun.objects.filter(pk=old.pk).exists()
    new.refresh_from_db()
    assert new.purged_at is not None


def test_the_command_counts_deletes_and_tells(done, capsys):
    done(10), done(10), done(1)
    call_command("purge_runs", older_than="5d", dry_run=True, json=True)
    assert json.loads(capsys.readouterr().out) == {"dryRun": True, "runs": 2, "values": 0}
    assert WorkflowRun.objects.count() == 3
    call_command("purge_runs", workflow="echoing", older_than="5d", values_only=True, yes=True)
    assert capsys.readouterr().out == "0 runs deleted, the values of 2 others\n"
    call_command("purge_runs", keep=1, json=True, yes=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["runs"], told["values"], WorkflowRun.objects.count()) == (2, 0, 1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "No workflow has a policy in the admin site. Give --older-than or --keep."),
        ({"older_than": "soon"}, "--older-than soon: not a length of time such as 90 s, 10 min, 2 h or 1 d."),
        ({"older_than": "30"}, "--older-than 30: a number without a unit; write 30 s, 30 min, 30 h or 30 d."),
        ({"older_than": "6M"}, "--older-than 6M: minutes or months; write 6 min, or a number of days such as 30 d."),
        ({"keep": -1}, "--keep -1: a number from 0 is needed."),
        ({"workflow": "none"}, "--workflow none: there is no such workflow."),
        ({"values_only": True}, "--values-only: give --older-than with it, and no --keep."),
    ],
)
def test_the_command_refuses_what_it_cannot_do(workflows, options, sentence):
    from django.core.management.base import CommandError

    with pytest.raises(CommandError, match=sentence.replace(".", r"\.")) as refused:
        call_command("purge_runs", **options)
    assert refused.value.returncode == 2


def test_the_command_deletes_nothing_that_nobody_confirmed(done, monkeypatch, capsys):
    from django.core.management.base import CommandError

    run = done(10)
    with pytest.raises(CommandError, match="give --yes, or --dry-run"):
        call_command("purge_runs", older_than="5d")
    typist, terminal = os.openpty()
    with open(terminal) as stdin, open(typist, "wb", buffering=0) as keyboard:
        monkeypatch.setattr("sys.stdin", stdin)
        keyboard.write(b"no\n")
        with pytest.raises(CommandError, match="Nothing was deleted"):
            call_command("purge_runs", older_than="5d")
        assert WorkflowRun.objects.filter(pk=run.pk).exists()
        shown = capsys.readouterr().err
        assert f"Runs that ended before {before(5):%Y-%m-%d}" in shown
        assert "This deletes 1 run, and the values of 0 others" in shown
        keyboard.write(b"yes\n")
        call_command("purge_runs", older_than="5d")
    assert not WorkflowRun.objects.filter(pk=run.pk).exists()
