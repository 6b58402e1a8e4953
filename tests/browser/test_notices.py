"""The Logs tab, the menu "Tell me" and the pages on webhooks, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.console_server import ConsoleServer


@pytest.fixture(scope="module")
def served(serving) -> Iterator[ConsoleServer]:
    with serving({"WFCONSOLE_WORKFLOWS": "tests.notices.workflows"}) as console:
        yield console


def start(served: ConsoleServer, workflow: str, **input_data: object) -> str:
    with served.client() as person:
        run_id = person.post(f"/api/workflows/{workflow}/create-run").json()["runId"]
        person.post(f"/api/workflows/{workflow}/start", params={"runId": run_id}, json={"inputData": input_data})
    return run_id


def test_lines_appear_while_the_run_goes_on_and_can_be_filtered(served, page, assert_accessible):
    served.sign_in(page)
    run_id = start(served, "pausing", seconds=60)
    page.goto(f"{served.url}/runs/{run_id}/?tab=logs")
    expect(page.locator(".wf-log li")).to_contain_text("before the pause")
    assert_accessible(page)
    page.fill("#log-q", "nothing like this")
    page.press("#log-q", "Enter")
    expect(page.locator("#run-body")).to_contain_text("No line matches")
    assert_accessible(page)
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(f"{served.url}/runs/{run_id}/?tab=logs")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_browser_tells_how_the_run_ended_to_who_asked(served, page, assert_accessible):
    page.context.grant_permissions(["notifications"], origin=served.url)
    # What the browser would show is kept, as there is no desktop here to look at.
    page.add_init_script(
        "window.told = [];"
        "window.Notification = class extends EventTarget {"
        "  static permission = 'granted'; static requestPermission() { return Promise.resolve('granted') }"
        "  constructor(title, options) { super(); window.told.push([title, options.body]) } }"
    )
    served.sign_in(page)
    run_id = start(served, "pausing", seconds=60)
    page.goto(f"{served.url}/runs/{run_id}/")
    page.click("summary:has-text('Tell me')")
    expect(page.locator(".wf-menu-note")).to_contain_text("No mail server is set up")
    page.click("[data-end-notice-browser]")
    expect(page.locator("[data-end-notice-browser]")).to_have_attribute("aria-pressed", "true")
    assert_accessible(page)
    with served.client() as person:
        person.post(f"/runs/{run_id}/cancel/")
    page.wait_for_function("() => window.told.length === 1")
    title, body = page.evaluate("window.told[0]")
    assert title.startswith("Canceled: pausing")
    assert body == f"Run {run_id}"


def test_a_webhook_is_made_and_its_pages_are_fit_for_everybody(served, page, assert_accessible):
    served.sign_in(page)
    page.goto(f"{served.url}/webhooks/")
    assert_accessible(page)
    page.fill("[name=name]", "pager")
    page.fill("[name=url]", "http://10.1.2.3/hook")
    page.click("text=Make a webhook")
    assert re.fullmatch(r"whsec_[\w+/=]+", page.input_value("#new-secret"))
    assert_accessible(page)
    page.click("text=Send a test")
    page.click("button:has-text('Send a test')")
    page.reload()
    expect(page.locator(".wf-delivery").first).to_contain_text("test")
    assert_accessible(page)
    for width in (1440, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
