"""What is typed into a form stays: beside a draft that comes late, and after the browser's Back."""

import re

import pytest

TEXT, ORDER, CSV = (f"/workflows/{name}/start/" for name in ("text-stream", "order-fulfilment", "csv-profile"))
RUN = re.compile(r"/runs/[^/]+/$")


@pytest.fixture
def start_page(console, page):
    page.set_default_timeout(20_000)  # the machine may be busy
    console.sign_in(page)
    return page


def keep_draft(console, page, path: str, field: str, text: str) -> None:
    """Leave a draft of the form behind, and the page."""
    page.goto(console.url + path)
    page.fill(field, text)
    page.wait_for_function("() => document.querySelector('[data-draft-note]').textContent.startsWith('Draft saved')")
    page.goto(console.url + "/workflows/")


class HeldDraft:
    """Holds the answer that draws a draft until it is released."""

    def __init__(self, page, path: str) -> None:
        self.held: list = []
        page.route(f"**{path}", self._hold)

    def _hold(self, route) -> None:
        is_draft = route.request.method == "POST" and b'"act"\r\n\r\ndraft' in (route.request.post_data_buffer or b"")
        self.held.append(route) if is_draft else route.continue_()

    def wait(self, page) -> None:
        for _ in range(400):
            if self.held:
                return
            page.wait_for_timeout(25)
        raise AssertionError("no draft was asked for")

    def release(self) -> None:
        for route in self.held:
            route.continue_()


def test_a_draft_that_comes_late_leaves_what_was_typed_and_can_be_put_in(console, start_page):
    page = start_page
    keep_draft(console, page, TEXT, "#input-tokens", "111")
    draft = HeldDraft(page, TEXT)
    page.goto(console.url + TEXT)
    draft.wait(page)
    page.fill("#input-tokens", "333")
    draft.release()
    page.wait_for_function("() => document.querySelector('[data-draft-note]').textContent.includes('There is a draft')")
    assert page.input_value("#input-tokens") == "333"
    page.click("text=Put it in")
    assert page.input_value("#input-tokens") == "111"


def test_a_file_chosen_before_the_draft_came_is_sent(console, start_page, tmp_path):
    page = start_page
    keep_draft(console, page, CSV, "#input-csv", "old;draft\n")
    draft = HeldDraft(page, CSV)
    page.goto(console.url + CSV)
    draft.wait(page)
    file = tmp_path / "cities.csv"
    file.write_text("city\nParis\n")
    page.set_input_files("input[type=file]", file)
    page.wait_for_function("() => document.querySelector('#input-csv').value.startsWith('city')")
    draft.release()
    page.wait_for_function("() => document.querySelector('[data-draft-note]').textContent.includes('There is a draft')")
    assert page.input_value("#input-csv") == "city\nParis\n"


def test_back_from_the_run_shows_what_was_typed(console, start_page):
    page = start_page
    page.goto(console.url + ORDER)
    page.fill("#input-order-number", "ORD-77")
    page.fill("#input-card_token", "tok_1")
    page.click("text=Add line")
    page.keyboard.type("TYPED")
    page.get_by_label("Unit price, line 4").fill("1")
    page.click("[data-start-button]")
    page.wait_for_url(RUN)
    page.go_back()
    page.wait_for_function("() => document.querySelector('#input-order-number').value === 'ORD-77'")
    assert page.get_by_label("SKU, line 4", exact=True).input_value() == "TYPED"
    assert "tok_1" not in page.evaluate("JSON.stringify(history.state)")


def test_back_after_a_refusal_and_a_start_shows_what_was_typed(console, start_page, page_problems):
    page_problems.expect("status of 422")
    page = start_page
    page.goto(console.url + TEXT)
    page.fill("#input-tokens", "0")
    page.click("[data-start-button]")
    page.wait_for_selector(".wf-errsum")
    page.fill("#input-tokens", "7")
    page.click("[data-start-button]")
    page.wait_for_url(RUN)
    page.go_back()
    page.wait_for_function("() => document.querySelector('#input-tokens')?.value === '7'")


def test_back_to_a_copy_shows_what_was_typed(console, start_page):
    page = start_page
    page.goto(console.url + TEXT)
    page.fill("#input-tokens", "3")
    page.click("[data-start-button]")
    page.wait_for_url(RUN)
    run = page.url.rstrip("/").rsplit("/", 1)[1]
    page.goto(f"{console.url}{TEXT}?from_run={run}")
    page.fill("#input-tokens", "4")
    page.click("[data-start-button]")
    page.wait_for_url(lambda url: RUN.search(url) and run not in url)
    page.go_back()
    page.wait_for_function("() => document.querySelector('#input-tokens').value === '4'")


def test_back_shows_what_was_typed_without_scripts(console, browser):
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(20_000)
    page = context.new_page()
    console.sign_in(page)
    page.goto(console.url + TEXT)
    page.fill("#input-tokens", "5")
    page.fill("#tags", "typed")
    page.click("text=Start run")
    page.wait_for_url(RUN)
    page.go_back()
    assert page.input_value("#input-tokens") == "5"
    assert page.input_value("#tags") == "typed"
    context.close()
