"""A console with the workflows of these tests, and a program that may do everything."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.console_server import ConsoleServer
from tests.otlp_receiver import OtlpReceiver

FLOWS = {"WFCONSOLE_WORKFLOWS": "tests.tracing.workflows"}


def program(console: ConsoleServer) -> httpx.Client:
    """An HTTP client with a token."""
    headers = {"Authorization": f"Bearer {console.token('read', 'start', 'answer', 'manage')}"}
    return httpx.Client(base_url=f"{console.url}/api", headers=headers, timeout=30)


def stored(api: httpx.Client, trace_id: str, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The stored spans of a trace, once they are enough."""
    deadline = time.monotonic() + 10
    while True:
        answer = api.get(f"/observability/traces/{trace_id}")
        spans = answer.json().get("spans", [])
        if enough(spans):
            return spans
        assert time.monotonic() < deadline, f"Only these: {[(span['name'], span['endedAt']) for span in spans]}"
        time.sleep(0.02)


def all_ended(count: int) -> Callable[[list[dict[str, Any]]], bool]:
    return lambda spans: len(spans) == count and all(span["endedAt"] for span in spans)


@pytest.fixture(scope="module")
def traced(serving) -> Iterator[ConsoleServer]:
    """One console for a file of tests."""
    with serving(FLOWS) as console:
        yield console


@pytest.fixture(scope="module")
def api(traced) -> Iterator[httpx.Client]:
    with program(traced) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()
