"""What people do to runs, done by nobody in particular; `actor=` names somebody."""

from functools import partial

from runs.actions import rerun, resume
from runs.models import Actor

TESTS = Actor("tests")

resume_run = partial(resume.resume_run, actor=TESTS)
run_again = partial(rerun.run_again, actor=TESTS)
run_from_step = partial(rerun.run_from_step, actor=TESTS)
