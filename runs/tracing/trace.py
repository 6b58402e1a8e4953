"""A stored trace, read: its spans as a tree, each with what it shares with its run."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import orjson

from runs.engine.redaction.redactor import Redactor
from runs.models import Span, SpanKind, SpanState
from runs.models.span import span_number, span_text
from runs.store.redaction import redactor_of

CARD = ["trace_id", "span_id", "parent_id", "kind", "state", "is_root", "name", "run_id", "workflow_id"]
CARD += ["start_ns", "end_ns"]
STEP_NAME = re.compile(r"workflow step: '(.*)'", re.DOTALL)


class StoredSpan:
    """One span. `data` is read when it is asked for, unless the trace was read with it."""

    def __init__(self, row: Span, redactors: dict[str, Redactor]) -> None:
        self._row = row
        self._redactors = redactors  # of the runs of the trace, by id
        self.id = span_text(row.span_id)
        self.kind = SpanKind(row.kind)
        self.state = SpanState(row.state)
        self.name: str = row.name
        self.start_ns: int = row.start_ns
        self.end_ns: int | None = row.end_ns
        self.own_parent_id = None if row.parent_id is None else span_text(row.parent_id)
        self.parent: StoredSpan | None = None  # within the trace
        self.children: list[StoredSpan] = []
        self.outermost: StoredSpan | None = None  # of the same execution of the same run
        self.continued_by: StoredSpan | None = None  # the next execution of the same run
        self.never_ended = False  # its run has ended without it: `end_ns` is the run's

    @property
    def trace_id(self) -> str:
        """32 digits."""
        return bytes(self._row.trace_id).hex()

    @property
    def is_root(self) -> bool:
        return self._row.is_root

    @property
    def run_id(self) -> str:
        """Of the outermost run; "" for what belongs to none."""
        return self._row.run_id or (self.outermost._row.run_id if self.outermost is not None else "")

    @property
    def workflow_id(self) -> str:
        return self._row.workflow_id or (self.outermost._row.workflow_id if self.outermost is not None else "")

    @property
    def is_execution(self) -> bool:
        """Whether it is the span of a run that nobody encloses, from its start, or from an answer on."""
        return self.kind == SpanKind.RUN and bool(self._row.run_id)

    @property
    def failed(self) -> bool:
        return self.state == SpanState.FAILED

    @cached_property
    def data(self) -> dict[str, Any]:
        run_id = self.run_id
        if run_id not in self._redactors:
            self._redactors[run_id] = (redactor_of(run_id) if run_id else None) or Redactor()
        return orjson.loads(self._redactors[run_id].json(self._row.data.encode()))

    def shared(self, key: str) -> Any:
        """`metadata` or `context`: the span's own, or its run's."""
        value = self.data.get(key)
        return self.outermost.data.get(key) if value is None and self.outermost is not None else value

    @property
    def status(self) -> str:
        """How it ended, in the engine's words; "" where it has none."""
        return self.data.get("status", "")

    @property
    def entity(self) -> tuple[str, str, str]:
        """What it belongs to: type, id, name."""
        if "entity" in self.data:
            return tuple(self.data["entity"])
        if self.kind == SpanKind.STEP and (found := STEP_NAME.fullmatch(self.name)):
            return "workflow_step", found[1], self.workflow_id
        if self.kind == SpanKind.REQUEST or self.outermost is None or not self.workflow_id:
            return "", "", ""
        return "workflow_run", self.workflow_id, self.workflow_id

    # --- What the waterfall looks at ---

    @property
    def label(self) -> str:
        if self.kind in (SpanKind.STEP, SpanKind.RUN):
            return self.entity[1] or self.name
        return self.name

    @property
    def word(self) -> str:
        if self.kind == SpanKind.RUN:
            return "resumed run" if "resumedFrom" in self.data and self.queued_ns is not None else "run"
        return {SpanKind.STEP: "step", SpanKind.REQUEST: "request"}.get(self.kind, "")

    @property
    def look(self) -> str:
        """A status for its bar and its icon: grey, unless it runs, has failed or waits for a person."""
        match self.state:
            case SpanState.FAILED:
                return "tripwire" if self.status == "tripwire" else "failed"
            case SpanState.OPEN:
                return "running"
            case SpanState.INTERRUPTED:
                return "canceled"
        if self.status == "suspended":
            return "suspended" if self._is_last_execution else "success"
        return self.status if self.status in ("tripwire", "canceled", "paused", "bailed") else "success"

    @property
    def outcome(self) -> str:
        if self.state == SpanState.INTERRUPTED:
            return "never ended" if self.never_ended else "interrupted"
        return self.status or self.look

    @property
    def _is_last_execution(self) -> bool:
        above = self.outermost
        return above is None or above.continued_by is None

    @property
    def queued_ns(self) -> int | None:
        """When the run was asked for, or answered: what lies between that and the start, it waited."""
        at = self.data.get("queuedAt") if self.is_execution else None
        return None if at is None else at * 1_000_000

    @property
    def answered_ns(self) -> int | None:
        """Of a run's span that ended with a question: when the answer came."""
        return self.continued_by.queued_ns if self.continued_by is not None else None

    def subtree(self, depth: int | None = None) -> Iterator["StoredSpan"]:
        """The span and what is below it, to so many levels; None: to the end."""
        wait: list[tuple[StoredSpan, int]] = [(self, 0)]
        while wait:
            span, level = wait.pop()
            yield span
            if depth is None or level < depth:
                wait.extend((child, level + 1) for child in reversed(span.children))


