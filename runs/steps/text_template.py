"""text_template: fills values into a text, with parts that repeat or are left out."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import UNSET, NonRetryableError, StepContext, step
from runs.engine.data.paths import get_path
from runs.engine.graph.conditions import truthy
from runs.engine.graph.mapping import js_text

MOST_CHARACTERS = 1_000_000
MOST_PARTS = 1_000_000  # looked at while a text is filled: sections in sections can repeat without writing anything
# ${path} · ${#path} … ${/path} for each item, or when it is there · ${^path} … ${/path} when it is not · $${ is ${
MARK = re.compile(r"\$\$\{|\$\{([#^/]?)([^{}]*)\}")


class Letter(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "template": "Dear ${name},\n${#lines}- ${qty} x ${sku}\n${/lines}${^lines}Nothing yet.\n${/lines}",
                    "values": {"name": "Ada", "lines": [{"qty": 2, "sku": "A1"}]},
                }
            ]
        },
    )

    template: str = Field(
        max_length=100_000,
        title="Template",
        description="${path} is a value; ${#path}…${/path} repeats for each item of a list; ${^path}…${/path} stands "
        "where there is none; $${ is written ${",
    )
    values: Any = Field(default_factory=dict, title="Values", description="What the paths lead into")


class Text(BaseModel):
    text: str


Part = str | tuple[str, str, list["Part"]]  # text, or (kind, path, parts within)


@step(input=Letter, output=Text)
def text_template(ctx: StepContext[Letter]) -> Text:
    """Fill values into a text. Parts of it can repeat for each item of a list, or be left out."""
    written = 0
    pieces = []
    for number, piece in enumerate(_render(_read(ctx.input.template), (ctx.input.values,))):
        if number >= MOST_PARTS:
            raise NonRetryableError(f"The text is put together from more than {MOST_PARTS} parts.")
        written += len(piece)
        if written > MOST_CHARACTERS:
            raise NonRetryableError(f"The text becomes longer than {MOST_CHARACTERS} characters.")
        pieces.append(piece)
    return Text(text="".join(pieces))


def _read(template: str) -> list[Part]:
    whole: list[Part] = []
    open_parts: list[tuple[str, int, list[Part]]] = [("", 0, whole)]
    end = counted = 0
    line = 1
    for mark in MARK.finditer(template):
        parts = open_parts[-1][2]
        parts.append(template[end : mark.start()])
        end = mark.end()
        if mark.group() == "$${":
            parts.append("${")
            continue
        kind, path = mark.group(1), mark.group(2).strip()
        line += template.count("\n", counted, mark.start())
        counted = mark.start()
        if not path:
            raise NonRetryableError(f"Line {line} of the template: {mark.group()} names no path.")
        if kind == "/":
            if open_parts[-1][0] != path:
                raise NonRetryableError(f"Line {line} of the template: ${{/{path}}} ends nothing that is open.")
            open_parts.pop()
        elif kind:
            inner: list[Part] = []
            parts.append((kind, path, inner))
            open_parts.append((path, line, inner))
        else:
            parts.append(("", path, []))
    if len(open_parts) > 1:
        path, line, _ = open_parts[-1]
        raise NonRetryableError(f"Line {line} of the template: {path} is opened, and ${{/{path}}} is missing.")
    whole.append(template[end:])
    return whole


def _render(parts: list[Part], around: tuple[object, ...]) -> Iterator[str]:
    """`around`: the values that paths lead into, the innermost last."""
    for part in parts:
        if isinstance(part, str):
            yield part
            continue
        kind, path, inner = part
        value = _find(path, around)
        if kind == "":
            yield js_text(value)
        elif kind == "^":
            if not truthy(value) or value == []:
                yield from _render(inner, around)
        elif isinstance(value, list):
            for item in value:
                yield ""  # counted: an empty section repeats, too
                yield from _render(inner, (*around, item))
        elif truthy(value):
            yield from _render(inner, (*around, value))


def _find(path: str, around: tuple[object, ...]) -> object:
    """The value of the innermost part that has the path; `.` is that part itself."""
    if path == ".":
        return around[-1]
    for values in reversed(around):
        found = get_path(values, path)
        if found is not UNSET:
            return found
    return UNSET
