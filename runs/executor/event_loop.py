"""Runs the executor's event loop, whatever the tasks and callbacks that steps leave behind do to it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)


def run_until_done(
    loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, None]], is_stopping: Callable[[], bool]
) -> None:
    """Run the loop until the work has ended. Raises what the work raises.

    asyncio lets a SystemExit of any task out of the loop, and anybody may stop the loop or cancel all tasks: the loop
    goes on, with the work begun again when it was canceled before `is_stopping()`. Not run_until_complete(): its end
    would have to wait for tasks that only the work's own end ends.
    """
    task: asyncio.Task[None] | None = None
    while task is None or not task.done() or (task.cancelled() and not is_stopping()):
        if task is None or task.done():
            task = loop.create_task(work())
            task.add_done_callback(lambda _: loop.stop())
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            logger.error("A task or a callback that a step left behind raised %s.", type(error).__name__)
    if not task.cancelled() and (failure := task.exception()) is not None:
        raise failure
