"""The menus beside the filter's text: each adds its conditions to those that are there, or replaces its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from .run_filter import SPAN, STATUSES, RunFilter

SINCE = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    words: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FilterMenu:
    """A form in a menu. `rest` is the text of the filter that stays beside what the menu sends."""

    key: str  # status, workflow, tag, who, started
    title: str
    rest: str
    choices: Sequence[Choice] = ()
    value: str = ""  # of its text field
    until: str = ""  # of its second one


def filter_menus(run_filter: RunFilter, workflows: Sequence[str]) -> list[FilterMenu]:
    return [
        _choices(run_filter, "status", "Status", [(status, status.capitalize()) for status in STATUSES]),
        _choices(run_filter, "workflow", "Workflow", [(workflow, workflow) for workflow in workflows]),
        FilterMenu("tag", "Tag", run_filter.text),
        FilterMenu("who", "Who", run_filter.without_key("who").text, value=_first(run_filter, "who")),
        _times(run_filter),
    ]


def _choices(run_filter: RunFilter, key: str, title: str, choices: Sequence[tuple[str, str]]) -> FilterMenu:
    chosen = run_filter.values(key)
    rest = run_filter.without_key(key).text
    return FilterMenu(key, title, rest, [Choice(value, words, value in chosen) for value, words in choices])


def _times(run_filter: RunFilter) -> FilterMenu:
    after, before = _first(run_filter, "started>"), _first(run_filter, "started<")
    rest = run_filter.without_key("started>").without_key("started<").text
    choices = [Choice(value, words, after == f"-{value}") for value, words in SINCE.items()]
    return FilterMenu("started", "Started", rest, choices, "" if SPAN.match(after) else after, before)


def _first(run_filter: RunFilter, key: str) -> str:
    return next(iter(run_filter.values(key)), "")
