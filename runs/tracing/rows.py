"""Spans as rows of the database, and back.

`data` is an object of JSON with what a span has of these:

| key | holds |
|---|---|
| `input`, `output`, `error`, `attributes`, `metadata`, `context` | what the engine told, cut and masked by it |
| `status`, `tags`, `traceId`, `externalParent`, `queuedAt`, `resumedFrom`, `resource` | likewise |
| `entity` | type, id and name, where they do not follow from the span's name and its run |
| `other` | attributes that somebody else has set |
| `events`, `links` | `[ns, name, attributes]`, `[trace id, span id, attributes]` |
| `message`, `scope`, `otelKind` | the status' text; of spans that are not the engine's |

`metadata` and `context` stand on the outermost span of an execution, and below it only where they differ.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan

from runs.engine.redaction.redactor import Redactor

from .run_span import RunSpan
from .span_redaction import NAMES_ALONE, redacted_attributes, redactor_of_span

MOST_BYTES = 32_768  # of one input, output and so on; the run's log has it whole
SHORT_TEXT, SHORT_LIST = 1_000, 10  # what is left of texts and lists of one that is longer
MOST_EVENTS = 128
REQUEST_RUN = "workflow.run.id"  # on the span of a request: the run that it set going
# As in runs/models/span.py, which cannot be imported here: there are spans before Django's models are ready.
KINDS = {
    "workflow_run": 1,
    "workflow_step": 2,
    "workflow_parallel": 3,
    "workflow_conditional": 4,
    "workflow_conditional_eval": 5,
    "workflow_loop": 6,
    "workflow_sleep": 7,
    "generic": 8,
}
REQUEST, RUN, STEP, GENERIC = 0, 1, 2, 8
ENDED, FAILED, OPEN = 0, 1, 2
JSON_TEXTS = {
    "workflow.input": "input",
    "workflow.output": "output",
    "workflow.attributes": "attributes",
    "workflow.error": "error",
    "workflow.metadata": "metadata",
    "workflow.request_context": "context",
}
PLAIN = {
    "workflow.status": "status",
    "workflow.tags": "tags",
    "workflow.trace_id": "traceId",
    "workflow.external_parent_span_id": "externalParent",
    "workflow.queued_at": "queuedAt",
    "workflow.resumed_from": "resumedFrom",
}
TOLD_BY_COLUMNS = frozenset(
    {
        "workflow.span.type",
        "workflow.entity.type",
        "workflow.entity.id",
        "workflow.entity.name",
        "workflow.run.id",
        "workflow.root",
    }
)


class Row(NamedTuple):
    """The columns of a span, in the order of INSERT."""

    trace_id: bytes
    span_id: int
    parent_id: int | None
    kind: int
    state: int
    is_root: bool
    name: str
    run_id: str
    workflow_id: str
    start_ns: int
    end_ns: int | None
    data: str


def row_of(span: RunSpan) -> Row:
    """The row of a run's span, ended or open."""
    attributes = span.attributes
    type = attributes.get("workflow.span.type", "generic")
    is_outermost = bool(attributes.get("workflow.root"))
    resumed_from = attributes.get("workflow.resumed_from")
    return Row(
        span.trace_number.to_bytes(16, "big"),
        signed(span.span_number),
        None if span.parent_id is None else signed(span.parent_id),
        KINDS.get(type, GENERIC),
        OPEN if span.end_time is None else FAILED if span.failed else ENDED,
        is_outermost and type == "workflow_run" and not resumed_from,
        _name((span.redactor or NAMES_ALONE).text(span.name)),
        _plain(attributes.get("workflow.run.id", "")) if is_outermost else "",
        _plain(attributes.get("workflow.entity.id", "")) if is_outermost else "",
        span.start_time,
        span.end_time,
        _text_of(span, type),
    )


def _text_of(span: RunSpan, type: str) -> str:
    try:
        return orjson.dumps(_told(span, type, orjson.Fragment), default=str).decode()
    except (TypeError, ValueError):
        return _text(_told(span, type, orjson.loads))


def _told(span: RunSpan, type: str, take: Callable[[str], Any]) -> dict[str, Any]:
    """`take`: what becomes of a text that is JSON already."""
    attributes = span.attributes
    root = span.root.attributes if span.root is not span else attributes
    told: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for key, value in attributes.items():
        short = JSON_TEXTS.get(key)
        if short is not None:
            if root is attributes or short not in AS_ROOT or value != root.get(key):
                told[short] = take(value if len(value) <= MOST_BYTES else _shortened(value))
        elif key not in TOLD_BY_COLUMNS:
            short = PLAIN.get(key)
            if short is not None:
                told[short] = value
            else:
                other[key] = value
    workflow_id = root.get("workflow.entity.id")
    if type == "workflow_step":
        id = attributes["workflow.entity.id"]
        if attributes["workflow.entity.name"] != workflow_id or span.name != f"workflow step: '{id}'":
            told["entity"] = _entity(attributes)
    elif type == "workflow_run" or attributes.get("workflow.entity.id") != workflow_id:
        told["entity"] = _entity(attributes)
    if other:
        told["other"] = _hidden(other, span.redactor)
    if span.events or span.links or span.status is not None:
        _tell_more(span, told)
    return told


