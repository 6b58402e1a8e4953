"""The page of a run in a real browser: it changes in place while the run goes on, and reads on any screen."""

import re

import pytest
from playwright.sync_api import Page, expect

ORDER = {"card_token": "tok_visa_4242", "simulate": {"pace": "normal"}}
TABS = ["overview", "timeline", "stream", "steps", "state", "input", "activity", "raw"]


def order(console, pace: str = "normal", failures: int = 0) -> str:
    given = ORDER | {"simulate": {"pace": pace, "payment_failures": failures}}
    return console.start_run("order-fulfilment", given, tracingOptions={"tags": ["eu-west"]})


def finished_order(page: Page, console, **more) -> str:
    run_id = order(console, "instant", **more)
    open_run(page, console, run_id)
    expect(pill(page)).to_have_text(re.compile("Success|Failed"), timeout=20_000)
    return run_id


def open_run(page: Page, console, run_id: str, query: str = "") -> None:
    page.goto(f"{console.url}/runs/{run_id}/{query}")


def pill(page: Page):
    return page.locator("#run-head .wf-pill")


def assert_no_sideways_scroll(page: Page) -> None:
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room, f"{page.url} is {wide} px wide on a screen of {room}"


def test_graph_timeline_and_result_change_in_place_and_the_stream_stays(page, console):
    console.sign_in(page)
    run_id = order(console, "slow")
    open_run(page, console, run_id)
    page.evaluate("window.stream = document.querySelector('[data-live-run]')")
    packing = page.locator("#run-graph .n.is-running", has_text="pack_lines")
    expect(packing).to_be_visible(timeout=20_000)
    expect(page.locator("#run-result")).to_contain_text("Pending. It appears here when send_confirmation ends.")
    expect(pill(page)).to_have_text("Success", timeout=30_000)
    expect(page.locator("#run-line")).to_contain_text("Finished in")
    expect(page.locator("#run-result")).to_contain_text("confirmed")
    expect(page).to_have_title(re.compile("^Success: order-fulfilment"))
    expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)
    assert page.evaluate("window.stream.isConnected")


def test_a_run_that_fails_under_the_readers_eyes_shows_why_at_the_top(page, console):
    console.sign_in(page)
    run_id = order(console, "normal", failures=5)
    open_run(page, console, run_id)
    expect(page.locator("#h-err")).to_have_text("The card terminal gave no answer to attempt 4.", timeout=20_000)
    expect(page.locator("#run-line")).to_contain_text("attempt 4 of 4")
    expect(page.locator("#run-line .wf-stack-trace")).to_contain_text("order_fulfilment.py")
    page.reload()  # opened anew, it has the order of a failed run
    expect(page.get_by_role("heading", name="Attempts of charge_card")).to_be_visible()
    assert "tok_visa_4242" not in page.content()


def test_cancel_stops_the_run_and_the_page_tells_by_whom(page, console):
    console.sign_in(page)
    run_id = console.start_run("text-stream", {"tokens": 100_000, "tokens_per_second": 50})
    open_run(page, console, run_id)
    page.get_by_role("button", name="Cancel run").first.click()
    expect(pill(page)).to_have_text("Canceled", timeout=20_000)
    expect(page.locator("#run-line")).to_contain_text("Canceled by admin")


def test_cancel_and_reading_work_without_scripts(browser, console):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    console.sign_in(page)
    run_id = console.start_run("text-stream", {"tokens": 100_000, "tokens_per_second": 50})
    open_run(page, console, run_id)
    page.get_by_role("button", name="Cancel run").first.click()
    for tab in TABS:
        page.get_by_label("Run", exact=True).get_by_role("link", name=re.compile(f"^{tab[:4]}", re.IGNORECASE)).click()
        assert f"tab={tab}" in page.url
    open_run(page, console, run_id)
    expect(page.locator("#run-line")).to_contain_text("ancel")
    context.close()


def test_the_clock_counts_between_two_news(page, console):
    console.sign_in(page)
    open_run(page, console, order(console, "slow"))
    clock = page.get_by_role("timer")
    expect(clock).to_have_text(re.compile(r"^[\d.]+ s$"))
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)


def test_what_the_reader_opened_stays_open_while_the_page_goes_on(page, console):
    console.sign_in(page)
    run_id = order(console, "slow")
    open_run(page, console, run_id, "?tab=steps&step=validate_order")
    lines = page.locator("#step details", has=page.locator("summary .k", has_text=re.compile("^order$"))).first
    expect(lines).to_be_visible(timeout=20_000)
    lines.evaluate("tree => { tree.open = !tree.open }")
    opened = lines.evaluate("tree => tree.open")
    expect(page.locator(".wf-steps tr", has_text="pack_lines").first).to_contain_text("Running", timeout=20_000)
    assert lines.evaluate("tree => tree.open") == opened


def test_a_large_value_is_opened_part_by_part(page, console):
    console.sign_in(page)
    text = " ".join(f"word{number}" for number in range(900))
    run_id = console.start_run("text-stream", {"text": text, "tokens": 900, "tokens_per_second": 0})
    open_run(page, console, run_id)
    expect(pill(page)).to_have_text("Success", timeout=20_000)
    open_run(page, console, run_id, "?tab=steps&step=split")
    tree = page.locator("section", has=page.get_by_role("heading", name="Output", exact=True)).locator(".wf-json").last
    tree.locator("summary", has_text="tokens").first.click()
    expect(tree).to_contain_text("word42")
    more = tree.get_by_role("link", name=re.compile("^Show 100 more of")).first
    more.click()
    expect(tree).to_contain_text("word150")
    assert "tab=steps" in page.url  # the page stayed where it was


def test_a_node_of_the_graph_leads_to_its_step_by_keyboard(page, console):
    console.sign_in(page)
    finished_order(page, console)
    node = page.locator("#run-graph a.n", has_text="score_fraud")
    node.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#h-step")).to_have_text("score_fraud")


@pytest.mark.parametrize("width", [375, 820, 1100, 1440])
def test_no_tab_scrolls_sideways(page, console, width):
    console.sign_in(page)
    run_id = finished_order(page, console, failures=5)
    page.set_viewport_size({"width": width, "height": 800})
    for query in [*(f"?tab={tab}" for tab in TABS), "?tab=steps&step=charge_card", "value/?of=input"]:
        open_run(page, console, run_id, query)
        assert_no_sideways_scroll(page)


def test_the_tabs_have_no_findings_of_accessibility(page, console, assert_accessible):
    console.sign_in(page)
    run_id = finished_order(page, console)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for query in [*(f"?tab={tab}" for tab in TABS), "?tab=steps&step=charge_card"]:
            open_run(page, console, run_id, query)
            assert_accessible(page)


def test_an_unknown_run_helps_and_has_no_findings(page, page_problems, console, assert_accessible):
    page_problems.expect("404")
    console.sign_in(page)
    page.goto(f"{console.url}/runs/nowhere/")
    expect(page.get_by_text("There is no run with the id nowhere.")).to_be_visible()
    assert_accessible(page)
