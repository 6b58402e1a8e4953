"""Wake-ups between processes: "look again at these runs", without data, over the channel layer.

With the in-memory layer there is no other process to tell, and nothing is sent. Without Redis, several processes find
each other's news by the watch of announce.py; a LISTEN/NOTIFY variant for PostgreSQL would stand here, beside `send`
and `listen`, and nowhere else.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence

from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

GROUP = "runs.news"  # one for all runs: a process looks which of them it cares for
GATHER_SECONDS = 0.02  # many commits melt into one message
AGAIN_SECONDS = 5.0  # before a layer that does not answer is asked again
TROUBLE_SECONDS = 30.0  # between two lines of the log about it

_waiting: set[str] = set()
_tasks: set[asyncio.Task[None]] = set()
_quiet_until = 0.0


def reaches_others() -> bool:
    """Whether the channel layer leads to other processes at all."""
    layer = get_channel_layer()
    return layer is not None and not isinstance(layer, InMemoryChannelLayer)


def send(run_id: str) -> None:
    """Nudge the other processes. From any thread: the layer itself is only ever called on the server's own loop,
    because a layer that is called from another thread does not wake it."""
    if not reaches_others():
        return
    loop = _server_loop()
    if loop is not None:
        try:
            loop.call_soon_threadsafe(_gather, run_id)
        except RuntimeError:  # the loop is closed: the server is going down
            logger.debug("no nudge for run %s: the server is going down", run_id)


def _server_loop() -> asyncio.AbstractEventLoop | None:
    """Daphne's loop, if this process is a server. Importing Daphne's module elsewhere would install a reactor."""
    server = sys.modules.get("daphne.server")
    return getattr(server, "twisted_loop", None)


def _gather(run_id: str) -> None:
    if not _waiting:
        task = asyncio.get_running_loop().create_task(_send_all(), name="live-nudge")
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
    _waiting.add(run_id)


async def _send_all() -> None:
    await asyncio.sleep(GATHER_SECONDS)
    runs = list(_waiting)
    _waiting.clear()
    try:
        await get_channel_layer().group_send(GROUP, {"type": "run.news", "runs": runs})
    except Exception as error:  # a layer that is down costs half a second of the watch, nothing more
        _complain(error)


async def listen(look_again: Callable[[Sequence[str]], None]) -> None:
    """Call `look_again` with the runs that other processes have news of. Until it is canceled.

    One subscription for the whole process: a socket must open, and stay open, when Redis is down.
    """
    if not reaches_others():
        return
    layer = get_channel_layer()
    while True:
        try:
            channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
            while True:
                look_again((await layer.receive(channel))["runs"])
        except Exception as error:
            _complain(error)
            await asyncio.sleep(AGAIN_SECONDS)


def _complain(error: Exception) -> None:
    global _quiet_until
    now = asyncio.get_running_loop().time()
    if now >= _quiet_until:
        _quiet_until = now + TROUBLE_SECONDS
        logger.warning("the channel layer does not answer (%s); pages hear of other processes by asking", error)
