"""Gives each process of a parallel test run a data folder of its own. To be loaded by `-p`, before the settings."""

import os
from pathlib import Path

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    shared = os.environ.get("WFCONSOLE_DATA_DIR", "var")
    os.environ["WFCONSOLE_DATA_DIR"] = str(Path(shared) / f"tests-{worker}")
