"""W4 on a page: the stream of one run, taken in by the run's page in Chromium."""

import hashlib
import time

from playwright.sync_api import Page, sync_playwright

from tests.browser_page import CHROMIUM_FLAGS, chromium
from tests.console_server import ConsoleServer

from .workflows import PAGE_CHUNKS

# Notes when the page has taken in the last chunk, in epoch milliseconds; drawing it comes later.
LISTEN = """chunks => document.addEventListener("run:events", event => {
  if (event.detail.last > chunks) window.takenIn ??= performance.timeOrigin + performance.now()
})"""
# Awaited by the page itself: a question that is asked again and again would have it draw each time.
END = """() => { window.ended = new Promise(resolve => document.addEventListener("run:status", event => {
  if (event.detail.ended) resolve()
})) }"""
PROVEN = "() => document.querySelector('[data-proof-words]').textContent.endsWith('no gaps')"
LONGEST_MS = 120_000


def page_rate(server: ConsoleServer) -> float | None:
    """Chunks a second, from the request that starts the run. None where no Chromium is installed."""
    executable = chromium()
    if executable is None:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        server.sign_in(page)
        rates = [_followed(server, page) for _ in range(2)]  # the first one warms up
        browser.close()
    return rates[-1]


def _followed(server: ConsoleServer, page: Page) -> float:
    with server.client() as client:
        run_id = client.post("/api/workflows/long-stream/create-run", json={}).json()["runId"]
        with page.expect_websocket():
            page.goto(f"{server.url}/runs/{run_id}/?tab=stream")
        page.evaluate(LISTEN, PAGE_CHUNKS)
        page.evaluate(END)
        began = time.time()
        client.post("/api/workflows/long-stream/start", params={"runId": run_id}, json={}).raise_for_status()
        page.evaluate("window.ended")
        proof = page.locator("[data-proof-digest]")
        page.wait_for_function(PROVEN, timeout=LONGEST_MS)
        log = client.get(f"/runs/{run_id}/events.ndjson").content
        assert proof.get_attribute("title") == hashlib.sha256(log).hexdigest(), "the page has taken in something else"
        return PAGE_CHUNKS / (page.evaluate("window.takenIn") / 1000 - began)
