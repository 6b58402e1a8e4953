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
