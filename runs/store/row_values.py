"""Values of a run's row as its columns take them, and the tags that belong to the row."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.conf import settings

from runs.engine.data.text import clipped
from runs.engine.graph.ids import is_tag
from runs.models import RunTag, WorkflowRun

from .connection import Unit, moment
from .event_rows import RUNS

TAGS = RunTag._meta.db_table
TAG_LENGTH = RunTag._meta.get_field("tag").max_length or 0
DETAIL_LENGTH = WorkflowRun._meta.get_field("detail").max_length or 0
TIMES = frozenset({"started_at", "ended_at", "wake_at", "deadline_at"})


def column_value(column: str, value: Any) -> object:
    """A changed value as its column takes it."""
    if column in TIMES:
        return moment(value)
    if column == "detail":
        # One line, as long as the column; PostgreSQL takes no NUL in a text.
        return clipped(" ".join(str(value).replace("\x00", "").split()), DETAIL_LENGTH)
    if column == "tags":
        return orjson.dumps(row_tags(value)).decode()
    return "" if value is None else str.__str__(value)


def row_tags(tags: Iterable[object]) -> list[str]:
    """The tags of a program's own run that a row can have; the others are in its first event alone."""
    return [tag for tag in tags if isinstance(tag, str) and is_tag(tag, TAG_LENGTH)][: settings.MAX_TAGS]


def store_tags(unit: Unit, run_id: str, tags: Iterable[str]) -> None:
    """Store the tags by which the run is found; its row has them already, each as often as it was given."""
    for tag in dict.fromkeys(tags):
        unit.execute(
            f"INSERT INTO {TAGS} (run_id, tag, created_at) SELECT id, %s, created_at FROM {RUNS} WHERE id = %s"  # noqa: S608
            " ON CONFLICT DO NOTHING",
            (tag, run_id),
        )
