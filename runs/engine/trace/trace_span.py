"""One span of the reference's tree, over the OpenTelemetry API.

OpenTelemetry's attributes hold scalars only, so what the reference stores as objects is JSON text in them:

| attribute | holds |
|---|---|
| `workflow.span.type` | workflow_run, workflow_step, workflow_parallel, workflow_conditional, … |
| `workflow.entity.type`, `.id`, `.name` | the run or step the span belongs to |
| `workflow.run.id`, `workflow.status` | the run; how it or the step ended |
| `workflow.root`, `workflow.tags` | true, and a list of texts, on the span of a run without an enclosing span |
| `workflow.trace_id`, `workflow.external_parent_span_id` | the caller's own texts, unpadded |
| `workflow.attributes` | JSON text; absent when it would hold the status only |
| `workflow.metadata`, `.input`, `.output`, `.request_context`, `.error` | JSON texts |
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opentelemetry import trace as otel
from opentelemetry.context import Context

from ..data.request_context import RequestContext
from ..data.undefined import UNSET
from ..redaction.redactor import Redactor
from .current_span import CurrentSpan
from .entry_info import EntryInfo
from .span_payload import payload_text
from .values import Value


@dataclass(slots=True)
class Trace:
    """What all spans of a run share."""

    tracer: otel.Tracer
    trace_id: str
    request_context: RequestContext
    keys: tuple[str, ...] = ()
    hide_input: bool = False
    hide_output: bool = False
    redactor: Redactor | None = None  # hides secrets; None: everything is shown
    open: dict[int, "TraceSpan"] = field(default_factory=dict)  # by id(), in order of start

    def shown(self, value: object) -> str | None:
        """An input or an output, plain or a Value, as spans show it; None: there is nothing to show."""
        if type(value) is Value:
            return None if value.value is UNSET else value.shown(self.redactor)
        return None if value is UNSET else payload_text(value, self.redactor)


def hex_id(number: int, width: int) -> str:
    """A trace or span id as text, with leading zeros."""
    return f"{number:0{width}x}"


Entity = tuple[str, str, str]  # type, id, name


class TraceSpan:
    """One span of the reference's tree. Its methods start the spans below it; `end` or `fail` ends it, once.

    Inputs and outputs are plain data or Values; UNSET, and a Value of it, are not shown.
    """

    __slots__ = (
        "_ended",
        "_place",
        "attributes",
        "entity",
        "metadata",
        "metadata_text",
        "otel",
        "trace",
        "workflow_id",
    )

    def __init__(
        self, span: otel.Span, trace: Trace, entity: Entity, workflow_id: str, metadata: dict[str, object]
    ) -> None:
        self.otel = span
        self.trace = trace
        self.entity = entity
        self.workflow_id = workflow_id
        self.metadata = metadata
        self.metadata_text: str | None = None  # as JSON; spans below with the same metadata share it
        self.attributes: dict[str, object] = {}
        self._place: Context | None = None
        self._ended = False

    @property
    def trace_id(self) -> str | None:
        """What the result shows: the caller's own text, or 32 digits; None when the trace is not recorded."""
        return self.trace.trace_id

    @property
    def span_id(self) -> str | None:
        """What the result shows: 16 digits; `no-op` when the trace is sampled out, None when tracing is off."""
        return hex_id(self.otel.get_span_context().span_id, 16)

    @property
    def is_recording(self) -> bool:
        """Whether anybody will see the span."""
        return self.otel.is_recording()

    def use(self) -> AbstractContextManager[None]:
        """Make it the current OpenTelemetry span: what the block does (HTTP calls, own spans) hangs below it."""
        return CurrentSpan(self.otel)

    def nested_run(
        self, workflow_id: str, run_id: str, input: object = UNSET, *, resumed_from: str | None = None
    ) -> "TraceSpan":
        """The run of a nested workflow, below the span of its step; `resumed_from`: its span before it suspended."""
        metadata = {**self.metadata, **self._extracted(), "runId": run_id}
        name = f"workflow run: '{workflow_id}'"
        if resumed_from is not None:
            name += " (resumed)"
            metadata |= {"resumed": True, "resumedFromSpanId": resumed_from}
        entity = ("workflow_run", workflow_id, workflow_id)
        return self._child(name, "workflow_run", input, entity=entity, workflow_id=workflow_id, metadata=metadata)

    def step(
        self,
        step_id: str,
        input: object = UNSET,
        *,
        description: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> "TraceSpan":
        """A step; description and metadata are those that the author wrote beside the entry."""
        is_plain = description is None and metadata is None
        info = {} if is_plain else EntryInfo(None, description, metadata).attributes()
        entity = ("workflow_step", step_id, self.workflow_id)
        own = {**self.metadata, **self._extracted()} if self.trace.keys else self.metadata
        return self._child(f"workflow step: '{step_id}'", "workflow_step", input, info, entity=entity, metadata=own)

    def parallel(
        self, step_ids: Sequence[str], input: object = UNSET, *, entry: EntryInfo | None = None
    ) -> "TraceSpan":
        """A block of steps that run at once."""
        attributes = {"branchCount": len(step_ids), "parallelSteps": list(step_ids)}
        return self._block("parallel", f"{len(step_ids)} branches", input, attributes, entry)

    def conditional(self, count: int, input: object = UNSET, *, entry: EntryInfo | None = None) -> "TraceSpan":
        """A branch; once known, `truthyIndexes` and `selectedSteps` are set as attributes."""
        return self._block("conditional", f"{count} conditions", input, {"conditionCount": count}, entry)

    def condition(self, index: int, input: object = UNSET) -> "TraceSpan":
        """The evaluation of one condition of a branch; ends with its output and the attribute `result`."""
        return self._child(f"condition '{index}'", "workflow_conditional_eval", input, {"conditionIndex": index})

    def loop(
        self, kind: str, input: object = UNSET, *, concurrency: int | None = None, entry: EntryInfo | None = None
    ) -> "TraceSpan":
        """A loop: kind is dowhile, dountil or foreach. The first two end with the attribute `totalIterations`."""
        attributes: dict[str, object] = {"loopType": kind}
        if concurrency is not None:
            attributes["concurrency"] = concurrency
        return self._block("loop", kind, input, attributes, entry)

    def loop_condition(self, kind: str, input: object = UNSET) -> "TraceSpan":
        """One evaluation of a loop's condition."""
        return self._child(f"condition: '{kind}'", "workflow_conditional_eval", input, {"conditionIndex": 0})

    def sleep(
        self, step_id: str, duration_ms: float | None, *, dynamic: bool, entry: EntryInfo | None = None
    ) -> "TraceSpan":
        """A sleep. The duration of a dynamic one is set as attribute `durationMs` once it is known."""
        attributes: dict[str, object] = {} if duration_ms is None else {"durationMs": duration_ms}
        text = f"{_plain_number(duration_ms)}ms" if duration_ms is not None and not dynamic else "dynamic"
        return self._sleeping(f"sleep: {text}", step_id, attributes, dynamic, entry)

    def sleep_until(
        self,
        step_id: str,
        until: datetime | None,
        duration_ms: float | None,
        *,
        dynamic: bool,
        entry: EntryInfo | None = None,
    ) -> "TraceSpan":
        """A sleep until a time."""
        attributes: dict[str, object] = {} if duration_ms is None else {"durationMs": duration_ms}
        text = "dynamic"
        if until is not None and not dynamic:
            text = until.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            attributes["untilDate"] = text
        return self._sleeping(f"sleepUntil: {text}", step_id, attributes, dynamic, entry)

    def generic(
        self,
        name: str,
        *,
        input: object = UNSET,
        metadata: Mapping[str, object] | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> "TraceSpan":
        """A span of a step's own."""
        own = {**self.metadata, **(metadata or {})}
        return self._child(name, "generic", input, dict(attributes or {}), metadata=own)

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Add attributes, for all who watch the span while it is open."""
        self.attributes.update(attributes)
        self.otel.set_attribute("workflow.attributes", payload_text(self.attributes, self.trace.redactor))

    def update(self, *, metadata: Mapping[str, object]) -> None:
        """Add metadata to this span; spans below it that exist already keep theirs."""
        self.metadata = {**self.metadata, **metadata}
        self.metadata_text = payload_text(self.metadata, self.trace.redactor)
        self.otel.set_attribute("workflow.metadata", self.metadata_text)

    def end(
        self, *, status: str | None = None, output: object = UNSET, attributes: Mapping[str, object] | None = None
    ) -> None:
        """End the span; a second end changes nothing."""
        if self._ended:
            return
        self._ended = True
        self.trace.open.pop(id(self), None)
        if attributes:
            self.attributes.update(attributes)
        otel_attributes: dict[str, str] = {}
        if status is not None:
            self.attributes["status"] = status
            otel_attributes["workflow.status"] = status
        if len(self.attributes) > (status is not None):
            otel_attributes["workflow.attributes"] = payload_text(self.attributes, self.trace.redactor)
        if not self.trace.hide_output and (shown := self.trace.shown(output)) is not None:
            otel_attributes["workflow.output"] = shown
        self.otel.set_attributes(otel_attributes)
        self.otel.end()

    def fail(
        self, info: Mapping[str, object], *, status: str | None = None, attributes: Mapping[str, object] | None = None
    ) -> None:
        """End the span with an error: `info` is one of the `…_error_info` of this module."""
        if self._ended:
            return
        hide = str if self.trace.redactor is None else self.trace.redactor.text
        message = hide(str(info.get("message", "")))
        self.otel.set_attribute("workflow.error", payload_text(dict(info), self.trace.redactor))
        self.otel.set_status(otel.Status(otel.StatusCode.ERROR, message))
        exception = {"exception.type": str(info.get("name", "Error")), "exception.message": message}
        exception |= {"exception.stacktrace": hide(str(info["stack"]))} if "stack" in info else {}
        self.otel.add_event("exception", exception)
        self.end(status=status, attributes=attributes)

    def cancel_open(self) -> None:
        """End every span of this run that is still open, the latest first, with status canceled."""
        for span in reversed(list(self.trace.open.values())):
            span.end(status="canceled")

    def _extracted(self) -> dict[str, object]:
        return self.trace.request_context.extract(self.trace.keys) if self.trace.keys else {}

    def _block(
        self, word: str, plain: str, input: object, attributes: dict[str, object], entry: EntryInfo | None
    ) -> "TraceSpan":
        quoted = entry.id if entry is not None and entry.id is not None else plain
        more = entry.attributes() if entry is not None else {}
        entity = ("workflow_run", self.workflow_id, self.workflow_id)
        return self._child(f"{word}: '{quoted}'", f"workflow_{word}", input, {**attributes, **more}, entity=entity)

    def _sleeping(
        self, name: str, step_id: str, attributes: dict[str, object], dynamic: bool, entry: EntryInfo | None
    ) -> "TraceSpan":
        more = {"sleepType": "dynamic" if dynamic else "fixed", "entryId": step_id}
        rest = entry._replace(id=None).attributes() if entry is not None else {}
        entity = ("workflow_run", self.workflow_id, self.workflow_id)
        return self._child(name, "workflow_sleep", UNSET, {**attributes, **more, **rest}, entity=entity)

    def _child(
        self,
        name: str,
        kind: str,
        input: object,
        attributes: dict[str, object] | None = None,
        *,
        entity: Entity | None = None,
        workflow_id: str | None = None,
        metadata: dict[str, object] | None = None,
    ) -> "TraceSpan":
        if self._place is None:
            self._place = otel.set_span_in_context(self.otel)
        return start_span(
            self.trace,
            self._place,
            name,
            kind,
            entity or self.entity,
            workflow_id or self.workflow_id,
            self.metadata if metadata is None else metadata,
            input,
            attributes,
            metadata_text=self.metadata_text if metadata is None or metadata is self.metadata else None,
        )


def _plain_number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def start_span(
    trace: Trace,
    place: Context,
    name: str,
    kind: str,
    entity: Entity,
    workflow_id: str,
    metadata: dict[str, object],
    input: object,
    attributes: dict[str, object] | None = None,
    *,
    extra: Mapping[str, object] | None = None,
    metadata_text: str | None = None,
) -> TraceSpan:
    otel_attributes: dict[str, object] = {
        "workflow.span.type": kind,
        "workflow.entity.type": entity[0],
        "workflow.entity.id": entity[1],
        "workflow.entity.name": entity[2],
        "workflow.metadata": metadata_text or payload_text(metadata, trace.redactor),
    }
    if "runId" in metadata:
        otel_attributes["workflow.run.id"] = str(metadata["runId"])
    if not trace.hide_input and (shown := trace.shown(input)) is not None:
        otel_attributes["workflow.input"] = shown
    if attributes:
        otel_attributes["workflow.attributes"] = payload_text(attributes, trace.redactor)
    if kind in ("workflow_run", "workflow_step") and trace.request_context:
        otel_attributes["workflow.request_context"] = payload_text(trace.request_context.to_dict(), trace.redactor)
    otel_attributes.update(extra or {})
    name = name if trace.redactor is None else trace.redactor.text(name)
    span = trace.tracer.start_span(name, context=place, attributes=otel_attributes)  # type: ignore[arg-type]
    if not span.is_recording():
        return NO_SPAN if not span.get_span_context().is_valid else SAMPLED_OUT
    if kind == "workflow_run" and hasattr(span, "redact_with"):
        span.redact_with(trace.redactor)
    started = TraceSpan(span, trace, entity, workflow_id, metadata)
    started.metadata_text = str(otel_attributes["workflow.metadata"])
    started.attributes = attributes or {}
    trace.open[id(started)] = started
    return started


class _NoSpan(TraceSpan):
    """The span when nothing is recorded: it does nothing, and so does everything below it."""

    __slots__ = ("_shown_id",)

    def __init__(self, shown_id: str | None) -> None:
        trace = Trace(otel.NoOpTracer(), "", RequestContext())
        super().__init__(otel.INVALID_SPAN, trace, ("", "", ""), "", {})
        self._shown_id = shown_id

    @property
    def trace_id(self) -> str | None:
        return None

    @property
    def span_id(self) -> str | None:
        return self._shown_id

    def use(self) -> AbstractContextManager[None]:
        return nullcontext()

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        pass

    def update(self, *, metadata: Mapping[str, object]) -> None:
        pass

    def end(
        self, *, status: str | None = None, output: object = UNSET, attributes: Mapping[str, object] | None = None
    ) -> None:
        pass

    def fail(
        self, info: Mapping[str, object], *, status: str | None = None, attributes: Mapping[str, object] | None = None
    ) -> None:
        pass

    def _child(
        self,
        name: str,
        kind: str,
        input: object,
        attributes: dict[str, object] | None = None,
        *,
        entity: Entity | None = None,
        workflow_id: str | None = None,
        metadata: dict[str, object] | None = None,
    ) -> TraceSpan:
        return self


NO_SPAN: TraceSpan = _NoSpan(None)
SAMPLED_OUT: TraceSpan = _NoSpan("no-op")  # the reference's text in the result
