"""Form and JSON are two views of one value: what goes from one to the other and back is what it was."""

import json
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from runs.engine.data.json_value import same_json
from runs.engine.data.schemas import Schema
from runs.engine.log.snapshot import UNSET
from runs.forms.schema.composite_fields import JsonField, ListField
from runs.forms.schema.exact_json import Number, exact, read_exact, write_exact
from runs.forms.schema.field_spot import MAX_ROWS
from runs.forms.schema.fields import ChoiceField, ConstField, State, TextField
from runs.forms.schema.json_schema import Kind, label_of, one_of, shape_of
from runs.forms.schema.layout import COLUMNS, columns, placed
from runs.forms.schema.schema_form import SchemaForm
from runs.forms.value_editor import ValueEditor
from tests.web.form_page import FormPage


class Line(BaseModel):
    sku: str = Field(title="SKU", min_length=1)
    qty: int = Field(title="Quantity", ge=1, le=999)
    unit_price: Decimal = Field(ge=0)
    fragile: bool = False


class Delivery(BaseModel):
    currency: Literal["EUR", "USD", "SEK", "GBP"]
    total: Decimal
    lines: list[Line] = Field(min_length=1, max_length=200)
    discount_code: str | None = None
    after: Annotated[str, Field(json_schema_extra={"format": "date"})] | None = None


class Order(BaseModel):
    customer_id: int = Field(json_schema_extra={"format": "int64"})
    channel: Literal["web", "store", "partner"] = "web"
    order: Delivery
    card_token: SecretStr
    notify: bool = Field(True, description="Send the confirmation mail")
    ratio: float | None = None


HAND_WRITTEN = {
    "type": "object",
    "required": ["name", "either", "tags", "blocks"],
    "properties": {
        "name": {"type": "string"},
        "note": {"type": "string", "contentMediaType": "text/csv"},
        "count": {"type": ["integer", "null"]},
        "level": {"enum": [1, 2, "three", None]},
        "kind": {"const": {"v": 1}},
        "on": {"type": "boolean"},
        "either": {"oneOf": [{"type": "string"}, {"type": "array"}]},
        "free": {"type": "object"},
        "tree": {"$ref": "#/$defs/node"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "blocks": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "inner"],
                "properties": {
                    "id": {"type": "integer"},
                    "inner": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "number"}}},
                    },
                },
            },
        },
        "a/b~c.d": {"type": "string"},
    },
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "x": {"type": "string"}}}},
}

ORDER = {
    "customer_id": 9007199254740993,
    "channel": "store",
    "order": {
        "currency": "SEK",
        "total": "1180.00",
        "lines": [
            {"sku": "SKU-1", "qty": 4, "unit_price": "18.90", "fragile": True},
            {"sku": "SKU-2", "qty": 1, "unit_price": "0.10", "fragile": False},
        ],
        "discount_code": None,
    },
    "card_token": "tok_1",
    "notify": False,
    "ratio": 0.1,
}


def drawn(form: SchemaForm) -> FormPage:
    """The fields as the page draws them."""
    context = {"editor": ValueEditor("input", {}, "Input"), "name": "Input"}
    context["editor"].mode = "form"
    context["editor"].form = form
    return FormPage(render_to_string("runs/schema_form/_value_editor.html", context))


def there_and_back(schema: object, tree: object) -> object:
    """A value drawn as a page, sent by a browser, and read again."""
    shape = shape_of(schema)
    page = drawn(SchemaForm.of_tree(shape, tree, "input"))
    return SchemaForm.posted(shape, page.query, MultiValueDict(), "input").tree()


def field_at(form: SchemaForm, *where: str | int):
    return form.find(where)


# --- Numbers and texts ---


@pytest.mark.parametrize("text", ["9007199254740993", "-0", "2988.80", "1e400", "0.1234567890123456789"])
def test_a_number_keeps_its_digits_between_form_and_json(text):
    schema = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
    editor = ValueEditor("input", schema, "Input")
    editor.form = SchemaForm.of_tree(editor.shape, {"n": Number(text)}, "input")
    assert field_at(editor.form, "n").text == text
    assert editor.tree() == {"n": Number(text)}
    assert write_exact(editor.tree(), indent=None) == f'{{"n": {text}}}'


