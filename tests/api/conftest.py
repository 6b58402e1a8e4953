"""A client with a token of the running console."""

from collections.abc import Callable

import httpx
import pytest


@pytest.fixture(scope="session")
def token_of(console) -> Callable[..., str]:
    """Makes a token of the administrator: `token_of("read", "start")`."""

    def make(*scopes: str, **options: str) -> str:
        more = [f"--{name}={value}" for name, value in options.items()]
        return console.manage("create_token", "test", *(f"--scope={scope}" for scope in scopes), *more).stdout.strip()

    return make


@pytest.fixture(scope="session")
def full_token(token_of) -> str:
    return token_of("read", "start", "answer", "manage")


@pytest.fixture
def api(console, full_token):
    """An HTTP client that may do everything."""
    headers = {"Authorization": f"Bearer {full_token}"}
    with httpx.Client(base_url=f"{console.url}/api", headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def api_as(console):
    """HTTP clients with other tokens."""
    clients: list[httpx.Client] = []

    def make(token: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        clients.append(httpx.Client(base_url=f"{console.url}/api", headers=headers, timeout=30))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
