"""Expressions that read definitions, cells, templates and paths: hostile text of their kind takes no time."""

import time
from collections.abc import Callable

import pytest

from runs.drawing.entries import PATH
from runs.engine.data.paths import get_path
from runs.engine.data.undefined import UNSET
from runs.engine.definition.definition_check import _HANDLEBARS
from runs.engine.errors import InvalidWorkflow
from runs.engine.graph.mapping import Template
from runs.forms.run_filter import TOKEN
from runs.forms.trace_ids import ids_in_address, read_traceparent
from runs.steps import text_template
from runs.workflows.csv_profile import DATE_TIME, DECIMAL
from tests.steps.conftest import run_of

LONG = 200_000
MOST_SECONDS = 1.0  # of the processor


def refused(function: Callable[[str], object]) -> Callable[[str], object]:
    def call(text: str) -> None:
        with pytest.raises(InvalidWorkflow):
            function(text)

    return call


CASES = {
    "placeholders that do not close": (Template, "${" * (LONG // 2)),
    "a placeholder of signs": (refused(Template), "${" * (LONG // 2) + "}"),
    "handlebars that do not close": (_HANDLEBARS.search, "{{" * (LONG // 2)),
    "handlebars that half close": (_HANDLEBARS.search, "{{a}" * (LONG // 4)),
    "a condition of hyphens": (lambda text: PATH.sub(r"\1", text), "a-" * (LONG // 2)),
    "a condition of points": (lambda text: PATH.sub(r"\1", text), "a." * (LONG // 2) + "-"),
    "a cell of digits": (DECIMAL.fullmatch, "1" * LONG + "x"),
    "a cell that begins as a time": (DATE_TIME.fullmatch, "2026-01-01T00:00:00." + "0" * LONG + "x"),
    "a search of quotation marks": (TOKEN.findall, '"\\' * (LONG // 2)),
    "a search of signs": (TOKEN.findall, "-" * LONG),
    "a trace id of letters": (ids_in_address, "http://" + "a" * LONG),
    "spaces before a trace id": (read_traceparent, " " * LONG + "x"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_text_is_read_at_once(name):
    function, text = CASES[name]
    before = time.process_time()
    function(text)
    assert time.process_time() - before < MOST_SECONDS


def test_an_index_of_many_digits_leads_nowhere():
    assert get_path({"a": [1]}, "a." + "9" * 10_000) is UNSET


async def test_a_template_that_repeats_without_writing_is_refused():
    template = "${#a}" * 6 + "${/a}" * 6
    before = time.process_time()
    result = await run_of(text_template).start(input_data={"template": template, "values": {"a": list(range(1, 99))}})
    assert result.error["message"] == "The text is put together from more than 1000000 parts."
    assert time.process_time() - before < 5


async def test_a_template_of_many_lines_is_read_at_once():
    before = time.process_time()
    result = await run_of(text_template).start(input_data={"template": "${a}\n" * 20_000, "values": {"a": "x"}})
    assert result.status == "success"
    assert time.process_time() - before < MOST_SECONDS