def test_a_number_that_is_none_stays_the_text_that_was_typed():
    shape = shape_of({"type": "object", "properties": {"qty": {"type": "integer"}}, "required": ["qty"]})
    form = SchemaForm.posted(shape, QueryDict("v:input/qty=18%2C90"), MultiValueDict(), "input")
    assert form.tree() == {"qty": "18,90"}


def test_a_decimal_goes_as_a_number_while_a_double_can_hold_it():
    shape = shape_of(Schema.of(Delivery).json_schema)
    assert shape.properties["total"].kind is Kind.DECIMAL
    short = SchemaForm.posted(shape, QueryDict("v:input/total=2988.80"), MultiValueDict(), "input")
    long = SchemaForm.posted(shape, QueryDict("v:input/total=0.12345678901234567891"), MultiValueDict(), "input")
    assert short.tree()["total"] == Number("2988.80")
    assert long.tree()["total"] == "0.12345678901234567891"


@pytest.mark.parametrize("text", ["a\nb", "\n\nx", "a\r\nb", "tab\there", "nul\x00", "<b>&amp;\"'", " padded "])
def test_a_text_comes_back_from_the_page_as_it_was(text):
    schema = {"type": "object", "required": ["t"], "properties": {"t": {"type": "string"}}}
    assert there_and_back(schema, {"t": text}) == {"t": text}


def test_an_empty_text_in_the_json_stays_one_and_an_untouched_field_sends_nothing():
    schema = {"type": "object", "required": ["t"], "properties": {"t": {"type": "string"}}}
    assert there_and_back(schema, {"t": ""}) == {"t": ""}
    assert there_and_back(schema, UNSET) == {}


def test_a_number_beyond_all_exponents_stays_the_text_that_was_typed():
    shape = shape_of({"anyOf": [{"type": "number"}, {"type": "string"}]})
    form = SchemaForm.posted(shape, QueryDict("v:input=1e-99999999999999999999"), MultiValueDict(), "input")
    assert form.tree() == "1e-99999999999999999999"


def test_a_list_that_needs_two_point_zero_items_has_two():
    form = SchemaForm.fresh(shape_of({"type": "array", "items": {"type": "string"}, "minItems": 2.0}), "input")
    assert len(form.root.rows) == 2


# --- States ---


def test_an_optional_field_has_three_states_and_each_is_kept():
    schema = Schema.of(Delivery).json_schema
    lines = [{"sku": "a", "qty": Number("1"), "unit_price": "1"}]
    base = {"currency": "EUR", "total": "1", "lines": [{**lines[0], "fragile": False}]}
    for state in ({}, {"discount_code": None}, {"discount_code": ""}, {"discount_code": "AUTUMN10"}):
        assert there_and_back(schema, {**base, **state}) == {**base, **state}


def test_an_optional_field_is_not_sent_at_first_and_a_default_is_prefilled():
    form = SchemaForm.fresh(shape_of(Schema.of(Order).json_schema), "input")
    assert field_at(form, "ratio").state is State.ABSENT
    assert field_at(form, "channel").code == "web"
    assert form.tree()["notify"] is True
    assert "ratio" not in form.tree()


def test_what_was_typed_before_not_sent_was_chosen_is_kept():
    shape = shape_of(Schema.of(Delivery).json_schema)
    data = QueryDict("s:input/discount_code=absent&v:input/discount_code=AUTUMN10")
    form = SchemaForm.posted(shape, data, MultiValueDict(), "input")
    assert "discount_code" not in form.tree()
    assert drawn(form).fields["v:input/discount_code"] == ["AUTUMN10"]


# --- Keys, lists, what cannot be drawn ---