class Trace:
    """All spans of one trace, in order of their start, and as trees. `roots`: the spans whose parent is not stored."""

    def __init__(self, trace_id: str, rows: list[Span], *, with_data: bool = True) -> None:
        self.id = trace_id.lower().rjust(32, "0")
        by_id: dict[str, StoredSpan] = {}
        redactors: dict[str, Redactor] = {}
        for row in rows:  # one that was stored twice, because an answer of the database got lost, is shown once
            span = StoredSpan(row, redactors)
            if span.id not in by_id or by_id[span.id].end_ns is None:
                by_id[span.id] = span
        self._by_id = by_id
        self.spans = sorted(by_id.values(), key=lambda span: span.start_ns)
        self.roots = self._grow()
        for span in self.executions:
            before = by_id.get(span.data.get("resumedFrom", "")) if with_data else None
            if before is not None:
                before.continued_by = span

    def _grow(self) -> list[StoredSpan]:
        roots = []
        for span in self.spans:
            above = self._by_id.get(span.own_parent_id or "")
            if above is None or above is span or _is_below(above, span):
                roots.append(span)
            else:
                span.parent = above
                above.children.append(span)
        for root in roots:
            for span in root.subtree():
                span.outermost = span if span.is_execution else span.parent.outermost if span.parent else None
                if span.end_ns is None and span.outermost is not None and span.outermost.end_ns is not None:
                    # Code that forgets to end a span must not let the trace go on for ever.
                    span.never_ended, span.end_ns = True, max(span.start_ns, span.outermost.end_ns)
                    span.state = SpanState.INTERRUPTED
        return roots

    def find(self, span_id: str) -> StoredSpan | None:
        try:
            return self._by_id.get(span_text(span_number(span_id)))
        except ValueError:
            return None

    @property
    def executions(self) -> list[StoredSpan]:
        return [span for span in self.spans if span.is_execution]

    @cached_property
    def run_ids(self) -> list[str]:
        """The runs of the trace, in the order in which they came."""
        return list(dict.fromkeys(span.run_id for span in self.spans if span.run_id))

    @property
    def workflow_ids(self) -> set[str]:
        return {span.workflow_id for span in self.executions}

    @property
    def began_ms(self) -> int:
        """Epoch milliseconds."""
        return self.spans[0].start_ns // 1_000_000

    @property
    def is_open(self) -> bool:
        return any(span.end_ns is None for span in self.spans)


def _is_below(above: StoredSpan, span: StoredSpan) -> bool:
    """Whether hanging the one below the other would close a circle: ids come from outside, too."""
    seen: StoredSpan | None = above
    while seen is not None:
        if seen is span:
            return True
        seen = seen.parent
    return False


def read_trace(trace_id: str, *, with_data: bool = True) -> Trace | None:
    """The trace of this id, padded or not; None when nothing is stored of it, and for a text that is no id."""
    try:
        rows = Span.objects.of_trace(trace_id)
    except ValueError:
        return None
    found = list(rows if with_data else rows.only(*CARD))
    return Trace(trace_id, found, with_data=with_data) if found else None
