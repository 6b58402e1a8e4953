"""How hard the fault tests try: `CHAOS=long` (make chaos) or a short form; `CHAOS_SEED` repeats a certain one."""

import os
import random
from collections.abc import Callable

import pytest

LONG = os.environ.get("CHAOS") == "long"
SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
# A run whose step has the process end three times fails, for it may be what ends it. These tests end the process about
# once a second, whatever is at work, so chance alone would find the same step three times.
WORKFLOWS = {"WFCONSOLE_WORKFLOWS": "runs.workflows,tests.chaos.workflows", "WFCONSOLE_MAX_STEP_CRASHES": "100000"}
TOLD: list[str] = []


@pytest.fixture
def chance() -> random.Random:
    """Moments and sizes. The seed stands in the summary."""
    return random.Random(SEED)


@pytest.fixture
def tell() -> Callable[[str], None]:
    """Put a line into the summary at the end."""
    return TOLD.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TOLD:
        terminalreporter.section(f"faults (CHAOS_SEED={SEED}{', long' if LONG else ''})")
        for line in TOLD:
            terminalreporter.write_line(line)
