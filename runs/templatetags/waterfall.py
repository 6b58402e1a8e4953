"""The rows of a waterfall. Written here and not in a template: of 2 000 rows, a template takes ten times as long."""

from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe

from runs.drawing.timeline import Bar
from runs.drawing.waterfall import Waterfall, WaterfallRow

register = template.Library()


@register.simple_tag
def waterfall_rows(waterfall: Waterfall, keep: str, closed: str, chosen: str) -> SafeString:
    """A list item for each row. `keep`, `closed`: parts of the query that stay; `chosen`: the id of a span."""
    keep, closed = escape(keep), escape(closed)
    grid = _grid(waterfall)
    rows = [_row(row, keep, closed, grid, row.span.id == chosen) for row in waterfall.rows]
    return mark_safe("\n".join(rows))  # noqa: S308  every part that is data is escaped


def _grid(waterfall: Waterfall) -> tuple[str, str]:
    """What each row has behind its bars, and before them."""
    ticks = waterfall.ticks if waterfall.has_grid else ()
    behind = "".join(f'<line class="g" x1="{tick.x}%" x2="{tick.x}%" y1="-4" y2="32"/>' for tick in ticks)
    now = waterfall.now
    return behind, "" if now is None else f'<line class="now" x1="{now}%" x2="{now}%" y1="-4" y2="32"/>'


def _row(row: WaterfallRow, keep: str, closed: str, grid: tuple[str, str], is_chosen: bool) -> str:
    span = row.span
    label = escape(span.label)
    mark, current = (" is-chosen", ' aria-current="true"') if is_chosen else ("", "")
    word = f'<span class="wf-3 wf-wf-word">{span.word}</span>' if span.word else ""
    queued = f' title="{row.queued} in the queue before"' if row.queued else ""
    return (
        f'<li><div class="wf-tl-row wf-wf-row{mark}" id="s-{span.id}"><span class="wf-tl-name in-{row.indent}">'
        f'{_fold(row, keep, label)}<svg class="wf-si is-{row.look}" viewBox="0 0 16 16" aria-hidden="true">'
        f'<use href="#s-{row.look}"/></svg><a class="wf-wf-link wf-cut" href="?{keep}span={span.id}{closed}#span"'
        f' title="{escape(span.name)}"{current}>{label}</a>{word}<span class="wf-vh">, {escape(row.outcome)}</span>'
        f'</span><svg class="wf-bar" aria-hidden="true">{grid[0]}{"".join(map(_bar, row.bars))}{grid[1]}</svg>'
        f'<span class="wf-dur"{queued}>{row.spent}</span></div></li>'
    )


def _fold(row: WaterfallRow, keep: str, label: str) -> str:
    if not row.has_children:
        return '<span class="wf-wf-fold"></span>'
    verb, is_open, arrow = ("Unfold", "false", "right") if row.is_closed else ("Fold", "true", "down")
    return (
        f'<a class="wf-wf-fold" href="?{keep}closed={escape(row.toggle)}#s-{row.span.id}" aria-label="{verb} {label}"'
        f' aria-expanded="{is_open}"><svg class="wf-i wf-i-12" aria-hidden="true"><use href="#i-{arrow}"/></svg></a>'
    )


def _bar(bar: Bar) -> str:
    if bar.look == "wait":
        return f'<rect class="wait" x="{bar.x}%" y="12.5" width="{bar.width}%" height="3"/>'
    return f'<rect class="r is-{bar.look}" x="{bar.x}%" y="10" width="{bar.width}%" height="8" rx="2"/>'
