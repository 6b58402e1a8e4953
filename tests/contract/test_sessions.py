"""Sessions of the official client, ours always, and the folder that CONTRACT_SESSIONS names."""

import os
from pathlib import Path

import pytest

from .client import ClientMissing, install_client
from .replaying import HERE, divergences, open_contract_console, replay, sessions_of

FOLDERS = [HERE / "sessions", *(Path(name) for name in [os.environ.get("CONTRACT_SESSIONS")] if name)]


@pytest.fixture(scope="module")
def served():
    try:
        install_client()
    except ClientMissing as error:
        pytest.skip(str(error))
    with open_contract_console() as address:
        yield address


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_official_client_is_answered_as_recorded(folder, served):
    outcomes = list(replay(folder, *served))
    assert [outcome.name for outcome in outcomes] == [session["name"] for session in sessions_of(folder)]
    assert [outcome.line for outcome in outcomes if not outcome.passed] == []


def test_each_divergence_has_a_reason():
    assert all(divergences().values())
