"""What a form shows is what it sends: a value drawn as a form and posted unchanged comes back as it was."""

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.template.loader import render_to_string
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor
from runs.forms.context_rows import ContextRows
from runs.forms.from_step import with_secrets
from runs.forms.schema.exact_json import Number, exact
from runs.forms.schema.json_schema import MAX_LEVELS, SHARED_PARTS, Shape, shape_of
from runs.forms.value_editor import FORM, JSON, ValueEditor
from tests.web.form_page import FormPage
from tests.web.random_schemas import ANY, KEYS, TEXTS, schemas_with_values


def page_of(editor: ValueEditor) -> str:
    return render_to_string("runs/schema_form/_value_editor.html", {"editor": editor, "name": "Input"})


def posted(page: FormPage, **more: str) -> WSGIRequest:
    """What Django makes of a page's form as a browser sends it."""
    body, kind = page.multipart(**more)
    return RequestFactory().generic("POST", "/", body, content_type=kind)


def sent_unchanged(editor: ValueEditor) -> ValueEditor:
    """The editor as it is read from what a browser without scripts posts for its page."""
    request = posted(FormPage(page_of(editor)), input_mode=editor.mode)
    back = ValueEditor("input", editor.schema, "Input")
    back.read_post(request.POST, request.FILES)
    return back


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas_with_values())
def test_a_value_comes_back_unchanged_from_its_form(case):
    schema, value = case
    tree = exact(value)
    editor = ValueEditor("input", schema, "Input")
    editor.fill(tree)
    first = sent_unchanged(editor)
    assert first.tree() == tree
    second = sent_unchanged(first)
    assert second.tree() == tree, "drawn again from what was posted, as after a refusal"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas_with_values())
def test_a_form_with_nothing_filled_in_sends_the_defaults_that_it_shows(case):
    schema, _ = case
    editor = ValueEditor("input", schema, "Input")
    assert sent_unchanged(editor).tree() == editor.tree()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas_with_values())
def test_a_value_comes_back_unchanged_from_form_to_json_and_back(case):
    schema, value = case
    tree = exact(value)
    editor = ValueEditor("input", schema, "Input")
    editor.fill(tree)
    for mode in (JSON, FORM, JSON):
        editor.switch(mode)
        assert not editor.problems
        editor = sent_unchanged(editor)
        assert editor.tree() == tree


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(KEYS, ANY, max_size=4))
def test_a_request_context_comes_back_unchanged_from_its_rows(value):
    tree = exact(value)
    schema = {"type": "object", "properties": {"tenant": {"type": "string", "default": "acme"}, 'say "hi"': {}}}
    for given_schema in (None, schema):
        rows = ContextRows(Redactor(), given_schema)
        rows.fill(tree)
        page = FormPage(render_to_string("runs/schema_form/_context_rows.html", {"form": {"context": rows}}))
        request = posted(page, context_mode=rows.mode)
        back = ContextRows(Redactor(), given_schema)
        back.read_post(request.POST, request.FILES)
        assert not back._survey()[1]
        assert back.tree() == (tree or UNSET) if back.mode == "rows" else back.tree() == tree


# --- Lists and states ---


def test_lists_in_lists_are_sent_as_they_are_shown_and_have_rows_of_their_own():
    schema = {
        "type": "object",
        "properties": {
            "matrix": {
                "type": "array",
                "items": {"type": "array", "items": {"type": "number"}},
                "default": [[1], [0, 1]],
            }
        },
    }
    editor = ValueEditor("input", schema, "Input")
    editor.form.add_row("input/matrix/0")
    editor.form.remove_row("input/matrix/1/0")
    back = sent_unchanged(editor)
    assert back.tree() == {"matrix": [[Number("1"), None], [Number("1")]]}
    markup = page_of(editor)
    for act in ("add:input/matrix", "add:input/matrix/0", "remove:input/matrix/1", "remove:input/matrix/1/1"):
        assert f'value="{act}"' in markup


