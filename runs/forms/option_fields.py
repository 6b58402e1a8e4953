"""The one-line texts among the options of the start form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class OptionField:
    """What the page draws of one text. `summary`: how the folded options name it when it is filled in."""

    name: str
    label: str
    placeholder: str
    type: str = ""
    summary: str = ""
    summary_if_empty: str = ""
    value: str = ""
    error: str = ""


FIELDS = (
    OptionField("run_id", "Run id", "made for you", summary="run id"),
    OptionField("resource_id", "Resource id", "none", summary="resource"),
    OptionField(
        "priority",
        "Priority",
        "0; higher goes first",
        "integer",
        summary="priority",
        summary_if_empty="normal priority",
    ),
    OptionField("start_at", "Start", "now; in 10 min; 2026-11-22 18:30", "time", summary="starts"),
    OptionField("time_limit", "Time limit", "the workflow's; 90 s; 10 min", "time", summary="time limit"),
    OptionField("root_span_name", "Root span name", "the workflow's"),
)


def option_fields(texts: Mapping[str, str], errors: Mapping[str, str]) -> list[OptionField]:
    """Return the fields in the order of the page, each with its text and its error."""
    return [replace(field, value=texts[field.name], error=errors.get(field.name, "")) for field in FIELDS]
