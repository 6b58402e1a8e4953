"""Values on pages: exact, bounded, and without their secrets."""

import orjson
import pytest
from django.template.loader import render_to_string

from runs.drawing.json_tree import (
    LARGEST_TREE,
    MOST_TWIGS,
    MaskedPart,
    NoSuchPart,
    grow,
    part_of,
    show_value,
)
from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor

ALL = Redactor()


def href(pointer, first):
    return f"?at={pointer}&from={first}"


def texts(value, mask=ALL):
    return {twig.key: twig.text for twig in grow(value, mask, href)}


def all_twigs(twigs):
    for twig in twigs:
        yield twig
        yield from all_twigs(twig.children or [])


def test_numbers_are_shown_as_they_are_stored():
    value = orjson.loads(
        b'{"big": 9007199254740993, "most": 18446744073709551615, "low": -9223372036854775808,'
        b'"part": 0.1, "tiny": 5e-324, "whole": 2988.0}'
    )
    assert texts(value) == {
        "big": "9007199254740993",
        "most": "18446744073709551615",
        "low": "-9223372036854775808",
        "part": "0.1",
        "tiny": "5e-324",
        "whole": "2988.0",
    }


def test_null_is_a_value_and_no_value_is_none():
    assert texts({"a": None, "b": True, "c": {}, "d": []}) == {"a": "null", "b": "true", "c": "{}", "d": "[]"}
    assert show_value(UNSET, ALL, href).is_absent
    assert not show_value(None, ALL, href).is_absent


def test_a_scalar_alone_is_one_line():
    assert [twig.text for twig in grow("text", ALL, href)] == ['"text"']


def test_a_secret_is_in_no_part_of_what_is_shown():
    shown = show_value({"order": {"card_token": "tok_4242", "note": None, "password": None}}, ALL, href)
    assert "tok_4242" not in repr(shown)
    twigs = {twig.key: twig for twig in all_twigs(shown.twigs)}
    assert (twigs["card_token"].kind, twigs["card_token"].text) == ("masked", "masked: named card_token")
    assert twigs["password"].text == "null"  # that there is none is no secret


def test_a_long_text_is_cut_and_says_how_long_it_is():
    twig = grow({"text": "é" * 5_000}, ALL, href)[0]
    assert len(twig.text) == 4_096 + 2
    assert twig.note == "first 4 096 characters of 10.0 kB"
    assert twig.href == "?at=/text&from=0"


def test_a_page_never_gets_more_than_it_can_take():
    value = {f"k{n}": {f"i{m}": list(range(50)) for m in range(50)} for n in range(90)}
    assert len(list(all_twigs(grow(value, ALL, href)))) <= MOST_TWIGS


def test_what_is_left_out_can_be_asked_for():
    twigs = grow({"rows": list(range(250))}, ALL, href)[0].children
    assert len(twigs) == 101
    assert (twigs[-1].kind, twigs[-1].text, twigs[-1].href) == ("more", "Show 100 more of 250", "?at=/rows&from=100")
    last = grow(list(range(250)), ALL, href, pointer="/rows", first=200)
    assert [twig.key for twig in last] == [str(n) for n in range(200, 250)]


def test_a_deep_value_stops_and_goes_on_when_it_is_asked_for():
    value = inner = {}
    for _ in range(90):
        inner["in"] = inner = {}
    twigs = list(all_twigs(grow(value, ALL, href)))
    assert twigs[-1].children is None
    assert twigs[-1].href.startswith("?at=/in/in/in")


def test_a_large_value_shows_size_type_and_keys_alone():
    shown = show_value({"csv": "x" * LARGEST_TREE, "b": 1}, ALL, href)
    assert shown.is_large
    assert (shown.kind, shown.keys, shown.twigs, shown.copy) == ("object, 2 keys", ["csv", "b"], [], "")


def test_a_pointer_finds_keys_with_slashes_and_tildes_and_the_empty_key():
    value = {"a/b": {"~": {"": [1, 2]}}}
    assert part_of(value, "/a~1b/~0//1", ALL) == 2


@pytest.mark.parametrize("pointer", ["a", "/b", "/a/9", "/a/-1", "/a/x", "/a/0/0", "/a/" + "9" * 400])
def test_a_pointer_to_nothing_is_refused(pointer):
    with pytest.raises(NoSuchPart):
        part_of({"a": [1]}, pointer, ALL)


def test_a_pointer_cannot_reach_behind_a_mask():
    with pytest.raises(MaskedPart):
        part_of({"secret": {"inner": 1}}, "/secret/inner", ALL)


def test_characters_that_turn_the_text_are_written_out():
    assert grow({"name": "invoice\u202egpj.exe"}, ALL, href)[0].text == '"invoice\\u202egpj.exe"'


def test_a_hostile_value_stays_text():
    value = {"<img src=x onerror=alert(1)>": "</code><script>alert(1)</script>"}
    html = render_to_string("runs/shared/_json.html", {"value": show_value(value, ALL, href)})
    assert "<script>" not in html
    assert "<img" not in html
