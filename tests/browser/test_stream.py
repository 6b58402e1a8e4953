"""The stream of a run in a real browser: nothing missing, nothing twice, whatever happens to the line."""

import hashlib
import json
import re
from contextlib import closing
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

PROVEN = re.compile(r"chunks 1–([\d\s]+), no gaps")


def start(console, workflow: str = "text-stream", **given: object) -> str:
    return console.start_run(workflow, given)


def open_stream(page: Page, console, run_id: str):
    page.goto(f"{console.url}/runs/{run_id}/?tab=stream")
    return page.locator("[data-live-run]").first


def digest_of(page: Page) -> str:
    return page.locator("[data-proof-digest]").get_attribute("title")


def assert_proven(page: Page, console, run_id: str, chunks: int | None = None) -> None:
    """The page's own digest is the one of the download, and the download has every number once."""
    proof = page.locator("[data-proof-words]")
    with closing(console.client()) as client:
        body = client.get(f"/runs/{run_id}/events.ndjson").content
    lines = [json.loads(line) for line in body.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    stored = sum(line["type"] in ("workflow-step-output", "workflow-step-custom") for line in lines)
    assert chunks in (None, stored)
    grouped = f"{stored:,}".replace(",", "\u00a0")
    expect(proof).to_have_text(f"chunks 1–{grouped}, no gaps", timeout=30_000)
    expect(page.locator("[data-proof-digest]")).to_have_attribute("title", hashlib.sha256(body).hexdigest())


def expect_pill(page: Page, words: str | re.Pattern[str], timeout: float = 20_000) -> None:
    expect(page.locator("[data-run-conn]")).to_have_text(words, timeout=timeout)


def seqs(page: Page) -> list[int]:
    """The last sequence number of each row."""
    return page.eval_on_selector_all("[data-stream-rows] .seq", "cells => cells.map(cell => Number(cell.textContent))")


def test_the_page_ends_with_the_digest_of_the_download(page, console):
    console.sign_in(page)
    run_id = start(console, tokens=2_000, tokens_per_second=400)
    open_stream(page, console, run_id)
    expect_pill(page, "Live")
    expect_pill(page, "Ended")
    assert_proven(page, console, run_id, 2_000)
    numbers = seqs(page)
    assert all(earlier < later for earlier, later in pairwise(numbers))


def test_the_records_of_an_api_client_are_what_the_page_shows(page, console):
    console.sign_in(page)
    given = {"text": "one two three four ", "tokens": 300, "tokens_per_second": 150}
    with closing(console.client()) as client:
        run_id = client.post("/api/workflows/text-stream/create-run").json()["runId"]
        open_stream(page, console, run_id)
        sent = client.post("/api/workflows/text-stream/stream", params={"runId": run_id}, json={"inputData": given})
        log = [json.loads(line) for line in client.get(f"/runs/{run_id}/events.ndjson").text.splitlines()]
    records = [json.loads(record) for record in sent.text.split("\x1e")[:-1]]
    received = [record["payload"]["output"] for record in records if record["type"] == "workflow-step-output"]
    assert received == [event["data"]["output"] for event in log if event["type"] == "workflow-step-output"]
    expect_pill(page, "Ended")
    assert_proven(page, console, run_id, 300)
    shown = page.locator("[data-stream-rows] li.is-text .body").all_inner_texts()
    assert "".join("".join(shown).split()) == "".join("".join(received).split())


def test_the_rows_of_the_script_are_the_rows_of_the_server(page, console, browser):
    console.sign_in(page)
    run_id = start(console, text="Grüße 14 <b>fett</b> „x“ 👋 ", tokens=150, tokens_per_second=0)
    open_stream(page, console, run_id)
    expect_pill(page, "Ended")
    assert_proven(page, console, run_id, 150)
    ours = page.locator("[data-stream-rows] li").all_inner_texts()
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    without = plain.new_page()
    without.goto(f"{console.url}/runs/{run_id}/?tab=stream")
    theirs = without.locator("[data-stream-rows] li").all_inner_texts()
    expect(without.locator("[data-proof-words]")).to_have_text("chunks 1–150, no gaps")
    plain.close()
    assert ours == theirs
    assert any("<b>fett</b>" in row for row in ours)


def test_a_killed_server_leaves_no_gap_and_no_duplicate_on_the_open_page(page, page_problems, new_console):
    console = new_console()
    console.sign_in(page)
    run_id = start(console, tokens=1_500, tokens_per_second=250)
    open_stream(page, console, run_id)
    expect(page.locator("[data-proof-words]")).to_have_text(PROVEN)
    page_problems.expect("WebSocket connection")
    page_problems.expect("Failed to load resource")
    console.kill()
    expect_pill(page, re.compile("Reconnecting"))
    before = seqs(page)
    console.start()
    expect_pill(page, "Live")
    expect_pill(page, "Ended", timeout=40_000)
    numbers = seqs(page)
    assert numbers[: len(before) - 1] == before[:-1]  # the last row may have got more of its text
    assert all(earlier < later for earlier, later in pairwise(numbers))
    assert_proven(page, console, run_id)


def test_fifty_lost_sockets_change_nothing(page, page_problems, console):
    page_problems.expect("WebSocket")
    # Every socket of the page is cut after some messages, however far it got.
    page.add_init_script("""
      const Real = WebSocket
      window.cut = 0
      window.WebSocket = class extends Real {
        constructor(...args) {
          super(...args)
          let messages = 0
          this.addEventListener("message", () => {
            if (++messages > 3 && window.cut < 50 && window.cut++ < 50) this.close(4000)
          })
        }
      }""")
    console.sign_in(page)
    run_id = start(console, tokens=20_000, tokens_per_second=4_000)
    open_stream(page, console, run_id)
    page.evaluate("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 50)")  # comes back at once
    expect_pill(page, "Ended", timeout=60_000)
    assert page.evaluate("window.cut") >= 20
    assert_proven(page, console, run_id, 20_000)


def test_without_sockets_the_page_asks_and_loses_nothing(page, page_problems, console):
    page_problems.expect("WebSocket")
    page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close(code=1006))
    console.sign_in(page)
    run_id = start(console, tokens=1_200, tokens_per_second=300)
    open_stream(page, console, run_id)
    expect_pill(page, "Ended", timeout=40_000)
    assert_proven(page, console, run_id, 1_200)


