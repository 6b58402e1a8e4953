"""Chromium itself sends back what a form shows: random schemas and values, with the page's scripts and without."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from playwright.sync_api import Page

from runs.forms.schema.exact_json import exact
from runs.forms.value_editor import ValueEditor
from tests.web.random_schemas import schemas_with_values

STATIC = Path(__file__).resolve().parents[2] / "static"
ADDRESS = "http://forms.test"


class Sent:
    """A page with one form at an address of its own; keeps what the browser posts."""

    def __init__(self, context) -> None:
        self.page = context.new_page()
        self.body, self.kind, self.markup = b"", "", ""
        self.page.route(f"{ADDRESS}/**", self._answer)

    def _answer(self, route) -> None:
        request = route.request
        path = request.url.removeprefix(ADDRESS)
        if path.startswith("/static/"):
            route.fulfill(path=STATIC / path.removeprefix("/static/"))
        elif request.method == "POST":
            self.body, self.kind = request.post_data_buffer, request.headers["content-type"]
            route.fulfill(body="<p id=sent>Sent", content_type="text/html; charset=utf-8")
        else:
            route.fulfill(body=self.markup, content_type="text/html; charset=utf-8")

    def through(self, editor: ValueEditor, change: Callable[[Page], None] = lambda page: None) -> ValueEditor:
        """The editor as it is read from what the browser sends for its form."""
        fields = render_to_string("runs/schema_form/_value_editor.html", {"editor": editor, "name": "Input"})
        mode = f'<input type="hidden" name="input_mode" value="{editor.mode}">'
        self.markup = (
            '<!doctype html><meta charset="utf-8"><div data-answers>'
            f'<form id="one" method="post" enctype="multipart/form-data" novalidate>{mode}{fields}'
            '<input type="hidden" name="csrfmiddlewaretoken" value="x"><button id="send">Send</button></form></div>'
            '<script type="module" src="/static/js/answer_page.js"></script>'
        )
        self.page.goto(ADDRESS + "/form/")
        change(self.page)
        self.page.click("#send")
        self.page.wait_for_selector("#sent")
        request = RequestFactory().generic("POST", "/", self.body, content_type=self.kind)
        back = ValueEditor("input", editor.schema, "Input")
        back.read_post(request.POST, request.FILES)
        return back


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def sent(request, browser):
    context = browser.new_context(java_script_enabled=request.param)
    context.set_default_timeout(30_000)
    yield Sent(context)
    context.close()


def test_a_value_comes_back_unchanged_through_the_browser(sent):
    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(schemas_with_values())
    def check(case):
        schema, value = case
        editor = ValueEditor("input", schema, "Input")
        editor.fill(exact(value))
        assert sent.through(editor).tree() == exact(value)

    check()


def test_an_added_row_takes_nothing_from_the_texts_of_its_template(browser):
    """Rows of lists in lists; defaults and keys that hold the letters of a row's placeholder stay as they are."""
    words = {"type": "array", "items": {"type": "string"}, "default": ["__row0__", "__row1__"]}
    row = {"type": "object", "properties": {"__row0__": words, 'say "hi"': {"type": "string", "default": "__row0__"}}}
    editor = ValueEditor("input", {"type": "array", "items": row}, "Input")
    context = browser.new_context()
    sent = Sent(context)

    def add_rows(page) -> None:
        page.locator("[data-add-row]").last.click()
        page.locator("[data-add-row]").first.click()
        page.keyboard.type("added")

    back = sent.through(editor, add_rows)
    context.close()
    assert back.tree() == [{"__row0__": ["__row0__", "__row1__", "added"], 'say "hi"': "__row0__"}]
