"""Gives each process of a parallel test run a data folder of its own. To be loaded by `-p`, before the settings."""

import os
import signal
from pathlib import Path

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    shared = os.environ.get("WFCONSOLE_DATA_DIR", "var")
    os.environ["WFCONSOLE_DATA_DIR"] = str(Path(shared) / f"tests-{worker}")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell tells what it runs in the background to ignore Ctrl-C, and so would each console that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
