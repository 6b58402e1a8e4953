"""The sockets of the console."""

from django.urls import path

from runs.live import consumers

websocket_urlpatterns = [
    path("ws/runs/<str:run_id>/", consumers.RunConsumer.as_asgi(), name="ws_run"),
]
