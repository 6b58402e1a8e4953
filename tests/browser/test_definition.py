"""A workflow made from data: pasted into the admin site, started, approved and finished."""

import json
import re

import pytest

DEFINITION = {
    "id": "refund",
    "description": "Asks somebody before money is given back",
    "inputSchema": {
        "type": "object",
        "properties": {
            "customer": {"type": "string", "minLength": 1, "title": "Customer"},
            "amount": {"type": "number", "minimum": 0, "title": "Amount"},
        },
        "required": ["customer", "amount"],
    },
    "outputSchema": {},
    "graph": [
        {
            "type": "mapping",
            "id": "question",
            "mapConfig": {"message": {"template": "Give ${initData.amount} EUR back to ${initData.customer}?"}},
        },
        {"type": "tool", "id": "ask", "toolId": "approval"},
        {
            "type": "conditional",
            "id": "decide",
            "steps": [{"type": "tool", "id": "note", "toolId": "log_line"}],
            "predicates": [{"op": "eq", "left": {"path": "stepResults.ask.approved"}, "right": {"literal": True}}],
        },
        {
            "type": "mapping",
            "id": "words",
            "mapConfig": {
                "template": {"value": "${customer} gets ${amount} EUR back"},
                "values": {"initData": True, "path": "."},
            },
        },
        {"type": "tool", "id": "letter", "toolId": "text_template"},
    ],
}
# A log line needs a message: a mapping before the branch makes it.
MESSAGE = {"type": "mapping", "id": "line", "mapConfig": {"message": {"template": "${initData.customer} is paid"}}}
DEFINITION["graph"].insert(2, MESSAGE)


@pytest.fixture
def signed_in(console, page):
    page.set_default_timeout(20_000)  # the machine may be busy
    console.sign_in(page)
    return page


def paste(page, text: str) -> None:
    """Into the editor that lies over the text area, as by Ctrl+V."""
    page.locator(".ace_editor").wait_for()
    page.locator(".ace_editor").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def open_editor(page, console) -> None:
    page.goto(console.url)
    page.locator(".wf-side").get_by_role("link", name="Administration").click()
    page.locator("#content").get_by_role("link", name="Workflows", exact=True).click()
    page.get_by_role("link", name=re.compile("Add workflow")).first.click()


def test_a_pasted_definition_is_drawn_saved_started_approved_and_finished(
    console, signed_in, page_problems, assert_accessible
):
    page = signed_in
    page_problems.expect("422")
    open_editor(page, console)
    broken = json.dumps(DEFINITION, indent=2).replace('"approval"', '"aproval"')
    paste(page, broken)
    page.get_by_role("button", name="Check and draw").click()
    page.get_by_text('declares toolId "aproval" which is not a registered tool').wait_for()
    assert page.locator(".wf-findings code").first.inner_text() == "graph.1.toolId"
    page.locator(".wf-findings a").first.click()
    page.keyboard.press("End")
    row = page.evaluate("document.querySelector('.wf-ace').env.editor.getCursorPosition().row")
    assert '"aproval"' in broken.splitlines()[row]
    paste(page, json.dumps(DEFINITION, indent=2))
    page.get_by_role("button", name="Check and draw").click()
    page.locator(".wf-preview svg.wf-graph").wait_for()
    assert page.locator(".wf-preview h2").inner_text() == "Can be saved"
    page.locator(".ace_editor").wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The workflow refund can be run.").wait_for()
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Customer").fill("Ada")
    page.get_by_label("Amount").fill("12.50")
    page.get_by_role("button", name=re.compile("^Start run")).click()
    page.locator(".wf-pill.is-suspended").wait_for()
    run_id = re.search(r"/runs/([^/]+)/", page.url)[1]
    page.locator(".wf-side").get_by_role("link", name=re.compile("Inbox")).click()
    page.locator(f'a.wf-item[href*="{run_id}"]').click()
    page.get_by_text("Give 12.5 EUR back to Ada?").first.wait_for()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Answered.").wait_for()
    page.goto(f"{console.url}/runs/{run_id}/")
    page.locator(".wf-pill.is-success").wait_for()
    page.get_by_text("Ada gets 12.5 EUR back").first.wait_for()


def test_a_chosen_file_that_is_not_utf_8_is_refused_at_once(console, signed_in, tmp_path):
    page = signed_in
    open_editor(page, console)
    file = tmp_path / "d.json"
    file.write_bytes('{"description": "Größe"}'.encode("latin-1"))
    page.locator("#id_file").evaluate(
        "input => input.addEventListener('invalid', () => { input.dataset.said = input.validationMessage })"
    )
    page.locator("#id_file").set_input_files(file)
    page.wait_for_function("() => document.getElementById('id_file').dataset.said")
    assert "d.json is not UTF-8 text" in page.locator("#id_file").get_attribute("data-said")
    assert "\ufffd" not in page.locator("#id_text").input_value()


def test_a_definition_is_written_without_javascript(console, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    console.sign_in(page)
    page.goto(f"{console.url}/admin/runs/workflowdefinition/add/")
    page.get_by_label("Definition as JSON").fill(json.dumps(DEFINITION | {"id": "refund-plain"}))
    page.get_by_role("button", name="Check and draw").click()
    page.locator(".wf-preview svg.wf-graph").wait_for()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The workflow refund-plain can be run.").wait_for()
    context.close()


@pytest.mark.parametrize("width", [375, 1440])
def test_the_pages_on_definitions_are_accessible_and_fit(console, signed_in, assert_accessible, width):
    page = signed_in
    page.set_viewport_size({"width": width, "height": 900})
    for address in ("/steps/", *(f"/admin/runs/workflowdefinition/{part}" for part in ("import/", "steps/", "add/"))):
        page.goto(f"{console.url}{address}")
        for summary in page.locator(".wf-tool > summary").all():
            summary.click()
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