def test_a_hundred_thousand_chunks_stay_two_thousand_rows(page, console):
    console.sign_in(page)
    run_id = start(console, text="a b c d e f g\n", tokens=100_000, tokens_per_second=0)
    open_stream(page, console, run_id)
    expect_pill(page, "Ended", timeout=180_000)
    assert_proven(page, console, run_id, 100_000)
    rows = page.locator("[data-stream-rows] li")
    assert rows.count() <= 2_000
    # Short texts become few rows, which must fill the window all the same: else nobody could scroll up.
    page.wait_for_function(
        "() => (view => view.scrollHeight > view.clientHeight)(document.querySelector('.wf-stream-view'))"
    )
    # Older rows come by scrolling up, page by page, and never more than 2 000 of them.
    oldest = seqs(page)[0]
    for _ in range(12):
        page.locator(".wf-stream-view").evaluate("view => { view.scrollTop = 0 }")
        page.wait_for_function(
            "oldest => Number(document.querySelector('[data-stream-rows] .seq').textContent) < oldest", arg=oldest
        )
        numbers = seqs(page)
        assert len(numbers) <= 2_000
        assert all(earlier < later for earlier, later in pairwise(numbers))
        oldest = numbers[0]
    page.locator("[data-stream-follow]").click()
    page.wait_for_function(
        "last => Number([...document.querySelectorAll('[data-stream-rows] .seq')].at(-1).textContent) === last",
        arg=100_000 + _others(console, run_id),
    )


def _others(console, run_id: str) -> int:
    with closing(console.client()) as client:
        told = client.get(f"/runs/{run_id}/digest", headers={"Accept": "application/json"}).json()
    return told["events"] - told["chunks"]


def test_a_reader_who_scrolls_up_is_left_in_peace(page, console):
    console.sign_in(page)
    run_id = start(console, tokens=100_000, tokens_per_second=600)
    open_stream(page, console, run_id)
    page.wait_for_function("() => document.querySelectorAll('[data-stream-rows] li').length > 40")
    view = page.locator(".wf-stream-view")
    view.hover()
    page.mouse.wheel(0, -400)
    expect(page.locator("[data-stream-follow]")).to_have_attribute("aria-pressed", "false")
    before = seqs(page)
    expect(page.locator("[data-stream-new]")).to_be_visible()
    with closing(console.client()) as client:
        client.post(f"/runs/{run_id}/cancel/")
    expect_pill(page, "Ended")
    after = seqs(page)
    assert after[-len(before) :] == before  # older ones may have come above, nothing below
    page.locator("[data-stream-new]").click()
    expect(page.locator("[data-stream-follow]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-stream-rows] li").last).to_contain_text("canceled")
    assert_proven(page, console, run_id)


def test_raw_events_stand_behind_each_row(page, console):
    console.sign_in(page)
    run_id = start(console, tokens=60, tokens_per_second=0)
    open_stream(page, console, run_id)
    expect_pill(page, "Ended")
    row = page.locator("[data-stream-rows] li.is-text").first
    row.locator("a.seq").click()
    raw = row.locator("pre.raw")
    expect(raw).to_contain_text('"type":"workflow-step-output"')
    count = int(row.locator(".kind").inner_text().split("×")[1])
    assert len(raw.inner_text().splitlines()) == count
    row.locator("a.seq").click()
    expect(raw).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_a_log_are_accessible(page, console, assert_accessible, scheme):
    page.emulate_media(color_scheme=scheme)
    console.sign_in(page)
    run_id = start(console, tokens=60, tokens_per_second=0)
    open_stream(page, console, run_id)
    expect_pill(page, "Ended")
    assert_accessible(page)
    for address in (f"/runs/{run_id}/events", f"/runs/{run_id}/events?after=3&limit=1", f"/runs/{run_id}/digest"):
        page.goto(console.url + address)
        assert_accessible(page)


def test_on_a_phone_the_list_of_steps_gives_way_and_not_the_words_of_the_buttons(page, console):
    page.set_viewport_size({"width": 375, "height": 800})
    console.sign_in(page)
    run_id = start(console, "order-fulfilment", card_token="tok_1")
    page.goto(f"{console.url}/runs/{run_id}/")
    button = page.locator("[data-stream-follow]")
    expect(button).to_be_visible()
    room = """button => {
      const words = document.createRange()
      words.selectNodeContents(button)
      return button.getBoundingClientRect().right - words.getBoundingClientRect().right
    }"""
    assert button.evaluate(room) >= 4
    assert button.evaluate("el => el.getBoundingClientRect().right") <= 375 - 12
