"""A start at a later time, with a limit: on the form, and on the page of the run that waits for it."""

import pytest

from runs.models import WorkflowRun
from tests.registered import register_workflows
from tests.web.test_run_start import TEXT, page_of
from tests.web.test_run_start_refusals import refused


@pytest.fixture
def client(db, operator, client_for):
    register_workflows()
    return client_for(operator)


def start(client, **fields: str) -> WorkflowRun:
    answer = client.post(TEXT, page_of(client.get(TEXT)).with_(fields))
    assert answer.status_code == 303
    return WorkflowRun.objects.latest("created_at")


def test_a_run_is_started_later_and_its_page_says_when(client):
    run = start(client, start_at="in 10 min", time_limit="2 h", priority="5")
    assert (run.status, run.queued, run.priority) == ("pending", False, 5)
    assert 595 < (run.wake_at - run.created_at).total_seconds() <= 600
    assert round((run.deadline_at - run.wake_at).total_seconds()) == 7200
    text = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Starts " in text
    assert "That is in" in text


def test_a_form_sent_twice_makes_one_run_although_its_moment_has_moved_on(client):
    fields = page_of(client.get(TEXT)).with_(start_at="in 10 min")
    first, second = (client.post(TEXT, fields).url for _ in range(2))
    assert first == second


def test_a_copy_of_a_run_has_its_limit_and_not_its_moment(client):
    run = start(client, start_at="in 10 min", time_limit="90 s")
    copied = page_of(client.get(f"{TEXT}?from_run={run.pk}"))
    assert (copied.fields["time_limit"], copied.fields["start_at"]) == (["90 s"], [""])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"start_at": "soon"}, 'Start is "soon", not a moment such as in 10 min'),
        ({"start_at": "2020-01-01 10:00"}, "Start: The start lies in the past: 2020-01-01T10:00:00+00:00."),
        ({"time_limit": "long"}, 'Time limit is "long", not a length of time such as 90 s'),
        ({"time_limit": "9999 d"}, "Time limit: A time limit has 1 to 31622400 seconds."),
    ],
)
def test_times_that_cannot_be_kept_to_are_told_at_their_fields(client, fields, said):
    (line,) = refused(client, TEXT, fields)
    assert line.startswith(said)
