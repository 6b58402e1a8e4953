"""One console for all tests of limits; what a test does to it harms no other one."""

import pytest


@pytest.fixture(scope="session")
def limited(serving):
    with serving({"WFCONSOLE_WORKFLOWS": "tests.limits.workflows"}) as console:
        yield console
