"""Wake-ups between processes: "look again at run X", without data, over the channel layer.

With the in-memory layer there is no other process to tell, and nothing is sent. Without Redis, several processes find
each other's news by the watch of announce.py; a LISTEN/NOTIFY variant for PostgreSQL would stand here, beside `send`
and `subscribe`, and nowhere else.
"""

import asyncio
import hashlib
import logging
import sys

from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.02  # many commits of a run melt into one message
TROUBLE_SECONDS = 30.0  # between two lines of the log about a layer that does not answer

_waiting: set[str] = set()
_tasks: set[asyncio.Task[None]] = set()
_quiet_until = 0.0


def reaches_others() -> bool:
    """Whether the channel layer leads to other processes at all."""
    layer = get_channel_layer()
    return layer is not None and not isinstance(layer, InMemoryChannelLayer)


def group_of(run_id: str) -> str:
    """The group of a run's followers. A run id may be any text, a group's name may not."""
    return f"run.{hashlib.sha256(run_id.encode()).hexdigest()[:40]}"


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
    run_ids = list(_waiting)
    _waiting.clear()
    layer = get_channel_layer()
    for run_id in run_ids:
        try:
            await layer.group_send(group_of(run_id), {"type": "run.news"})
        except Exception as error:  # a layer that is down costs half a second of the watch, nothing more
            _complain(error)
            return


async def subscribe(run_id: str, channel_name: str) -> None:
    """Let a socket's channel hear the nudges of a run."""
    await _layer_call("group_add", run_id, channel_name)


async def unsubscribe(run_id: str, channel_name: str) -> None:
    await _layer_call("group_discard", run_id, channel_name)


async def _layer_call(name: str, run_id: str, channel_name: str) -> None:
    if reaches_others():
        try:
            await getattr(get_channel_layer(), name)(group_of(run_id), channel_name)
        except Exception as error:
            _complain(error)


def _complain(error: Exception) -> None:
    global _quiet_until
    now = asyncio.get_running_loop().time()
    if now >= _quiet_until:
        _quiet_until = now + TROUBLE_SECONDS
        logger.warning("the channel layer does not answer (%s); pages hear of other processes by asking", error)