def test_keys_that_the_schema_does_not_name_are_kept_and_flagged():
    tree = exact({**ORDER, "deep": {"x": 1.10}, "order": {**ORDER["order"], "extra": [1]}})
    form = SchemaForm.of_tree(shape_of(Schema.of(Order).json_schema), tree, "input")
    assert form.tree() == tree
    flagged = [field for field in form.every() if isinstance(field, JsonField)]
    assert [field.where for field in flagged] == [("order",), ()]
    assert all("Not in the schema" in field.note for field in flagged)


def test_a_whole_order_comes_back_from_the_page_as_it_was():
    tree = exact(ORDER)
    assert there_and_back(Schema.of(Order).json_schema, tree) == tree


def test_an_array_of_objects_is_a_table_unless_a_cell_needs_more_room():
    shape = shape_of(Schema.of(Delivery).json_schema)
    plain = SchemaForm.of_tree(shape, exact(ORDER["order"]), "input")
    assert field_at(plain, "lines").is_grid
    null_cell = {**ORDER["order"], "lines": [{**ORDER["order"]["lines"][0], "sku": None}]}
    assert not field_at(SchemaForm.of_tree(shape, exact(null_cell), "input"), "lines").is_grid
    spans = columns(field_at(plain, "lines").blank)
    assert [column.label for column in spans] == ["SKU", "Quantity", "Unit price", "Fragile"]
    assert sum(column.span for column in spans) == COLUMNS


def test_rows_keep_their_keys_when_one_before_them_goes():
    shape = shape_of(Schema.of(Delivery).json_schema)
    form = SchemaForm.of_tree(shape, exact(ORDER["order"]), "input")
    form.remove_row("input/lines/0")
    page = drawn(form)
    assert page.fields["n:input/lines"] == ["1"]
    form.add_row("input/lines")
    again = SchemaForm.posted(shape, drawn(form).query, MultiValueDict(), "input")
    assert [row["sku"] for row in again.tree()["lines"] if "sku" in row] == ["SKU-2"]
    assert len(again.tree()["lines"]) == 2


def test_a_list_beyond_the_limit_is_edited_as_json():
    schema = {"type": "object", "properties": {"n": {"type": "array", "items": {"type": "integer"}}}}
    tree = {"n": [Number(str(number)) for number in range(MAX_ROWS + 1)]}
    form = SchemaForm.of_tree(shape_of(schema), tree, "input")
    assert isinstance(field_at(form, "n"), JsonField)
    assert there_and_back(schema, tree) == tree


def test_every_kind_of_schema_has_a_control_or_is_json():
    form = SchemaForm.fresh(shape_of(HAND_WRITTEN), "input")
    kinds = {field.key: type(field) for field in form.fields}
    assert kinds["count"] is TextField
    assert kinds["level"] is ChoiceField
    assert kinds["kind"] is ConstField
    assert kinds["either"] is kinds["free"] is JsonField
    assert kinds["tags"] is kinds["blocks"] is ListField
    assert isinstance(field_at(form, "tree", "next"), JsonField), "a schema that refers to itself is not drawn for ever"


@pytest.mark.parametrize(
    "value",
    [
        {"name": 5, "either": [1], "tags": ["a", "", "b\nc"], "blocks": []},
        {"name": "x", "count": None, "level": 2, "kind": {"v": 1}, "on": False, "tags": []},
        {"name": "x", "count": "12", "level": "four", "kind": {"v": 2}, "tags": "none", "blocks": {"a": 1}},
        {"blocks": [{"id": 1, "inner": [{"k": "a"}, {"v": 1.5}]}, {"id": None, "inner": []}, 7], "a/b~c.d": "odd key"},
        {"tree": {"x": "1", "next": {"next": {"x": "2"}}}, "free": {"any": [None]}},
    ],
)
def test_values_that_do_not_fit_the_schema_are_kept_too(value):
    back = there_and_back(HAND_WRITTEN, exact(value))
    assert {key: back[key] for key in value} == exact(value)


