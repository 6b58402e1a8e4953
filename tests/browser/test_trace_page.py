"""A trace in a real browser: readable by anybody, without scripts, and on any screen."""

import json

from playwright.sync_api import Page, expect

from .test_run_page import finished_order


def open_trace(page: Page, console, run_id: str, query: str = "") -> None:
    page.goto(f"{console.url}/runs/{run_id}/?tab=trace{query}")


def test_a_span_is_chosen_by_its_row_and_closed_again(page, console):
    console.sign_in(page)
    run_id = finished_order(page, console)
    open_trace(page, console, run_id)
    rows = page.locator(".wf-wf-row")
    expect(rows.filter(has_text="charge_card")).to_be_visible()
    expect(rows.locator(".is-running")).to_have_count(0)  # what came after the run's end, too
    expect(page.locator(".wf-tabs [aria-current]")).to_contain_text(str(rows.count()))
    rows.filter(has_text="charge_card").locator(".wf-bar").click(force=True)  # the link lies over the row
    expect(page.get_by_role("heading", name="workflow step: 'charge_card'")).to_be_visible()
    expect(page.locator(".wf-wf-row.is-chosen")).to_contain_text("charge_card")
    page.get_by_role("link", name="The step").click()
    expect(page).to_have_url(f"{console.url}/runs/{run_id}/?tab=steps&q=charge_card")
    page.go_back()
    page.get_by_role("link", name="Close this span").click()
    expect(page.locator("#span")).to_have_count(0)


def test_blocks_fold_and_the_page_is_accessible_in_every_state(page, console, assert_accessible):
    console.sign_in(page)
    run_id = finished_order(page, console, failures=4)
    open_trace(page, console, run_id)
    assert_accessible(page)
    expect(page.locator(".wf-wf-row .is-running")).to_have_count(0)
    count = page.locator(".wf-wf-row").count()
    page.get_by_role("link", name="Fold parallel").click()
    expect(page.locator(".wf-wf-row")).to_have_count(count - 3)
    page.get_by_role("link", name="Unfold parallel").click()
    expect(page.locator(".wf-wf-row")).to_have_count(count)
    page.locator(".wf-wf-link", has_text="charge_card").press("Enter")
    expect(page.locator("#span .wf-message")).to_contain_text("attempt")
    assert_accessible(page)
    for width in (375, 820):
        page.set_viewport_size({"width": width, "height": 812})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert_accessible(page)


def test_a_trace_reads_without_scripts(browser, console):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    console.sign_in(page)
    given = json.dumps({"tokens": 3, "tokens_per_second": 0})
    trace_id = "5bf92f3577b34da6a3ce929d0e0e4736"
    console.manage("start_run", "text-stream", "--input", given, "--trace-id", trace_id, "--follow")
    page.goto(f"{console.url}/traces/{trace_id}/")
    for _ in range(50):  # spans come a moment after the run's end
        if page.locator(".wf-wf-row", has_text="Success").count() > 1:
            break
        page.reload()
    page.get_by_role("link", name="text-stream", exact=True).last.click()
    expect(page.locator("#span")).to_contain_text("tokens_per_second")
    page.get_by_role("link", name="Fold text-stream").click()
    expect(page.locator(".wf-wf-row")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download trace JSON").click()
    assert download.value.suggested_filename == f"trace-{trace_id}.json"
    context.close()
