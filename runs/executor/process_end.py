"""Ends the process when its executor has died, so that a supervisor starts it again."""

import logging
import os
import sys
import time

EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h
LAST_SECONDS = 1.0  # in which /healthz still says why


def end_process(reason: str) -> None:
    """End this process, with the reason as its last line. For a thread that nobody waits for; does not return."""
    sys.stderr.write(f"wfconsole: {reason} The process ends now, so that it can be started again.\n")
    sys.stderr.flush()
    time.sleep(LAST_SECONDS)
    logging.shutdown()
    os._exit(EXIT_CODE)  # an ordered end might wait for what the executor has left behind
