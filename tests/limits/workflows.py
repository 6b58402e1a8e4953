"""A workflow that logs what it is given, and tells what that costs."""

import logging
import time

from runs.engine import StepContext, Workflow, step

logger = logging.getLogger(__name__)


@step
def log_all(ctx: StepContext) -> dict:
    """Seconds of the processor that each line takes this thread, masked and cut on the way."""
    seconds = {}
    for name, text in ctx.input.items():
        before = time.thread_time()
        logger.info("%s", text)
        seconds[name] = time.thread_time() - before
    return seconds


hostile_log = Workflow(id="hostile-log").then(log_all).commit()
