"""A JMESPath expression may come from data: none takes the memory or the processor from the others."""

import json
import subprocess
import sys

import pytest

from runs.steps.bounded_jmespath import search
from tests.console_server import ROOT

MOST_SECONDS = 8.0  # of the processor, each


@pytest.fixture(scope="module")
def endings() -> dict[str, tuple[str, float]]:
    command = [sys.executable, "-m", "tests.limits.expressions"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_a_hostile_expression_is_refused_in_a_sentence_and_in_time(endings):
    assert {name: said for name, (said, _) in endings.items() if not said.startswith("The expression ")} == {}
    assert {name: spent for name, (_, spent) in endings.items() if spent > MOST_SECONDS} == {}


def test_the_sentence_is_short_and_shows_nothing_of_the_data(endings):
    assert {name: said for name, (said, _) in endings.items() if len(said) > 400} == {}
    assert endings["passed to the wrong function"][0].endswith("abs() takes number, not array.")


def test_large_data_may_pass_as_they_are():
    data = list(range(1_010_000, 0, -1))
    assert search("@", data) is data
    assert search("sort(@)", data)[0] == 1
    assert search("[?@ > `100`] | length(@)", list(range(20_000))) == 19_899
