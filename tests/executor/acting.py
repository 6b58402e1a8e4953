"""What people do to runs, done by nobody in particular; `actor=` names somebody."""

from functools import partial

from runs.actions import again, answer
from runs.models import Actor

TESTS = Actor("tests")

resume_run = partial(answer.resume_run, actor=TESTS)
run_again = partial(again.run_again, actor=TESTS)
run_from_step = partial(again.run_from_step, actor=TESTS)
