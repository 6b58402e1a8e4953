"""What has become of this process's spans: for the page on the system, and for Prometheus."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from .keeper import SpanKeeper
from .span_redaction import redacted_span

keeper = SpanKeeper()  # of this process; at rest until somebody hands it spans


class SpanFigures(NamedTuple):
    """Counts since the process began."""

    stored: int
    dropped: int  # not stored: the database took no writes for too long, or refused them
    waiting: int
    sent: int  # to the collector
    unsent: int  # the collector refused them, or did not answer


def span_figures() -> SpanFigures:
    return SpanFigures(keeper.stored, keeper.dropped, keeper.waiting, _Counting.sent, _Counting.unsent)


def exports_spans() -> bool:
    """Whether a collector is configured by OpenTelemetry's variables."""
    return os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "none" and bool(
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )


def counting(exporter: SpanExporter) -> SpanExporter:
    """The exporter, with its outcomes counted, and what is secret taken out of the spans."""
    return _Counting(exporter)


class _Counting(SpanExporter):
    sent = 0
    unsent = 0

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export([redacted_span(span) for span in spans])
        except Exception:
            _Counting.unsent += len(spans)
            raise
        if result is SpanExportResult.SUCCESS:
            _Counting.sent += len(spans)
        else:
            _Counting.unsent += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
