"""The page of the API: drawn under the console's own policy, and tried in one's own name."""

import re

from playwright.sync_api import expect


def test_a_route_is_tried_from_the_page(console, page):
    console.sign_in(page)
    page.goto(f"{console.url}/api/docs")
    route = page.locator(".opblock", has_text="All workflows, by id").first
    route.locator(".opblock-summary-control").first.click()
    route.get_by_role("button", name="Try it out").click()
    route.get_by_role("button", name="Execute").click()
    expect(route.locator(".live-responses-table tr.response td.response-col_status").first).to_contain_text("200")


def test_the_page_of_tokens_is_accessible_and_shows_a_token_once(console, page, assert_accessible):
    console.sign_in(page)
    page.goto(f"{console.url}/me/tokens/")
    page.get_by_label("What it is for").fill("nightly job")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_label("The token")).to_have_value(re.compile("^wfc_"))
    assert_accessible(page)
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="Revoke nightly job").click()
    expect(page.get_by_text("nightly job")).to_have_count(0)
