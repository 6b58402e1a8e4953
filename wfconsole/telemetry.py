"""OpenTelemetry's SDK: how spans get their ids, and where they go. The engine itself knows only the API.

Servers call `start()` once, before Django loads its middleware; commands that run no workflow pay nothing for it.
The standard OTEL_* variables are honoured: service name, sampler, endpoint, headers, batch sizes.
"""

import atexit
import contextlib
import logging
import os
import threading
import time
from typing import Any

# The SDK's own default of 2 048 spans loses most of a busy second while a slow collector takes one batch.
QUEUE_SPANS = 100_000
BATCH_SPANS = 1_024
DELAY_MS = 500
# What a collector that does not answer may cost when the console stops.
LAST_EXPORT_SECONDS = 2.0
# How often a collector that does not answer is mentioned in the log.
COMPLAIN_SECONDS = 60.0
# Requests that would drown the others: files, and machines that ask whether the console is there.
EXCLUDED_URLS = "static/,healthz,readyz,metrics"


def start() -> None:
    """Make this process's spans real, and send them to a collector when one is configured."""
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource

    from runs.tracing.figures import exports_spans, keeper
    from runs.tracing.tracer import ConsoleTracerProvider

    service = os.environ.get("OTEL_SERVICE_NAME") or "wfconsole"
    provider = ConsoleTracerProvider(keeper, resource=Resource.create({"service.name": service}))
    provider.add_span_processor(keeper)
    trace.set_tracer_provider(provider)
    if exports_spans():
        _export(provider)


def _export(provider: Any) -> None:
    """Spans go out in batches from a thread of their own; a full queue drops the oldest, and no run waits for it."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from runs.tracing.figures import counting

    for name in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal"):
        _complain_rarely(name)
    queue = BatchSpanProcessor(
        counting(OTLPSpanExporter()),
        max_queue_size=_number("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE_SPANS),
        max_export_batch_size=_number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH_SPANS),
        schedule_delay_millis=_number("OTEL_BSP_SCHEDULE_DELAY", DELAY_MS),
    )
    provider.add_span_processor(queue)
    provider.export_by(queue.on_end)
    # Without a collector the spans of requests would be dropped, and they cost half a millisecond each.
    DjangoInstrumentor().instrument(excluded_urls=os.environ.get("OTEL_PYTHON_DJANGO_EXCLUDED_URLS") or EXCLUDED_URLS)
    atexit.register(_end, provider)


def _end(provider: Any) -> None:
    """Send what is left, for a moment: a collector that does not answer must not hold the console back."""
    last = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    with contextlib.suppress(RuntimeError):  # a thread cannot be started at the very end of the interpreter
        last.start()
        last.join(LAST_EXPORT_SECONDS)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


# --- Logging --------------------------------------------------------------------------------------


class _Rarely(logging.Filter):
    """Lets one record through, then none for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + COMPLAIN_SECONDS
        return True


def _complain_rarely(logger_name: str) -> None:
    """A filter of a logger is not asked for the records of the loggers below it, so each of them gets one."""
    below = [known for known in logging.root.manager.loggerDict if known.startswith(f"{logger_name}.")]
    for name in [logger_name, *below]:
        logging.getLogger(name).addFilter(_Rarely())
