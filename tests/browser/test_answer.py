"""Questions answered and runs started again, in a real browser, with scripts and without."""

import re

import pytest

HELD = {
    "channel": "partner",
    "shipping": {"service": "same_day"},
    "order": {"number": "ORD-7", "total": 6000, "lines": [{"sku": "SKU-1", "qty": 100, "unit_price": 60}]},
    "card_token": "tok_test_4242",
    "simulate": {"pace": "instant"},
}
SMALL = {"card_token": "tok_test_4242", "simulate": {"pace": "instant"}}


@pytest.fixture
def started(console):
    """Starts an order, and gives its run id when it waits or has ended."""

    def start(order, status):
        run_id = console.start_run("order-fulfilment", order)
        with console.client() as client:
            for _ in range(400):
                if f'wf-pill is-{status}"' in client.get(f"/runs/{run_id}/").text:
                    return run_id
        raise AssertionError(f"{run_id} is not {status}")

    return start


@pytest.fixture
def signed_in(console, page):
    page.set_default_timeout(20_000)  # the machine may be busy
    console.sign_in(page)
    return page


def test_an_order_is_approved_in_the_inbox(console, signed_in, started, assert_accessible):
    page, run_id = signed_in, started(HELD, "suspended")
    page.goto(console.url)
    page.locator(".wf-side").get_by_role("link", name=re.compile("Inbox")).click()
    page.locator(f'a.wf-item[href*="{run_id}"]').click()
    assert_accessible(page)
    page.fill("textarea[name$='/reason']", "Confirmed by phone")
    later = started(HELD, "suspended")
    page.locator(f'a.wf-item[href*="{later}"]').wait_for()  # the list has news, and the form keeps what was typed
    assert page.input_value("textarea[name$='/reason']") == "Confirmed by phone"
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Answered.").wait_for()
    page.locator(f'.wf-waitline a[href="/runs/{run_id}/"]').click()
    page.locator(".wf-pill.is-success").wait_for()
    page.goto(f"{console.url}/runs/{run_id}/?tab=activity")
    page.get_by_text("answered").first.wait_for()


def test_a_question_is_answered_on_the_runs_page_and_what_is_typed_survives_news(
    console, signed_in, started, assert_accessible
):
    page, run_id = signed_in, started(HELD, "suspended")
    page.goto(f"{console.url}/runs/{run_id}/")
    assert_accessible(page)
    reason = page.locator("textarea[name$='/reason']")
    reason.fill("Half a sentence")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('run:status', {bubbles: true, detail: {}}))")
    page.wait_for_load_state("networkidle")
    assert reason.input_value() == "Half a sentence"
    page.get_by_role("button", name="Reject").click()
    page.locator(".wf-pill.is-success").wait_for()
    assert "rejected" in page.locator("#run-result").inner_text()


def test_without_scripts_a_wrong_answer_comes_back_and_a_right_one_is_taken(console, browser, started):
    run_id = started(HELD, "suspended")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800})
    context.set_default_timeout(20_000)
    page = context.new_page()
    console.sign_in(page)
    page.goto(f"{console.url}/inbox/?run={run_id}")
    page.get_by_role("button", name="JSON").click()
    page.fill("textarea[name$='_text']", '{"approved": "perhaps"}')
    page.get_by_role("button", name="Answer", exact=True).click()
    page.get_by_role("heading", name="Nothing was answered").wait_for()
    assert page.input_value("textarea[name$='_text']") == '{"approved": "perhaps"}'
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.get_by_role("button", name="Form", exact=True).click()
    page.goto(f"{console.url}/inbox/?run={run_id}")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Answered.").wait_for()
    context.close()


def test_a_run_starts_again_from_a_step_with_another_input(console, signed_in, started, assert_accessible):
    page, run_id = signed_in, started(SMALL, "success")
    page.goto(f"{console.url}/runs/{run_id}/?tab=steps&step=pack_lines")
    page.get_by_role("link", name="Run from here").click()
    assert_accessible(page)
    page.locator("input[name$='/line/qty']").first.fill("40")
    page.get_by_role("button", name="Run from here").click()
    page.wait_for_url(re.compile(r"/runs/[^/]+/$"))
    page.locator(".wf-pill.is-success").wait_for()
    assert "from pack_lines" in page.locator(".wf-facts").first.inner_text()
    page.locator("summary", has_text="Re-run").click()
    assert_accessible(page)
    before = page.url
    page.get_by_role("button", name="The same").click()
    page.wait_for_url(lambda url: url != before)
    page.locator(".wf-pill.is-success").wait_for()
    assert "Re-run of" in page.locator(".wf-facts").first.inner_text()
