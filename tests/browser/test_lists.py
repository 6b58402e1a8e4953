"""Home, workflows and the history, as a person uses them: by keys, without scripts, on a phone."""

import re

import pytest
from playwright.sync_api import expect

PATHS = ["/", "/workflows/", "/workflows/text-stream/", "/workflows/text-stream/?tab=runs", "/runs/"]
PATHS += ["/workflows/order-fulfilment/?tab=schemas", "/workflows/text-stream/?tab=versions"]
PATHS += ["/runs/?q=status:nope", "/runs/?q=tag:nobody status:failed", "/system/"]


@pytest.fixture(scope="module")
def started(console) -> list[str]:
    """Three runs: two that have ended, one that goes on."""
    tagged = {"tracingOptions": {"tags": ["demo"]}}
    ended = [console.start_run("text-stream", {"tokens": 5}, **tagged) for _ in range(2)]
    return [*ended, console.start_run("text-stream", {"tokens": 100_000, "tokens_per_second": 5})]


def no_sideways(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("width", [1440, 1100, 820, 375])
def test_no_list_scrolls_sideways(page, console, started, width):
    console.sign_in(page)
    page.set_viewport_size({"width": width, "height": 812})
    for path in PATHS:
        page.goto(f"{console.url}{path}")
        assert no_sideways(page), path


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (375, "light")])
def test_lists_are_accessible(page, console, started, assert_accessible, width, scheme):
    console.sign_in(page)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in PATHS:
        page.goto(f"{console.url}{path}")
        assert_accessible(page)


def test_open_menus_are_accessible_and_close_by_escape(page, console, started, assert_accessible):
    console.sign_in(page)
    page.goto(f"{console.url}/runs/")
    for title in ("Status", "Workflow", "Tag", "Who", "Started"):
        menu = page.locator("details.wf-menu", has=page.locator("summary", has_text=title))
        menu.locator("summary").click()
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(menu).not_to_have_attribute("open", "")
    page.locator(".wf-side .wf-me summary").click()
    assert_accessible(page)


def test_the_console_is_walked_through_by_keys(page, console, started):
    console.sign_in(page)
    page.goto(f"{console.url}/")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url(re.compile(r"/runs/$"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".wf-runs tbody tr").first.get_by_role("link").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Filter", exact=True)).to_be_focused()
    page.keyboard.type("tag:demo")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=tag%3Ademo"))
    expect(page.locator(".wf-runs tbody tr")).to_have_count(2)
    page.locator("main").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/workflows/$"))


def test_keys_can_be_turned_off(page, console):
    console.sign_in(page)
    page.goto(f"{console.url}/")
    page.locator(".wf-side .wf-me summary").click()
    page.get_by_role("switch", name="Keys").click()
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    assert page.url == f"{console.url}/"


def test_a_new_run_is_announced_and_one_that_goes_on_changes_in_its_place(page, console, started):
    console.sign_in(page)
    page.goto(f"{console.url}/runs/")
    row = page.locator("tr", has=page.locator(f'a[href="/runs/{started[2]}/"]'))
    expect(row).to_contain_text("Running")
    place = row.get_attribute("id")
    console.manage("cancel_run", started[2])
    new = console.start_run("text-stream", {"tokens": 3})
    expect(row).to_contain_text("Canceled", timeout=20_000)
    assert row.get_attribute("id") == place
    expect(page.get_by_role("link", name="1 new")).to_be_visible(timeout=20_000)
    expect(page.locator(f'a[href="/runs/{new}/"]')).to_have_count(0)
    page.get_by_role("link", name="1 new").click()
    expect(page.locator(f'a[href="/runs/{new}/"]')).to_be_visible()


def test_filter_menus_and_theme_work_without_javascript(browser, console, started):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    console.sign_in(page)
    page.goto(f"{console.url}/runs/?q=workflow:text-stream")
    menu = page.locator("details.wf-menu", has=page.locator("summary", has_text="Tag"))
    menu.locator("summary").click()
    menu.get_by_label("Has the tag").fill("demo")
    menu.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile(r"q=workflow%3Atext-stream\+tag%3Ademo"))
    assert page.locator(".wf-runs tbody tr").count() == 2
    assert page.get_by_label("Filter", exact=True).input_value() == "workflow:text-stream tag:demo"
    page.get_by_role("link", name="Remove filter tag demo").click()
    page.wait_for_url(re.compile("q=workflow%3Atext-stream$"))
    page.locator(".wf-side .wf-me summary").click()
    page.get_by_role("button", name="Dark").first.click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    context.close()


def test_the_menu_of_a_phone_opens_without_javascript(browser, console):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 812})
    page = context.new_page()
    console.sign_in(page)
    page.goto(f"{console.url}/")
    page.locator(".wf-topbar > details > summary").click()
    page.locator(".wf-topbar nav").get_by_role("link", name="Workflows").click()
    page.wait_for_url(re.compile("/workflows/$"))
    context.close()


def test_the_admin_site_works_under_the_policy_of_the_console(page, console, started):
    """The fixture `page` fails on anything that the policy refuses."""
    console.sign_in(page)
    for path in ("", "runs/workflowdefinition/", "runs/workflowdefinition/text-stream/change/", "runs/workflowrun/"):
        page.goto(f"{console.url}/admin/{path}")
        expect(page.locator("#site-name")).to_contain_text("wfconsole")
    page.goto(f"{console.url}/admin/auth/user/add/")
    page.locator("#site-name a").first.click()
    page.wait_for_url(f"{console.url}/")
