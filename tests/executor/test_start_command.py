"""`manage.py start_run`: times, priorities and keys."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from runs.executor import dispatch
from runs.models import WorkflowRun


@pytest.fixture
def command(workflows, capsys, monkeypatch):
    # Nobody executes here: the command need not wait for a sign of life.
    monkeypatch.setattr("runs.management.commands.start_run.EXECUTOR_SECONDS", 0)
    assert dispatch._executor is None

    def command(*arguments: str) -> WorkflowRun:
        call_command("start_run", "quick", "--input", '{"value": 1}', "--json", *arguments)
        return WorkflowRun.objects.get(pk=json.loads(capsys.readouterr().out)["runId"])

    return command


def test_a_run_is_started_later_with_a_limit_and_a_priority(command):
    run = command("--start-at", "in 10 min", "--time-limit", "90s", "--priority", "5")
    assert (run.status, run.queued, run.priority) == ("pending", False, 5)
    # `created_at` is cut to whole milliseconds, the moment that "in 10 min" means is not.
    assert 595 < (run.wake_at - run.created_at).total_seconds() < 600.001
    assert round((run.deadline_at - run.wake_at).total_seconds()) == 90
    run = command("--time-limit", "2h")
    assert (run.deadline_at - run.created_at).total_seconds() == 7200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--start-at", "soon"], "--start-at soon: not a moment such as in 10 min"),
        (["--start-at", "2020-01-01"], "The start lies in the past: 2020-01-01T00:00:00\\+00:00."),
        (["--time-limit", "0s"], "--time-limit 0s: not a length of time such as 90 s"),
        (["--idempotency-key", ""], "An idempotency key has 1 to 255 characters."),
    ],
)
def test_what_cannot_be_read_is_told_with_exit_code_2(command, arguments, sentence):
    with pytest.raises(CommandError, match=sentence) as refused:
        command(*arguments)
    assert refused.value.returncode == 2
    assert not WorkflowRun.objects.exists()


def test_a_key_starts_one_run_and_is_refused_for_another_request(command):
    first = command("--idempotency-key", "nightly", "--start-at", "in 1 h")
    assert command("--idempotency-key", "nightly", "--start-at", "in 1 h").pk == first.pk
    with pytest.raises(CommandError, match=f"has started run {first.pk} with another request") as refused:
        command("--idempotency-key", "nightly", "--tag", "eu")
    assert refused.value.returncode == 2
    assert WorkflowRun.objects.count() == 1
