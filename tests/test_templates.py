"""Templates can be read in an editor, and Django reads every tag of theirs."""

import re

import pytest

from tests.console_server import ROOT

LONGEST_LINE = 160  # characters
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def places(pattern: str) -> list[str]:
    """Where a line of a template matches, as file:line."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_no_line_of_a_template_is_long():
    assert not places(rf"^.{{{LONGEST_LINE + 1},}}")


@pytest.mark.parametrize("mark", ["{{", "{%", "{#"])
def test_no_template_shows_a_tag_that_was_broken_over_lines(mark):
    """Django does not read a tag that a line break divides: it would stand on the page as text."""
    closing = {"{{": "}}", "{%": "%}", "{#": "#}"}[mark]
    assert not places(rf"{re.escape(mark)}(?:(?!{re.escape(closing)}).)*$")


def test_what_a_refresh_leaves_alone_has_an_id():
    """Without one a refresh takes "Tell me" of a run under way for "Re-run" of the ended one, and leaves it there."""
    tags = [
        (path.name, tag)
        for path in TEMPLATES
        for tag in re.findall(r"<[a-z]+\s(?:[^<>]|<[^a-z/])*?\bhx-morph-skip", path.read_text())
    ]
    assert len(tags) >= 5
    assert [found for found in tags if 'id="' not in found[1].replace('-id="', "")] == []