def test_a_row_inside_a_row_has_inputs_of_its_own():
    form = SchemaForm.fresh(shape_of(HAND_WRITTEN), "input")
    form.add_row("input/blocks")
    form.add_row("input/blocks/0/inner")
    page = drawn(form)
    assert "v:input/blocks/0/inner/0/k" in page.fields
    markup = render_to_string("runs/schema_form/_list.html", {"field": field_at(form, "blocks"), "width": ""})
    assert "v:input/blocks/__row0__/inner/__row1__/k" in markup


def test_a_file_given_without_scripts_is_read_as_text(tmp_path):
    from django.core.files.uploadedfile import SimpleUploadedFile

    shape = shape_of(HAND_WRITTEN)
    good = MultiValueDict({"f:input/note": [SimpleUploadedFile("a.csv", b"\xef\xbb\xbfa;b\r\n1;2\r\n")]})
    data = QueryDict("s:input/note=value&v:input/note=typed")
    assert SchemaForm.posted(shape, data, good, "input").tree()["note"] == "a;b\n1;2\n"
    bad = MultiValueDict({"f:input/note": [SimpleUploadedFile("a.csv", b"caf\xe9")]})
    field = field_at(SchemaForm.posted(shape, data, bad, "input"), "note")
    assert field.text == "typed"
    assert "a.csv is not UTF-8 text" in field.fault()


def test_a_schema_without_properties_is_json_alone():
    for schema in (None, {}, True, {"type": "object"}, {"anyOf": [{"type": "string"}, {"type": "object"}]}):
        assert not ValueEditor("input", schema, "Input").drawable


def test_a_whole_value_that_is_no_object_has_one_field():
    editor = ValueEditor("input", {"type": "array", "items": {"type": "string"}}, "Input")
    assert [type(field) for field in editor.form.fields] == [ListField]
    assert there_and_back({"type": "array", "items": {"type": "string"}}, ["a", "b"]) == ["a", "b"]


# --- Secrets ---


def test_what_pages_mask_is_typed_into_masked_fields():
    shape = shape_of({"type": "object", "properties": {"api_key": {"type": "string"}, "key": {"type": "string"}}})
    assert shape.properties["api_key"].secret
    assert not shape.properties["key"].secret
    assert shape_of(Schema.of(Order).json_schema).properties["card_token"].secret


# --- Words and places ---


def test_labels_are_the_titles_or_are_made_from_the_keys():
    assert label_of("customer_id", "Customer Id") == "Customer id"
    assert label_of("sku", "SKU") == "SKU"
    assert label_of("unitPrice") == "Unit price"
    assert label_of("user.id", "User.Id") == "User.id"
    assert [one_of(word) for word in ("Lines", "Entries", "Addresses", "Boxes", "Data", "Status")] == [
        "Line",
        "Entry",
        "Address",
        "Box",
        "Item",
        "Item",
    ]


def test_three_short_fields_share_a_row():
    form = SchemaForm.fresh(shape_of(Schema.of(Delivery).json_schema), "input")
    assert [width.strip() for _, width in placed(form.fields)][:3] == ["", "", "wf-field-6"]
    three = {"type": "object", "required": list("abc"), "properties": {k: {"type": "integer"} for k in "abc"}}
    widths = [width.strip() for _, width in placed(SchemaForm.fresh(shape_of(three), "input").fields)]
    assert widths == ["wf-field-2"] * 3


# --- Anything at all ---

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8)
JSON_VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
KEYS = [*HAND_WRITTEN["properties"], "unknown"]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JSON_VALUES, max_size=5))
def test_no_value_is_lost_between_json_page_and_json(value):
    text = json.dumps(value, ensure_ascii=False)
    try:
        tree = read_exact(text)
    except Exception:
        return  # halves of surrogate pairs: refused before they reach a form
    back = json.loads(write_exact(there_and_back(HAND_WRITTEN, tree)))
    assert holds(back, value), (value, back)


def holds(found: object, wanted: object) -> bool:
    """Whether nothing of `wanted` is missing or changed. A form may add what its schema needs, such as []."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], item) for key, item in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(holds, found, wanted))
    return same_json(found, wanted)
