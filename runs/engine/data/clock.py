"""The clock of events and rows."""

import time


def now_ms() -> int:
    """Return the time as events store it: epoch milliseconds."""
    return time.time_ns() // 1_000_000
