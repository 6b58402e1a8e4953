"""The start page in a real browser, with scripts and without."""

import json
import re

import pytest

ORDER, CSV, TEXT = (f"/workflows/{name}/start/" for name in ("order-fulfilment", "csv-profile", "text-stream"))
REFUSED = "status of 422"  # the browser's own note on an answer that a form was refused


@pytest.fixture
def start_page(console, page):
    """Opens the start page of a workflow, signed in."""

    def open_page(path: str = ORDER):
        page.set_default_timeout(20_000)  # the machine may be busy
        console.sign_in(page)
        page.goto(console.url + path)
        return page

    return open_page


@pytest.fixture
def without_scripts(console, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800})
    context.set_default_timeout(20_000)
    page = context.new_page()
    console.sign_in(page)
    yield page
    context.close()


def input_of(console, address: str) -> dict:
    """The input of the run whose page has this address."""
    with console.client() as client:
        events = client.get(f"/runs/{address.rstrip('/').rsplit('/', 1)[1]}/events?after=0&limit=1")
    return events.json()["events"][0]["data"]["input"]


def editor(page, number: int = 0):
    page.wait_for_function("n => document.querySelectorAll('.ace-wf')[n]?.env", arg=number)
    return page.locator(".ace-wf").nth(number)


def set_text(page, text: str) -> None:
    editor(page).evaluate("(box, text) => box.env.editor.setValue(text, -1)", text)


def test_control_and_enter_starts_and_shows_the_run(console, start_page):
    page = start_page(TEXT)
    page.fill("#input-tokens", "7")
    page.fill("#tags", "from-browser,")
    page.fill("#trace_id", "abc123")
    page.press("#trace_id", "Control+Enter")
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    assert input_of(console, page.url)["tokens"] == 7


def test_enter_in_a_field_starts_nothing(start_page):
    page = start_page(TEXT)
    page.fill("#input-tokens", "7")
    page.press("#input-tokens", "Enter")
    page.wait_for_timeout(150)
    assert page.url.endswith(TEXT)


def test_errors_link_into_the_fields_and_nothing_typed_is_lost(start_page, page_problems, assert_accessible):
    page_problems.expect(REFUSED)
    page = start_page()
    page.fill("#input-order-lines-1-qty", "0")
    page.fill("#input-card_token", "tok_live_1")
    page.fill("#tags", "priority")
    page.press("#tags", "Enter")
    page.click("[data-start-button]")
    page.wait_for_selector(".wf-errsum")
    assert page.evaluate("document.activeElement.matches('[data-problems]')"), "the summary is read out at once"
    page.click(".wf-errsum a")
    assert page.evaluate("document.activeElement.id") == "input-order-lines-1-qty"
    assert page.input_value("#input-card_token") == "tok_live_1"
    assert page.locator(".wf-chip").first.inner_text() == "priority"
    assert_accessible(page)


