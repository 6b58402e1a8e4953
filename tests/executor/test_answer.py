"""Answers to suspended runs, and runs that start where an earlier one was."""

import threading

import pytest

from runs.actions.resume import Answer
from runs.engine.commands.questions import questions_of
from runs.engine.errors import CannotTimeTravel, InvalidInput, NotSuspended, ResumeAlreadyClaimed, RunNotFound
from runs.models import Actor, AuditEntry, WorkflowRun
from runs.store.history import snapshot
from tests.executor.acting import resume_run, run_again, run_from_step

pytestmark = pytest.mark.usefixtures("executor")


@pytest.fixture
def asked(start, until):
    """A run that asks whether it may go on."""
    run = start("deciding", {"value": 1})
    until(run, "suspended")
    return run


def test_an_answered_run_goes_on_and_ends(asked, until):
    resume_run(Answer(run_id=asked.pk, data={"ok": True}), actor=Actor("mara"))
    until(asked, "success")
    assert snapshot(asked.pk).result == {"value": 3}
    entry = AuditEntry.objects.get(verb="resume")
    assert (entry.actor_label, entry.after) == ("mara", {"step": "decide"})


def test_an_answer_that_does_not_fit_leaves_the_run_waiting(asked, until):
    with pytest.raises(InvalidInput) as refused:
        resume_run(Answer(run_id=asked.pk, data={"ok": "perhaps"}))
    assert refused.value.issues[0][0] == "ok"
    asked.refresh_from_db()
    assert asked.status == "suspended"
    assert not AuditEntry.objects.filter(verb="resume").exists()


def test_of_two_answers_at_the_same_moment_one_wins(asked, until):
    outcomes = []
    ready = threading.Barrier(2)

    def answer():
        ready.wait()
        try:
            resume_run(Answer(run_id=asked.pk, data={"ok": True}))
            outcomes.append("won")
        except (ResumeAlreadyClaimed, NotSuspended):
            outcomes.append("lost")
        finally:
            from django.db import connection

            connection.close()

    threads = [threading.Thread(target=answer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "won"]
    until(asked, "success")


def test_a_run_that_does_not_wait_takes_no_answer(start, until):
    run = start("quick", {"value": 1})
    until(run, "success")
    with pytest.raises(NotSuspended):
        resume_run(Answer(run_id=run.pk, data={"ok": True}))
    with pytest.raises(RunNotFound):
        resume_run(Answer(run_id="nobody", data={"ok": True}))


def test_each_item_of_a_foreach_is_answered_by_its_index_or_its_label(start, until):
    run = until(start("asking-items", [1, 2, 3]), "suspended")
    asked = questions_of(snapshot(run.pk))
    assert [(question.steps, question.index) for question in asked] == [(("item",), 0), (("item",), 2)]
    resume_run(Answer(run_id=run.pk, step="item", for_each_index=2, data={"ok": False}))
    until(run, "suspended")
    assert [question.index for question in questions_of(snapshot(run.pk))] == [0]
    assert AuditEntry.objects.get(verb="resume").after == {"step": "item[2]"}
    resume_run(Answer(run_id=run.pk, label="item-1", data={"ok": True}))
    until(run, "success")
    assert snapshot(run.pk).result == [10, 20, 0]


def test_a_step_of_a_nested_workflow_is_answered_by_its_path(start, until):
    run = until(start("nesting", {"value": 1}), "suspended")
    (asked,) = questions_of(snapshot(run.pk))
    assert (asked.path, asked.record.path) == ("inner.decide", "inner.decide")
    with pytest.raises(NotSuspended):
        resume_run(Answer(run_id=run.pk, step="inner.first", data={"ok": True}))
    resume_run(Answer(run_id=run.pk, step="inner.decide", data={"ok": True}))
    until(run, "success")


def test_a_question_that_brings_its_own_form_takes_no_answer_that_does_not_fit(start, until):
    run = until(start("reviewing"), "suspended")
    with pytest.raises(InvalidInput) as refused:
        resume_run(Answer(run_id=run.pk, data={"approved": "maybe"}))
    assert refused.value.issues[0][0] == "approved"
    resume_run(Answer(run_id=run.pk, data={"approved": True}))
    until(run, "success")
    assert snapshot(run.pk).result == {"approved": True}


def test_the_same_run_again_has_everything_of_the_first(start, until):
    first = start("quick", {"value": 2**62}, tracing_options={"tags": ["a"]}, request_context={"tenant": "acme"})
    until(first, "success")
    second = run_again(first.pk, start_key="once")
    assert run_again(first.pk, start_key="once").pk == second.pk
    until(second, "success")
    second.refresh_from_db()
    assert (second.origin_id, second.tags, second.origin_step) == (first.pk, ["a"], "")
    assert snapshot(second.pk).input == {"value": 2**62}
    assert snapshot(second.pk).request_context == {"tenant": "acme"}


def test_a_run_from_a_step_keeps_what_was_before_and_runs_the_rest(start, until):
    first = start("quick", {"value": 1})
    until(first, "success")
    child = run_from_step(first.pk, "third")
    until(child, "success")
    told = snapshot(child.pk)
    assert told.result == {"value": 4}
    assert told.steps["second"].output == {"value": 3}
    child.refresh_from_db()
    assert (child.origin_id, child.origin_step) == (first.pk, "third")
    first.refresh_from_db()
    assert first.status == "success"


def test_a_run_from_a_step_with_another_input_gives_another_result(start, until):
    first = start("quick", {"value": 1})
    until(first, "success")
    child = run_from_step(first.pk, "second", input={"value": 100})
    until(child, "success")
    assert snapshot(child.pk).result == {"value": 102}


def test_from_the_first_step_on_another_input_is_the_runs_input(start, until):
    first = start("quick", {"value": 1})
    until(first, "success")
    child = run_from_step(first.pk, "first", input={"value": 10})
    until(child, "success")
    assert snapshot(child.pk).result == {"value": 13}


def test_a_run_from_a_step_that_was_never_begun_is_refused_and_nothing_is_stored(start, until):
    first = start("deciding", {"value": 1})
    until(first, "suspended")
    runs = WorkflowRun.objects.count()
    with pytest.raises(CannotTimeTravel):
        run_from_step(first.pk, "second")
    with pytest.raises(InvalidInput):
        run_from_step(first.pk, "decide", input={"value": "many"})
    assert WorkflowRun.objects.count() == runs
