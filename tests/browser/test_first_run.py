"""The main job, end to end: sign in, pick a workflow, start it, watch it, read its result, find it again."""

import random
import re
from pathlib import Path

from playwright.sync_api import Page, expect


def big_table(rows: int) -> str:
    made = random.Random(3)
    lines = [f"{number},{made.choice(['Paris', 'Porto', 'Bergen'])},{made.random():.4f}" for number in range(rows)]
    return "id,city,share\n" + "\n".join(lines) + "\n"


def start_csv_profile(page: Page, console, file: Path) -> str:
    """Choose a file in the form and start; the run's id."""
    page.goto(f"{console.url}/workflows/")
    page.get_by_role("link", name="csv-profile").first.click()
    page.locator('a[href="/workflows/csv-profile/start/"]').first.click()
    page.get_by_label("CSV from a file").set_input_files(file)
    page.get_by_role("button", name=re.compile("^Start run")).click()
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    return re.search(r"/runs/([^/]+)/", page.url)[1]


def test_a_person_signs_in_starts_a_run_watches_it_and_finds_it_again(page, console, tmp_path):
    table = tmp_path / "cities.csv"
    table.write_text(big_table(60_000))
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    console.sign_in_by_form(page)
    run_id = start_csv_profile(page, console, table)
    # The result, on the page that was opened while the run was under way.
    expect(page.locator("main")).to_contain_text("Success", timeout=30_000)
    page.goto(f"{console.url}/runs/{run_id}/")
    main = page.locator("main")
    expect(main).to_contain_text("Bergen")
    expect(main).to_contain_text("60000")
    assert any("progress" in frame for frame in frames), "No chunk came over the socket"
    # The history.
    page.goto(f"{console.url}/runs/?workflow=csv-profile")
    expect(page.locator(f'a[href*="{run_id}"]').first).to_be_visible()


def test_the_chunks_of_a_run_arrive_on_the_open_page_one_after_another(page, console):
    console.sign_in(page)
    given = {"text": "alpha beta gamma delta", "tokens": 120, "tokens_per_second": 40}
    run_id = console.start_run("text-stream", given)
    page.goto(f"{console.url}/runs/{run_id}/?tab=stream")
    stream = page.locator("[data-live-run]").first
    expect(stream).to_contain_text("alpha", timeout=10_000)
    before = page.locator("[data-live-run]").first.inner_text()
    expect(stream).not_to_have_text(before)
    expect(stream).to_contain_text("no gaps", timeout=15_000)


def test_a_run_can_be_started_canceled_and_read_without_javascript(browser, console):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    console.sign_in(page)
    page.goto(f"{console.url}/workflows/text-stream/start/")
    page.get_by_label("Tokens", exact=True).fill("100000")
    page.get_by_role("button", name=re.compile("^Start run")).click()
    page.wait_for_url(re.compile(r"/runs/[^/]+/"))
    run_url = page.url
    page.get_by_role("button", name=re.compile("^Cancel")).first.click()
    page.wait_for_load_state()
    for _ in range(50):
        page.goto(run_url)
        if "Canceled" in page.locator("main").inner_text():
            break
    assert "Canceled" in page.locator("main").inner_text()
    page.goto(f"{run_url.rstrip('/')}/?tab=stream")
    assert "console keeps" in page.locator("main").inner_text()
    context.close()


def test_every_page_of_the_main_job_is_accessible(page, console, assert_accessible):
    page.goto(f"{console.url}/sign-in/")
    assert_accessible(page)
    console.sign_in(page)
    done = console.start_run("csv-profile", {})
    paths = ["/", "/workflows/", "/workflows/order-fulfilment/", "/workflows/order-fulfilment/start/", "/runs/"]
    tabs = ["", "?tab=timeline", "?tab=stream", "?tab=steps", "?tab=state", "?tab=input", "?tab=events"]
    for path in [*paths, *(f"/runs/{done}/{tab}" for tab in tabs)]:
        page.goto(f"{console.url}{path}")
        assert_accessible(page)


def test_every_page_of_the_main_job_is_accessible_in_the_dark_and_on_a_phone(browser, console, assert_accessible):
    run_id = console.start_run("order-fulfilment", {"card_token": "tok_declined"})
    context = browser.new_context(viewport={"width": 375, "height": 812}, color_scheme="dark")
    page = context.new_page()
    console.sign_in(page)
    for path in ("/", "/workflows/order-fulfilment/start/", "/runs/", f"/runs/{run_id}/", f"/runs/{run_id}/?tab=steps"):
        page.goto(f"{console.url}{path}")
        assert_accessible(page)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} scrolls sideways by {wide} px"
    context.close()


def test_a_form_that_is_wrong_comes_back_with_what_was_typed(page, console, page_problems):
    page_problems.expect("status of 422")
    console.sign_in(page)
    page.goto(f"{console.url}/workflows/text-stream/start/")
    page.get_by_label("Tokens", exact=True).fill("many")
    page.get_by_role("button", name=re.compile("^Start run")).click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_visible()
    expect(page.get_by_label("Tokens", exact=True)).to_have_value("many")
