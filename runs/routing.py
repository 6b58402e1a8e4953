"""The sockets of the console."""

from django.urls import path

from runs.execution import announce as commits
from runs.live import announce, consumers

websocket_urlpatterns = [
    path("ws/runs/<str:run_id>/", consumers.RunConsumer.as_asgi(), name="ws_run"),
]

# Here, because execution knows nothing of live pages, and live nothing of execution.
commits.on_commit(announce.publish)
