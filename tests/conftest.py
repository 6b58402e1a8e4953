"""What every test may ask for: a running console, a browser, people."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client, TransactionTestCase
from pytest_django import DjangoDbBlocker

from tests.browser_page import CHROMIUM_FLAGS, PATIENCE_MS, PageProblems, chromium
from tests.console_server import ConsoleServer, migrated_database

Serving = Callable[..., AbstractContextManager[ConsoleServer]]


# Of two processes that take a file at a time, none should begin with one of these when the other one has nothing left.
LONG = ("tests/store/test_postgresql.py", "tests/chaos/", "tests/browser/", "tests/management/", "tests/api/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take minutes. Within a file, and among the others, the order stays."""

    def place(item: pytest.Item) -> int:
        return next((place for place, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG))

    items.sort(key=place)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database of this process; a test that commits leaves it as it was, by less work than Django's."""
    from tests.clean_database import Seeded

    with django_db_blocker.unblock():
        seeded = Seeded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: seeded.restore())
        yield


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables empty, for consoles to begin with; the same one for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    return migrated_database(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Serving:
    """Makes consoles for fixtures: `with serving({"WFCONSOLE_…": "…"}) as console`; each new, with all tables empty."""

    @contextmanager
    def serving(environment: dict[str, str] | None = None) -> Iterator[ConsoleServer]:
        server = ConsoleServer(tmp_path_factory.mktemp("console"), environment, database=migrated).start()
        try:
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.stop()

    return serving


@pytest.fixture(scope="session")
def console(serving: Serving) -> Iterator[ConsoleServer]:
    """One console for the whole session. Who kills it restarts it before the test ends."""
    with serving() as console:
        yield console


@pytest.fixture
def new_console(serving: Serving) -> Iterator[Callable[..., ConsoleServer]]:
    """Makes consoles for one test alone: `new_console({"WFCONSOLE_…": "…"})`, as `serving` does."""
    with ExitStack() as consoles:
        yield lambda environment=None: consoles.enter_context(serving(environment))


# Of a module, not of the session: while Playwright's sync API runs, its event loop counts as the running one of this
# thread, and no async test and no ORM call could follow.
@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium. Tests that use it talk to `console`, never to the database of this process."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    executable = chromium()
    if executable is None:
        pytest.fail("No Chromium is installed. `apt-get install chromium-headless-shell`, or set CHROMIUM to its path.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def page_problems() -> PageProblems:
    """What went wrong on `page`; a test that expects some of it says so by `page_problems.expect("part of it")`."""
    return PageProblems()


@pytest.fixture
def page(browser, page_problems: PageProblems):
    """A new page, 1440 by 900. Errors of scripts, refusals of the CSP and missing files fail the test at its end."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    page_problems.watch(context)
    yield context.new_page()
    context.close()
    page_problems.refuse()


def _person(name: str, role: str) -> User:
    user = User.objects.create_user(name, email=f"{name}@example.org", first_name=name.title())
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def viewer(db: None) -> User:
    """Vera reads."""
    return _person("vera", "viewer")


@pytest.fixture
def operator(db: None) -> User:
    """Olaf starts runs, cancels them and answers."""
    return _person("olaf", "operator")


@pytest.fixture
def admin(db: None) -> User:
    """Ada administers."""
    return User.objects.create_superuser("ada", email="ada@example.org", first_name="Ada")


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    """A signed-in client for a person: `client_for(operator)`."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Put the end of the server's log under a failed test that used one."""
    report = yield
    if report.failed:
        for server in getattr(item, "funcargs", {}).values():
            if isinstance(server, ConsoleServer) and server.log:
                report.sections.append((f"log of {server.url}", server.log[-6000:]))
    return report
