"""The entrance of the server: HTTP, sockets, and the start of the embedded executor and of the sender of notices.

Imported by servers alone (Daphne, the child of runserver), never by a management command.
"""

import os

import django
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from wfconsole import telemetry
from wfconsole.server import memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")
memory.raise_gc_threshold()
memory.keep_small()
django.setup(set_prefix=False)  # before everything below: it needs Django's applications loaded
telemetry.start()  # before Django reads its list of middleware, to which tracing adds one

from runs import routing  # noqa: E402
from runs.executor import dispatch  # noqa: E402
from runs.live.backpressure import Backpressure  # noqa: E402
from runs.notices.sender import sender  # noqa: E402
from runs.store.database_file import remember_file  # noqa: E402
from wfconsole.server.request_threads import RequestHandler  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": Backpressure(RequestHandler()),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(routing.websocket_urlpatterns))),
    }
)

remember_file()
dispatch.start_executor()
sender.start()
