"""The sockets of the console."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import path, re_path

from runs.live import announcements, consumers
from runs.store import announcements as commits


async def no_socket(scope: dict[str, Any], receive: Callable, send: Callable[[dict], Awaitable[None]]) -> None:
    """Refuses the handshake: there is nothing at this address."""
    await send({"type": "websocket.close"})


websocket_urlpatterns = [
    path("ws/runs/<id:run_id>/", consumers.RunConsumer.as_asgi(), name="ws_run"),
    re_path(r"", no_socket),  # without it Channels raises an exception
]

# Here, because execution knows nothing of live pages, and live nothing of execution.
commits.on_commit(announcements.publish)