AS_ROOT = ("metadata", "context")


def _entity(attributes: Mapping[str, Any]) -> list[str]:
    """What the span belongs to, where its name and its run do not tell as much: type, id, name."""
    return [str(attributes.get(f"workflow.entity.{part}", "")) for part in ("type", "id", "name")]


def _tell_more(span: RunSpan, told: dict[str, Any]) -> None:
    # What the engine's own "exception" says, `error` says better.
    events = [event for event in span.events if not (event[1] == "exception" and "error" in told)]
    if events:
        told["events"] = [[at, name, _hidden(more, span.redactor)] for at, name, more in events[:MOST_EVENTS]]
    if span.links:
        told["links"] = [_link(link, span.redactor) for link in span.links]
    if span.failed and "error" not in told and span.status is not None:
        told["message"] = (span.redactor or NAMES_ALONE).text(span.status.description or "")


def row_of_other(span: ReadableSpan) -> Row:
    """The row of a span that is not the engine's: a step's own, or the request that started a run."""
    context, attributes = span.get_span_context(), dict(span.attributes or {})
    is_request = span.kind is otel.SpanKind.SERVER and REQUEST_RUN in attributes
    run_id = _plain(attributes.pop(REQUEST_RUN)) if is_request else ""
    told: dict[str, Any] = {}
    redactor = redactor_of_span(span)
    if attributes:
        told["other"] = _hidden(attributes, redactor)
    if span.events:
        told["events"] = [
            [e.timestamp, e.name, _hidden(e.attributes or {}, redactor)] for e in span.events[:MOST_EVENTS]
        ]
    if span.links:
        told["links"] = [_link(link, redactor) for link in span.links]
    if span.kind is not otel.SpanKind.INTERNAL:
        told["otelKind"] = span.kind.value + 1  # as OTLP counts
    if span.instrumentation_scope is not None and span.instrumentation_scope.name:
        told["scope"] = span.instrumentation_scope.name
    failed = span.status.status_code is otel.StatusCode.ERROR
    if failed and span.status.description:
        told["message"] = redactor.text(span.status.description)
    return Row(
        context.trace_id.to_bytes(16, "big"),
        signed(context.span_id),
        None if span.parent is None else signed(span.parent.span_id),
        REQUEST if is_request else GENERIC,
        OPEN if span.end_time is None else FAILED if failed else ENDED,
        False,
        _name(redactor.text(span.name)),
        run_id,
        "",
        span.start_time or 0,
        span.end_time,
        _text(told),
    )


def _link(link: Any, redactor: Redactor | None) -> list[Any]:
    place = link.context
    return [f"{place.trace_id:032x}", f"{place.span_id:016x}", _hidden(link.attributes or {}, redactor)]


def _hidden(attributes: Mapping[str, Any], redactor: Redactor | None) -> dict[str, Any]:
    """Attributes without secrets, none of them longer than a row may hold."""
    shown: dict[str, Any] = {}
    for key, value in redacted_attributes(attributes, redactor or NAMES_ALONE).items():
        if isinstance(value, str) and len(value) > MOST_BYTES:
            value = value[:SHORT_TEXT] + "…[truncated]"
        shown[key] = value
    return shown


def _shortened(text: str) -> str:
    """The beginning of a large value: what it was, without most of it."""
    short = orjson.dumps(_short(orjson.loads(text), 0)).decode()
    return short if len(short) <= MOST_BYTES else orjson.dumps(f"[{len(text)} characters of JSON]").decode()


def _short(value: object, depth: int) -> object:
    if isinstance(value, str):
        return value if len(value) <= SHORT_TEXT else value[:SHORT_TEXT] + "…[truncated]"
    if isinstance(value, list):
        more = [f"[…{len(value) - SHORT_LIST} more items]"] if len(value) > SHORT_LIST else []
        return [_short(item, depth + 1) for item in value[:SHORT_LIST]] + more if depth < 4 else "[MaxDepth]"
    if isinstance(value, dict):
        return {key: _short(item, depth + 1) for key, item in value.items()} if depth < 4 else "[MaxDepth]"
    return value


def _text(told: dict[str, Any]) -> str:
    try:
        return orjson.dumps(told, default=str).decode()
    except (TypeError, ValueError):  # a number beyond 64 bits, half a surrogate pair
        return json.dumps(told, default=str).encode("utf-8", "replace").decode()


def _name(name: str) -> str:
    return _plain(name)[:200]


def _plain(value: object) -> str:
    """A text that every database takes."""
    text = str(value)
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def signed(number: int) -> int:
    """A span's number as it is stored: in 64 bits with a sign."""
    return number - (1 << 64) if number >> 63 else number