@pytest.mark.parametrize("path", [ORDER, CSV, TEXT])
def test_the_page_is_accessible_and_never_scrolls_sideways(start_page, assert_accessible, path):
    page = start_page(path)
    assert_accessible(page)
    for width in (1440, 1100, 820, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = "[...document.querySelectorAll('.wf-field')].filter(field => field.scrollWidth > field.clientWidth + 1)"
        assert page.evaluate(f"() => {wide}.map(field => field.textContent.trim().slice(0, 40))") == []


def test_the_json_tab_opens_an_editor_over_the_same_value(start_page, assert_accessible):
    page = start_page()
    page.fill("#input-order-total", "655.60")
    page.click("#input-as-json")
    editor(page)
    text = page.input_value("#input-text")
    assert '"total": 655.60' in text
    assert '"customer_id": 9007199254740993' in text
    assert_accessible(page)
    set_text(page, text.replace("9007199254740993", "9007199254740995"))
    page.click("#input-as-form")
    page.wait_for_selector("#input-customer_id")
    assert page.input_value("#input-customer_id") == "9007199254740995"
    assert page.input_value("#input-order-total") == "655.60"


def test_malformed_json_stays_with_the_cursor_at_its_fault(start_page, page_problems):
    page_problems.expect(REFUSED)
    page = start_page()
    page.click("#input-as-json")
    set_text(page, '{\n  "customer_id": 1,,\n}')
    page.click("#input-as-form")
    page.wait_for_selector(".wf-errsum")
    assert "line 2, column 20" in page.inner_text(".wf-errsum")
    box = editor(page)
    assert box.evaluate("box => box.env.editor.getCursorPosition()") == {"row": 1, "column": 19}
    assert page.input_value("#input-text") == '{\n  "customer_id": 1,,\n}'


def test_rows_are_added_and_removed_in_place(console, start_page):
    page = start_page()
    page.click("text=Add line")
    page.keyboard.type("SKU-9")
    assert page.locator("[data-row-count]").first.inner_text() == "4 of 1 to 200"
    row = page.get_by_role("group", name="Line 4", exact=True)
    row.get_by_label("Unit price, line 4").fill("2.50")
    page.get_by_role("button", name="Remove line 1", exact=True).click()
    assert page.get_by_role("group", name="Line 3", exact=True).get_by_label("SKU, line 3").input_value() == "SKU-9"
    page.fill("#input-card_token", "tok_1")
    page.click("[data-start-button]")
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    assert [line["sku"] for line in input_of(console, page.url)["order"]["lines"]] == [
        "SKU-0118-XL-BLUE",
        "SKU-7740",
        "SKU-9",
    ]


def test_an_optional_field_is_not_sent_null_or_a_value(console, start_page):
    page = start_page()
    states = page.get_by_role("radiogroup", name="Discount code: what is sent")
    assert not page.locator("#input-order-discount_code").is_visible()
    states.get_by_label("null").check()
    page.get_by_role("radiogroup", name="Gift message: what is sent").get_by_label("Value").check()
    page.fill("#input-shipping-gift_message", "")
    page.fill("#input-card_token", "tok_1")
    page.click("[data-start-button]")
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    sent = input_of(console, page.url)
    assert sent["order"]["discount_code"] is None
    assert "deliver_after" not in sent["order"]
    assert sent["shipping"]["gift_message"] == ""


def test_a_file_is_read_into_its_field(start_page, tmp_path):
    page = start_page(CSV)
    file = tmp_path / "cities.csv"
    file.write_text("city;n\nOrléans;1\n", encoding="utf-8")
    page.set_input_files("input[type=file]", file)
    page.wait_for_function("() => document.querySelector('#input-csv').value.startsWith('city;n')")
    assert page.input_value("#input-csv") == "city;n\nOrléans;1\n"
    assert "cities.csv" in page.inner_text("[data-file-note]")
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"caf\xe9")
    page.set_input_files("input[type=file]", broken)
    page.wait_for_function("() => document.querySelector('[data-file-note]').textContent.includes('not UTF-8')")
    assert page.input_value("#input-csv") == "city;n\nOrléans;1\n"


def test_a_large_file_stays_usable(start_page, tmp_path):
    page = start_page(CSV)
    page.set_default_timeout(60_000)
    file = tmp_path / "large.csv"
    file.write_text("a,b\n" + "1,2\n" * 500_000)  # 2 MB
    page.set_input_files("input[type=file]", file)
    page.wait_for_function("() => document.querySelector('#input-csv').value.length > 2000000")
    folded = page.locator(".wf-large summary")
    assert folded.inner_text().replace("\u00a0", " ") == "2.0 MB, 500 001 lines"
    assert not page.locator("#input-csv").is_visible(), "half a million lines would be laid out for seconds"
    page.click("#input-as-json")
    page.wait_for_selector("#input-text", state="attached")
    assert not page.locator(".ace-wf").count()
    page.click("#input-as-form")
    page.wait_for_selector("#input-csv", state="attached")
    assert folded.inner_text() == "2.0 MB, 500 001 lines"
    page.click("[data-check-button]")
    page.wait_for_selector("[role=status]")


def test_two_hundred_lines_stay_usable(start_page):
    page = start_page()
    lines = [{"sku": f"SKU-{number}", "qty": 1, "unit_price": 1.5} for number in range(199)]
    page.click("#input-as-json")
    set_text(page, json.dumps({"order": {"lines": lines}, "card_token": "tok_1"}))
    page.click("#input-as-form")
    page.wait_for_selector("#input-order-lines-198-sku")
    page.click("text=Add line")
    page.keyboard.type("LAST")
    assert page.get_by_label("SKU, line 200", exact=True).input_value() == "LAST"


