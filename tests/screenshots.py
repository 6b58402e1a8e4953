"""`make screenshots`: a picture of every page, from runs that were really started, in screenshots/.

PAGES=run,home takes some of them; OUT= names another folder. Names: <page>-<width>-<theme>.png.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.browser_page import CHROMIUM_FLAGS, PageProblems, chromium
from tests.console_server import ROOT, ConsoleServer

WIDTHS = {1440: 900, 375: 812}  # pixels; the height is the least
HIGHEST = 4_000  # pixels; the rest of a longer page is left out
THEMES = ("light", "dark")
TABS = ("timeline", "stream", "steps", "logs", "state", "input", "events")


def pages(runs: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each picture's name and the path of its page."""
    yield "home", "/"
    yield "workflows", "/workflows/"
    yield "workflow", "/workflows/order-fulfilment/"
    yield "start", "/workflows/order-fulfilment/start/"
    yield "start-csv", "/workflows/csv-profile/start/"
    yield "start-copied", f"/workflows/order-fulfilment/start/?from_run={runs['success']}"
    yield "runs", "/runs/"
    yield "runs-failed", "/runs/?status=failed"
    yield "runs-none", "/runs/?tag=nobody-has-this-tag"
    yield "run-live", f"/runs/{runs['live']}/"
    for name in ("success", "failed", "held", "canceled", "profile", "sites"):
        yield f"run-{name}", f"/runs/{runs[name]}/"
    for tab in TABS:
        yield f"run-success-{tab}", f"/runs/{runs['success']}/?tab={tab}"
    for name in ("success", "failed", "held", "live"):
        yield f"run-{name}-trace", f"/runs/{runs[name]}/?tab=trace"
    yield "trace-none", f"/traces/{'a' * 32}/"
    yield "inbox", "/inbox/"
    yield "inbox-none", "/inbox/?view=mine"
    yield "run-again", f"/runs/{runs['success']}/again/"
    yield "run-from-step", f"/runs/{runs['success']}/from-step/?step=pack_lines"
    yield "run-failed-steps", f"/runs/{runs['failed']}/?tab=steps"
    yield "run-long-stream", f"/runs/{runs['long']}/?tab=stream"
    yield "system", "/system/"
    yield "webhooks", "/webhooks/"
    yield "tokens", "/me/tokens/"
    yield "not-found", "/runs/there-is-no-such-run/"
    yield "admin", "/admin/"
    yield "admin-workflows", "/admin/runs/workflowdefinition/"
    yield "admin-workflow", "/admin/runs/workflowdefinition/order-fulfilment/change/"
    yield "admin-definition", "/admin/runs/workflowdefinition/add/?example=1"
    yield "admin-import", "/admin/runs/workflowdefinition/import/"
    yield "admin-webhook", "/admin/runs/webhook/add/"
    yield "steps", "/steps/"
    yield "admin-runs", "/admin/runs/workflowrun/"
    yield "admin-run", f"/admin/runs/workflowrun/{runs['success']}/change/"


def main() -> None:
    out = Path(os.environ.get("OUT") or ROOT / "screenshots")
    wanted = [name for name in os.environ.get("PAGES", "").split(",") if name]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        console = ConsoleServer(Path(folder)).start()
        try:
            runs = seed(console)
            photograph(console, runs, out, wanted)
        finally:
            console.stop()


def seed(console: ConsoleServer) -> dict[str, str]:
    """Start the runs through the real path, and wait until those that end have ended. Run ids by what they show."""
    command = [sys.executable, "-m", "tests.seed_runs"]
    done = subprocess.run(command, cwd=ROOT, env=console.environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    runs = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    with console.client() as client:
        for name in ("success", "failed", "profile", "sites", "long"):
            deadline = time.monotonic() + 60
            while not client.get(f"/runs/{runs[name]}/events?after=1000000&limit=1").json()["ended"]:
                if time.monotonic() > deadline:
                    raise SystemExit(f"The run {name} did not end:\n{console.log[-3000:]}")
                time.sleep(0.1)
    console.manage("cancel_run", runs["canceled"], check=False)
    return runs


def photograph(console: ConsoleServer, runs: dict[str, str], out: Path, wanted: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        state = sign_in(browser, console, out, wanted)
        for width, height in WIDTHS.items():
            for theme in THEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=theme,
                    has_touch=width < 640,
                    storage_state=state,
                    locale="en-GB",
                    timezone_id="Europe/Berlin",
                )
                take(context, console, runs, out, wanted, f"{width}-{theme}")
                context.close()
        browser.close()


def take(context, console: ConsoleServer, runs: dict[str, str], out: Path, wanted: list[str], suffix: str) -> None:
    problems = PageProblems()
    problems.watch(context)
    page = context.new_page()
    for name, path in pages(runs):
        if wanted and not any(name == some or name.startswith(f"{some}-") for some in wanted):
            continue
        answer = page.goto(f"{console.url}{path}", wait_until="load")
        picture(page, out / f"{name}-{suffix}.png")
        sideways = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        notes = [*problems.found, *(["scrolls sideways"] if sideways else [])]
        print(f"{name}-{suffix}  {answer.status if answer else ''}  {'; '.join(notes)}".rstrip())
        problems.found.clear()
    if not wanted or "start-refused" in wanted or "start" in wanted:
        refused(page, console, out, suffix)


def refused(page, console: ConsoleServer, out: Path, suffix: str) -> None:
    """The start form as it comes back with errors."""
    page.goto(f"{console.url}/workflows/order-fulfilment/start/")
    page.locator("form button[type=submit].btn-primary").first.click()
    page.wait_for_load_state()
    picture(page, out / f"start-refused-{suffix}.png")


def picture(page, path: Path) -> None:
    """The whole page, in a window as high as the page: bars that stick to an edge stand where they belong."""
    least = page.viewport_size["height"]
    page.wait_for_timeout(400)  # what a live page fetches first
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({**page.viewport_size, "height": min(max(height, least), HIGHEST)})
    page.wait_for_timeout(100)
    page.screenshot(path=path)
    page.set_viewport_size({**page.viewport_size, "height": least})


def sign_in(browser, console: ConsoleServer, out: Path, wanted: list[str]) -> dict:
    for theme in THEMES:
        for width, height in WIDTHS.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            page.goto(f"{console.url}/sign-in/")
            if not wanted or "sign-in" in wanted:
                page.screenshot(path=out / f"sign-in-{width}-{theme}.png")
            context.close()
    context = browser.new_context()
    page = context.new_page()
    console.sign_in(page)
    state = context.storage_state()
    context.close()
    return state


if __name__ == "__main__":
    sys.exit(main())
