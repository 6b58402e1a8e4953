"""A stream that is longer than the page: any part of it can be reached and searched, and little of it is held."""

import json
import re
from contextlib import closing
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.test_stream import expect_pill, open_stream, seqs, start

CHUNKS = 4_500
WIDE = "·" * 120  # a chunk this long is a row of its own
MAX_ROWS = 2_000


@pytest.fixture
def long_run(console) -> str:
    """A run of 4 500 chunks, each with a word of its own."""
    given = json.dumps(
        {"text": " ".join(f"w{n}w{WIDE}" for n in range(CHUNKS)), "tokens": CHUNKS, "tokens_per_second": 0}
    )
    return console.manage("start_run", "text-stream", "--input", "-", input=given).stdout.strip()


def last_seq(console, run_id: str) -> int:
    with closing(console.client()) as client:
        return client.get(f"/runs/{run_id}/digest?format=json").json()["last"]


def assert_rows(page) -> list[int]:
    """At most 2 000 rows, without a hole."""
    numbers = seqs(page)
    assert len(numbers) <= MAX_ROWS
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    return numbers


def test_any_part_of_a_long_stream_is_reached_and_searched(page, console, long_run):
    console.sign_in(page)
    open_stream(page, console, long_run)
    expect_pill(page, "Ended", timeout=60_000)
    end = last_seq(console, long_run)
    view = page.locator(".wf-stream-view")
    # To a number: the rows that follow on it, older and newer ones by scrolling.
    page.get_by_label("Go to what follows on event").fill("2000")
    page.get_by_label("Go to what follows on event").press("Enter")
    page.wait_for_function("() => document.querySelector('[data-stream-rows] .seq').textContent <= 2001")
    assert 2001 in assert_rows(page)
    expect(page.locator("[data-stream-follow]")).to_have_attribute("aria-pressed", "false")
    view.evaluate("view => { view.scrollTop = 0 }")
    page.wait_for_function("() => Number(document.querySelector('[data-stream-rows] .seq').textContent) <= 1501")
    assert_rows(page)
    newest = "() => Number([...document.querySelectorAll('[data-stream-rows] .seq')].at(-1).textContent)"
    while (reached := page.evaluate(newest)) < end:
        view.evaluate("view => { view.scrollTop = view.scrollHeight }")
        page.wait_for_function(f"reached => ({newest})() > reached", arg=reached)
        assert_rows(page)
    expect(page.locator("[data-stream-rows] li").last).to_contain_text("Run ended")
    # Words are looked for on the server, in the whole log; what is found leads to the events around it.
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Words").fill("w1234w")
    page.get_by_role("button", name="Show").click()
    rows = page.locator(".wf-stream-raw li")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("w1234w")
    page.get_by_label("Words").fill("no such word")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No event matches.")).to_be_visible()


def test_the_new_events_are_counted_while_a_reader_looks_at_older_ones(page, console):
    console.sign_in(page)
    run_id = start(console, tokens=100_000, tokens_per_second=500)
    open_stream(page, console, run_id)
    page.wait_for_function("() => document.querySelectorAll('[data-stream-rows] li').length > 30")
    page.locator(".wf-stream-view").hover()
    page.mouse.wheel(0, -300)
    expect(page.locator("[data-stream-follow]")).to_have_attribute("aria-pressed", "false")
    seen = seqs(page)[-1]
    button = page.locator("[data-stream-new]")
    expect(button).to_have_text(re.compile(r"^[\d\s]+ new$"))
    with closing(console.client()) as client:
        client.post(f"/runs/{run_id}/cancel/")
    expect_pill(page, "Ended")
    unseen = last_seq(console, run_id) - seen
    expect(button).to_be_visible()
    counted = int(re.sub(r"\D", "", button.inner_text()))
    assert counted == unseen
