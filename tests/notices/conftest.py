"""A person who is signed in at the console of the test's file, its `served`."""

import pytest


@pytest.fixture(scope="module")
def person(served):
    with served.client() as client:
        yield client
