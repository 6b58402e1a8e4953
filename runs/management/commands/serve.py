"""`manage.py serve`: from whatever the data folder holds to a console that answers, in one process.

`make run` calls it. Everything happens in one start of Python, because each further one costs half a second.
"""

import argparse
import fcntl
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from runs.models import ApiToken
from wfconsole.private_files import looseness
from wfconsole.server.unused_modules import stub_unused_modules

from ..console_command import ConsoleCommand
from ..own_workflows import check_own_workflows
from .ensure_admin import ADMIN_NAME, ensure_admin

POLL_SECONDS = 0.02  # at first; a console that fails is asked ever more rarely, and its log stays readable
SLOWEST_POLL_SECONDS = 1.0
COMPLAIN_AFTER_SECONDS = 10.0


class Command(ConsoleCommand):
    help = "Migrate the database, make the first administrator, and serve the console until Ctrl-C."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1", help="default: $HOST, 127.0.0.1")
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000", help="default: $PORT, 8000; 0: any")

    def handle(self, *, host: str, port: str, **options: object) -> None:
        number = free_port(host, port)
        check_own_workflows()
        with alone():
            migrate()
            password = ensure_admin()
            ApiToken.objects.keep_bootstrap(settings.API_TOKEN)
        for path in (settings.DATA_DIR, settings.DATABASES["default"]["NAME"]):
            if not settings.ON_POSTGRESQL and (said := looseness(Path(path))):
                self.stderr.write(said)
        stub_unused_modules()
        # Only now: the import starts the executor, which needs the tables.
        from daphne.endpoints import build_endpoint_description_strings

        from wfconsole.asgi import application
        from wfconsole.server.http_server import Server

        announcer = Announcer(host, number, password)
        os.environ["WFCONSOLE_URL"] = announcer.url  # for workflows that ask their own console
        Server(
            application=application,
            endpoints=build_endpoint_description_strings(host=host, port=number),
            server_name="",
            # A step may hold the executor's last words for a moment; an open socket must not.
            application_close_timeout=2,
            ready_callable=announcer.start,
        ).run()
        if not announcer.said_ready:
            raise CommandError(f"The console did not start on {host}:{number}.")
        self.stdout.write("wfconsole stopped")


def free_port(host: str, port: str) -> int:
    """The port to listen on, as a number. Raises CommandError, in one line, when it cannot be had."""
    if not port.isdecimal() or int(port) > 65_535:
        raise CommandError(f"PORT is {port!r}: a number from 1 to 65535 is needed.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    except OSError:
        raise CommandError(f"HOST is {host!r}: the address of one of this machine's networks is needed.") from None
    with closing(socket.socket(family, kind)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}. "
                "Choose another one, as in `make run PORT=8001`."
            ) from None
        return int(probe.getsockname()[1])


@contextmanager
def alone() -> Iterator[None]:
    """Of two servers that start together on one data folder, one prepares it and the other waits."""
    with (settings.DATA_DIR / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def migrate() -> None:
    """Bring the database up to date."""
    executor = MigrationExecutor(connection)
    # Asking is cheap; the command itself would compare every permission, at every start.
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


class Announcer:
    """Says that the console is ready once it really answers, and how to sign in."""

    def __init__(self, host: str, port: int, password: str | None) -> None:
        wildcard = host in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        self.address = "127.0.0.1" if wildcard else host
        self.port = port
        self.url = f"http://[{host}]:{port}/" if ":" in self.address else f"http://{self.address}:{port}/"
        self.password = password
        self.said_ready = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="announcer", daemon=True).start()

    def _run(self) -> None:
        started = time.monotonic()
        complained = False
        pause = POLL_SECONDS
        while problem := self._problem():
            if not complained and time.monotonic() - started > COMPLAIN_AFTER_SECONDS:
                sys.stderr.write(f"wfconsole is not ready yet: {problem}\n")
                sys.stderr.flush()
                complained = True
            time.sleep(pause)
            pause = min(pause * 1.1, SLOWEST_POLL_SECONDS)
        self.said_ready = True
        sys.stdout.write(f"wfconsole ready at {self.url}\n{self._how_to_sign_in()}\n")
        sys.stdout.flush()

    def _problem(self) -> str | None:
        """Why the console does not serve yet; None when it does."""
        for path in ("/healthz", "/readyz"):
            try:
                with closing(http.client.HTTPConnection(self.address, self.port, timeout=5)) as asking:
                    asking.request("GET", path, headers={"Host": _answered_name(self.address)})
                    answer = asking.getresponse()
                    body = answer.read()
            except OSError as error:
                return f"{path} gives no answer ({error})"
            if answer.status != 200:
                return f"{path} answers {answer.status}: {_reasons(body)}"
        return None

    def _how_to_sign_in(self) -> str:
        if self.password is not None:
            return f"Sign in as {ADMIN_NAME} with the password {self.password} (shown this once)"
        if settings.ENV.wfconsole_admin_password:
            return f"Sign in as {ADMIN_NAME} with the password in WFCONSOLE_ADMIN_PASSWORD"
        return f"Sign in as {ADMIN_NAME}. A lost password: .venv/bin/python manage.py changepassword {ADMIN_NAME}"


def _answered_name(address: str) -> str:
    """A host name that the console answers to, whatever WFCONSOLE_ALLOWED_HOSTS says."""
    names = settings.ALLOWED_HOSTS
    if "*" in names or address in names:
        return address
    return names[0].removeprefix(".")


def _reasons(body: bytes) -> str:
    try:
        return "; ".join(json.loads(body)["reasons"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
