"""The console as its user starts it: a process of its own, on a port and a data folder of its own."""

import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # The tests were started in the background of a shell: without this no console would hear Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

START_SECONDS = 90.0
STOP_SECONDS = 15.0
DATABASE = "wfconsole.sqlite3"
# Variables of the surroundings that would make the console another one than the test means.
OURS = re.compile(r"^(WFCONSOLE_.*|OTEL_.*|DATABASE_URL|REDIS_URL|HOST|PORT|DJANGO_SETTINGS_MODULE)$")


def migrated_database(folder: Path) -> Path:
    """The file of a console that has never run, but has all its tables. Made once, whoever asks, in this folder."""
    with (folder / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "migrated"
        if not made.exists():
            making = ConsoleServer(Path(tempfile.mkdtemp(dir=folder)))
            making.manage("migrate", "--verbosity", "0")
            making.data_dir.rename(made)
    return made / DATABASE


class SignedInClient(httpx.Client):
    """Has been used before it is handed out, and closes at the end of a `with` all the same."""

    def __enter__(self) -> "SignedInClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ConsoleServer:
    """A running console. Its log is kept in `log_path`; its administrator is `admin` with `password`."""

    def __init__(
        self, data_dir: Path, environment: dict[str, str] | None = None, *, database: Path | None = None
    ) -> None:
        """`database`: a file to begin with, as `migrated_database()` makes one; without, the first start makes it."""
        self.data_dir = data_dir
        if database is not None:
            shutil.copy(database, data_dir / DATABASE)
        self.log_path = data_dir / "server.log"
        self.password = secrets.token_urlsafe(12)
        self.port = 0  # any at the first start, the same at each later one
        self.process: subprocess.Popen[bytes] | None = None
        self._sessions: dict[tuple[str, str], httpx.Cookies] = {}
        self.environment = {name: value for name, value in os.environ.items() if not OURS.match(name)} | {
            "WFCONSOLE_DATA_DIR": str(data_dir),
            "WFCONSOLE_ADMIN_PASSWORD": self.password,
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> "ConsoleServer":
        """Start as `make run` does, and wait for the line that says it is ready."""
        seen = len(self.log)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while not (ready := re.search(r"wfconsole ready at http://127\.0\.0\.1:(\d+)/", self.log[seen:])):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(
                    f"The console did not start:\n{self.log[seen:][:2000]}\n…\n{self.log[seen:][-2000:]}"
                )
            time.sleep(0.02)
        self.port = int(ready[1])
        return self

    def stop(self) -> int:
        """End it as Ctrl-C does, and tell its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"The console did not stop:\n{self.log[-4000:]}") from None

    def kill(self) -> None:
        """End it by SIGKILL: it learns nothing of it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def restart(self) -> "ConsoleServer":
        """Start it again on the same port and data folder; stop it before, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        return self.start()

    def manage(
        self, *arguments: str, input: str | None = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py on this console's data folder. With `check`, a failing one fails the test."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"manage.py {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done

    def add_user(self, name: str, role: str) -> str:
        """Make a person of a role (viewer, operator, admin); the password."""
        password = secrets.token_urlsafe(12)
        self.manage(
            "shell",
            "--no-imports",
            "-c",
            "from django.contrib.auth.models import Group, User\n"
            f"user = User.objects.create_user({name!r}, password={password!r})\n"
            f"user.groups.add(Group.objects.get(name={role!r}))",
        )
        return password

    def sign_in(self, page, name: str = "admin", password: str | None = None) -> None:
        """Sign a page of the browser in, with the session of an earlier sign-in where there is one."""
        cookies = [
            {"name": cookie.name, "value": cookie.value, "domain": "127.0.0.1", "path": "/"}
            for cookie in self._session(name, password).jar
        ]
        page.context.add_cookies(cookies)

    def sign_in_by_form(self, page, name: str = "admin", password: str | None = None) -> None:
        """Sign a page of the browser in as a person does."""
        page.goto(f"{self.url}/sign-in/")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", password or self.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/sign-in/" not in url)

    def client(self, name: str = "admin", password: str | None = None) -> SignedInClient:
        """A signed-in HTTP client, for tests that need no browser. Sends the CSRF token with each request."""
        client = SignedInClient(base_url=self.url, timeout=30, follow_redirects=True)
        client.cookies.update(self._session(name, password))
        client.headers.update({"X-CSRFToken": client.cookies["csrftoken"], "Referer": self.url})
        return client

    def token(self, *scopes: str, workflows: str = "") -> str:
        """A token of the administrator for the HTTP API, made on their page."""
        form = {"name": "test", "scopes": scopes, "workflows": workflows, "days": ""}
        with self.client() as client:
            page = client.post("/me/tokens/", data=form).text
        found = re.search(r'id="new-token" value="(\w[^"]+)"', page)
        assert found is not None, page[:2000]
        return found[1]

    def start_run(self, workflow: str, given: object = None, **options: object) -> str:
        """Start a run as the administrator, and tell its id. `options`: more of the request's body."""
        with self.client() as client:
            made = client.post(f"/api/workflows/{workflow}/create-run", json={})
            assert made.status_code == 200, made.text
            run_id = made.json()["runId"]
            body = options if given is None else {"inputData": given, **options}
            started = client.post(f"/api/workflows/{workflow}/start", params={"runId": run_id}, json=body)
            assert started.status_code == 200, started.text
        return run_id

    def _session(self, name: str, password: str | None) -> httpx.Cookies:
        """The cookies of a person who is signed in. Once for each: hashing a password is meant to take long."""
        known = self._sessions.get((name, password or self.password))
        if known is not None:
            return known
        with httpx.Client(base_url=self.url, timeout=30, follow_redirects=True) as client:
            client.get("/sign-in/").raise_for_status()
            token = client.cookies["csrftoken"]
            form = {"username": name, "password": password or self.password, "csrfmiddlewaretoken": token}
            answer = client.post("/sign-in/", data=form, headers={"Referer": self.url})
            assert "sessionid" in client.cookies, answer.text[:2000]
            self._sessions[name, password or self.password] = client.cookies
            return client.cookies