def test_a_null_row_stays_null_and_can_be_made_an_object():
    schema = {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/Row"}, {"type": "null"}]}}
    schema["$defs"] = {"Row": {"type": "object", "properties": {"name": {"type": "string", "default": "foo"}}}}
    editor = ValueEditor("input", schema, "Input")
    editor.fill(exact([{"name": "q"}, None]))
    assert sent_unchanged(editor).tree() == [{"name": "q"}, None]
    page = FormPage(page_of(editor))
    request = posted(page, input_mode="form", **{"s:input/1": "value"})
    editor.read_post(request.POST, request.FILES)
    assert editor.tree() == [{"name": "q"}, {"name": "foo"}]


def test_a_changed_default_is_sent_and_an_unchanged_one_stays_unsent():
    schema = {"type": "object", "properties": {"channel": {"enum": ["web", "store"], "default": "web"}}}
    editor = ValueEditor("input", schema, "Input")
    editor.fill({})
    assert 'value="web" checked' in " ".join(page_of(editor).split())
    assert sent_unchanged(editor).tree() == {}
    request = posted(FormPage(page_of(editor)), input_mode="form", **{"v:input/channel": "store"})
    editor.read_post(request.POST, request.FILES)
    assert editor.tree() == {"channel": "store"}


# --- Size ---


def test_many_choices_are_sent_once_for_all_rows_that_have_them():
    choices = [f"C{number}" for number in range(1000)]
    row = {"type": "object", "properties": {"c": {"enum": choices}, "q": {"type": "integer"}}, "required": ["c"]}
    rows = [{"c": f"C{number}", "q": number} for number in range(100)]
    editor = ValueEditor("input", {"type": "array", "items": row, "default": rows}, "Input")
    markup = page_of(editor)
    assert markup.count('<option value="C777"') == 1
    assert len(markup) < 250_000
    assert sent_unchanged(editor).tree() == exact(rows)


def test_no_name_of_an_input_is_too_long_to_be_sent():
    schema: dict = {"type": "string"}
    for _ in range(MAX_LEVELS):
        schema = {"type": "object", "properties": {"ключ" * 50: schema}, "required": ["ключ" * 50]}
    editor = ValueEditor("input", schema, "Input")
    assert max(len(name.encode()) for name in FormPage(page_of(editor)).fields) < 900
    tree = sent_unchanged(editor).tree()
    assert sent_unchanged(editor).tree() == tree


@pytest.mark.parametrize("kinds", [11, 40])
def test_a_schema_whose_kinds_name_each_other_is_drawn_in_proportion_to_its_size(kinds):
    names = [f"k{number}" for number in range(kinds)]
    defs = {
        name: {"type": "object", "properties": {key: {"$ref": f"#/$defs/{key}"} for key in names}} for name in names
    }
    shape = shape_of({"$defs": defs, "$ref": "#/$defs/k0"})
    assert count_of(shape) <= 2 * kinds * (kinds + 3) + 2 * SHARED_PARTS


def test_definitions_that_each_name_the_next_twice_are_drawn_in_proportion_to_their_size():
    defs: dict = {f"d{n}": {"properties": {key: {"$ref": f"#/$defs/d{n + 1}"} for key in "ab"}} for n in range(30)}
    defs["d30"] = {"type": "string"}
    assert count_of(shape_of({"$defs": defs, "$ref": "#/$defs/d0"})) < 500


def count_of(shape: Shape) -> int:
    return 1 + sum(count_of(part) for part in [*shape.properties.values(), *([shape.items] if shape.items else [])])


# --- Secrets of a step's recorded input ---


def test_a_secret_goes_with_its_item_when_one_before_it_is_removed():
    recorded = [{"name": "a", "token": "A"}, {"name": "b", "token": "B"}, {"name": "c", "token": "C"}]
    mask = Redactor.of({})
    assert with_secrets([{"name": "b"}, {"name": "c"}], recorded, mask) == recorded[1:]
    changed = with_secrets([{"name": "a"}, {"name": "changed"}, {"name": "c"}], recorded, mask)
    assert changed == [recorded[0], {"name": "changed", "token": "B"}, recorded[2]]
    assert with_secrets([{"name": "changed"}, {"name": "c"}], recorded, mask) == [{"name": "changed"}, recorded[2]]


# --- What cannot be accepted ---

JUNK = TEXTS | st.sampled_from(
    [
        "abc",
        "1e999999999999999999999",
        "1e-99999999999999999999",
        "-",
        "18,90",
        "9" * 5000,
        "{",
        '{"a": 1,}',
        "[1] x",
        "∞",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas_with_values(), st.data())
def test_whatever_is_typed_comes_back_as_it_was_typed(case, data):
    schema, value = case
    editor = ValueEditor("input", schema, "Input")
    editor.fill(exact(value))
    page = FormPage(page_of(editor))
    typed = {}
    for name, several_lines in page.typed.items():
        text = data.draw(JUNK).replace("\x00", "").replace("\r", "")
        typed[name] = text if several_lines else text.replace("\n", " ")
    request = posted(page, input_mode=editor.mode, **typed)
    editor.read_post(request.POST, request.FILES)
    editor.value()
    editor.refuse(
        [(".".join(map(str, field.where)), "is wrong") for field in editor.form.every()] if editor.form else []
    )
    again = FormPage(page_of(editor)).fields
    for name, text in typed.items():
        assert again[name][0].replace("\r\n", "\n") == text, (name, "is still what was typed")
