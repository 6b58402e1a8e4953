"""Which run may start next."""

import os

import pytest

from runs.executor import dispatch
from runs.executor.admission import admit
from runs.models import Actor, WorkflowDefinition, WorkflowRun
from runs.store.connection import connect


@pytest.fixture
def question(workflows):
    connection = connect()
    yield lambda **how: [candidate.run_id for candidate in admit(connection, **({"slots": 100, "running": {}} | how))]
    connection.close()


def test_an_empty_queue_admits_nobody(question):
    assert question() == []


def test_workflows_take_turns_whatever_the_length_of_their_queues(start, question):
    many = [start("quick", {"value": n}).id for n in range(6)]
    few = [start("echoing", n).id for n in range(2)]
    assert question(slots=5) == [many[0], few[0], many[1], few[1], many[2]]


def test_the_workflow_that_is_served_least_comes_first(start, question):
    quick = [start("quick", {"value": n}).id for n in range(2)]
    echoing = [start("echoing", n).id for n in range(2)]
    assert question(running={"quick": 1}) == [echoing[0], quick[0], echoing[1], quick[1]]


def test_priority_comes_before_fairness(start, question):
    ordinary = start("quick", {"value": 1}).id
    urgent = [start("echoing", n, priority=9).id for n in range(3)]
    assert question(running={"echoing": 50}) == [*urgent, ordinary]


def test_a_workflow_at_its_limit_is_left_out(start, question):
    WorkflowDefinition.objects.filter(pk="quick").update(concurrency=3)
    quick = [start("quick", {"value": n}).id for n in range(5)]
    assert question(running={"quick": 1}) == quick[:2]
    assert question(running={"quick": 3}) == []
    assert question(running={"quick": 7}) == []


def test_runs_of_versions_that_are_not_here_do_not_block_the_others(start, question):
    for n in range(3):
        start("quick", {"value": n})
    other = start("echoing", 1).id
    version = WorkflowDefinition.objects.get(pk="quick").current_id
    assert question(slots=1, without_versions=[version]) == [other]


def test_the_queue_is_walked_along_its_index(start, question, settings):
    if settings.ON_POSTGRESQL:
        pytest.skip("PostgreSQL chooses by the size of the table")
    from runs.executor.admission import QUEUED_WORKFLOWS

    connection = connect()
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {QUEUED_WORKFLOWS}").fetchall()]
    connection.close()
    assert sum("run_queue" in step for step in steps) == 2


def test_a_flood_of_one_workflow_does_not_starve_another(executor, start, until, settings):
    settings.CONCURRENCY = 2
    flood = [start("stamps", {"file": os.devnull, "n": 0, "seconds": 0.01}) for _ in range(30)]
    few = [until(start("echoing", n), "success", seconds=20) for n in range(3)]
    ended = WorkflowRun.objects.filter(pk__in=[run.pk for run in flood], ended_at__lt=few[-1].ended_at).count()
    assert ended < len(flood) / 2
    for run in flood:
        until(run, "success", seconds=30)


def test_no_more_runs_than_the_global_limit_are_worked_on(executor, start, until, settings):
    settings.CONCURRENCY = 2
    runs = [start("hanging") for _ in range(4)]
    for run in runs[:2]:
        until(run, lambda run: run.last_seq >= 3)
    assert WorkflowRun.objects.in_hand().count() == 2
    dispatch.cancel(runs[0].pk, actor=Actor("tests"))
    until(runs[2], lambda run: run.last_seq >= 3)
    assert WorkflowRun.objects.in_hand().count() == 2
    for run in runs:
        dispatch.cancel(run.pk, actor=Actor("tests"))
