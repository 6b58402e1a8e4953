"""A real browser whose socket is killed again and again shows every chunk once, in order."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.browser.test_stream import assert_proven, expect_pill, start
from tests.chaos.conftest import LONG
from tests.chaos.line import Line

CHUNKS = 20_000
KILLS = 50 if LONG else 5
RATE = 250 if LONG else 2_500  # chunks a second


@pytest.fixture
def line(console) -> Iterator[Line]:
    line = Line(console.port)
    yield line
    line.close()


def until(page, what: Callable[[], object]) -> None:
    """Let the browser go on until this holds."""
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, "the page does not come back"
        page.wait_for_timeout(20)


def test_killed_sockets_lose_nothing_and_repeat_nothing(page, page_problems, console, line, chance, tell):
    page_problems.expect("WebSocket")
    console.sign_in(page)
    run_id = start(console, tokens=CHUNKS, tokens_per_second=RATE)
    # Cookies are the host's, whatever the port: the page is signed in on the line that can be cut, too.
    page.goto(f"http://127.0.0.1:{line.port}/runs/{run_id}/?tab=stream")
    # It comes back at once, as it does for a reader who looks at it.
    page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 50)")
    killed = 0
    for _ in range(KILLS):
        until(page, lambda: line.sockets)
        page.wait_for_timeout(chance.uniform(50, 300))  # the moment of the kill is what this test is about
        killed += line.cut()
    expect_pill(page, "Ended", timeout=90_000)
    assert_proven(page, console, run_id, CHUNKS)
    assert killed >= KILLS * 0.9
    tell(f"{killed} sockets killed during {CHUNKS:,} chunks in Chromium: the page's digest is the download's")