def test_a_traceparent_that_is_pasted_fills_both_ids(start_page):
    page = start_page(TEXT)
    page.click("text=Paste traceparent")
    page.locator("#traceparent").fill("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert page.input_value("#trace_id") == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert page.input_value("#parent_span_id") == "00f067aa0ba902b7"
    assert not page.locator("#traceparent").is_visible()


def test_options_tell_themselves_in_a_line(start_page):
    page = start_page(TEXT)
    page.click("[data-options] summary")
    page.check("[name=include_state]")
    page.fill("#priority", "5")
    assert page.inner_text("[data-options-summary]") == "State in the result · priority 5"


def test_the_command_follows_the_form_and_masks_secrets(start_page):
    page = start_page()
    page.fill("#input-card_token", "tok_live_1")
    page.fill("#input-order-number", "ORD-77")
    page.wait_for_function("() => document.querySelector('#command-text').textContent.includes('ORD-77')")
    page.get_by_label("CLI").check()
    command = page.locator("[data-command=cli] pre")
    assert command.inner_text().startswith("./manage.py start_run order-fulfilment")
    assert "tok_live_1" not in page.inner_text("#command-text")
    assert "<card_token>" in page.locator("[data-command=cli] [data-copy]").get_attribute("data-copy")


def test_a_draft_comes_back_without_its_secrets_and_goes_when_it_was_sent(console, start_page):
    page = start_page()
    page.evaluate("localStorage.clear()")
    page.fill("#input-order-number", "ORD-55")
    page.fill("#input-card_token", "tok_live_1")
    page.click("text=Add line")
    page.keyboard.type("DRAFTED")
    page.wait_for_function("() => document.querySelector('[data-draft-note]').textContent.startsWith('Draft saved')")
    assert "tok_live_1" not in page.evaluate("JSON.stringify(localStorage)")
    page.goto(console.url + "/workflows/")
    page.goto(console.url + ORDER)
    page.wait_for_function("() => document.querySelector('[data-draft-note]').textContent.startsWith('Draft of')")
    assert page.input_value("#input-order-number") == "ORD-55"
    assert page.get_by_label("SKU, line 4", exact=True).input_value() == "DRAFTED"
    assert page.input_value("#input-card_token") == ""
    page.get_by_label("Unit price, line 4").fill("1")
    page.fill("#input-card_token", "tok_live_1")
    page.click("[data-start-button]")
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    with page.expect_response(lambda answer: answer.status == 204):
        page.goto(console.url + ORDER)
    page.wait_for_function("() => !Object.keys(localStorage).some(key => key.endsWith(':order-fulfilment'))")
    assert page.input_value("#input-order-number") != "ORD-55"


def test_a_check_says_that_it_is_well_and_keeps_the_form(start_page):
    page = start_page(TEXT)
    page.fill("#input-tokens", "9")
    page.click("[data-check-button]")
    page.wait_for_selector("[role=status]")
    page.wait_for_load_state("networkidle")
    assert "this run can be started" in page.inner_text("[role=status]"), "a draft does not take its place"
    assert page.input_value("#input-tokens") == "9"


def test_two_presses_of_start_make_one_run(console, start_page):
    page = start_page(TEXT)
    page.fill("#tags", "pressed-twice")
    page.evaluate("""() => {
        const button = document.querySelector("[data-start-button]")
        button.click()
        button.click()
    }""")
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    count = "from runs.models import RunTag; print(RunTag.objects.filter(tag='pressed-twice').count())"
    assert console.manage("shell", "--no-imports", "-c", count).stdout.strip() == "1"


def test_all_of_it_works_without_scripts(console, without_scripts, tmp_path):
    page = without_scripts
    page.goto(console.url + ORDER)
    page.click("text=Add line")
    page.locator("[name='v:input/order/lines/3/sku']").fill("SKU-NEW")
    page.click("#input-as-json")
    assert '"sku": "SKU-NEW"' in page.input_value("#input-text")
    page.click("#input-as-form")
    page.locator("[name='v:input/order/lines/3/unit_price']").fill("1")
    page.click("label:has([name='s:input/order/discount_code'][value=value])")
    page.fill("#input-order-discount_code", "AUTUMN10")
    page.fill("#tags", "one, two")
    page.click("[data-check-button]")
    assert "Card token is missing" in page.inner_text(".wf-errsum")
    assert page.locator(".wf-chip").all_inner_texts() == ["one", "two"]
    page.fill("#input-card_token", "tok_1")
    page.click("text=Start run")
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    sent = input_of(console, page.url)
    assert sent["order"]["discount_code"] == "AUTUMN10"
    assert sent["order"]["lines"][3]["sku"] == "SKU-NEW"
    page.goto(console.url + CSV)
    file = tmp_path / "cities.csv"
    file.write_text("city\nParis\n")
    page.set_input_files("input[type=file]", file)
    page.click("text=Start run")
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    assert input_of(console, page.url)["csv"] == "city\nParis\n"
