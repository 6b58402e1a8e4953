"""The server's own log: each line with the run, the step and the span that it was written in.

WFCONSOLE_LOG_FORMAT is the form: `console`, a line for people, or `json`, an object on each line, by structlog.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

# A filter of a logger sees the records of that logger alone.
_NO_TRACEBACKS = {
    name: {"filters": ["one_line"]} for name in ("django.request", "django.security", "django.security.DisallowedHost")
}
LINE = "{asctime} {levelname} {name}: {message}{where}"
FIELDS = ("run_id", "workflow", "step", "trace_id", "span_id")


def logging_config(form: str, run_log_level: str) -> dict[str, object]:
    """Django's LOGGING. What steps log is stored with their runs from `run_log_level` on, whichever logger they use, so
    the root lets it through; stderr shows less of what is not ours."""
    stored = logging.getLevelName(run_log_level.upper())
    ours = {"level": min(stored, logging.INFO)}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"one_line": {"()": OneLine}, "context": {"()": Context}, "ours": {"()": Ours}},
        "formatters": {"line": {"()": LogFormatter, "form": form}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["ours", "context"]},
        },
        "root": {"handlers": ["stderr"], "level": min(stored, logging.WARNING)},
        "loggers": {"runs": ours, "wfconsole": ours, "axes": {"level": "ERROR"}, **_NO_TRACEBACKS},
    }


class Ours(logging.Filter):
    """Lets all warnings through, and what the console and its workflows log from INFO on."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            return True
        return record.levelno >= logging.INFO and record.name.partition(".")[0] in ("runs", "wfconsole")


class OneLine(logging.Filter):
    """Leaves tracebacks out that tell nothing of the console: of a request that names a host that is not ours, or of a
    database that does not answer, there is one for each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", None)
        if record.name.startswith("django.security") or status in (400, 503, 507):
            record.exc_info = record.exc_text = None
        return True


class Context(logging.Filter):
    """Gives each record the ids of what it was written in, as far as there is such a thing."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in _current().items():
            setattr(record, name, value)
        return True


def _current() -> dict[str, str]:
    ids: dict[str, str] = {}
    # A process that imported no engine and no tracing has no step and no span; importing them for a log line would
    # cost more than the line.
    if "runs.engine.walk.current_step" in sys.modules:
        from runs.engine.walk.current_step import current_step

        step = current_step.get()
        if step is not None:
            ids |= {"run_id": step.run_id, "workflow": step.workflow_id, "step": step.path}
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry import trace

        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            ids |= {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
    return ids


class LogFormatter(logging.Formatter):
    """Writes records, structlog's own among them, in one of the two forms."""

    def __init__(self, form: str) -> None:
        super().__init__(LINE, style="{")
        self._is_json = form == "json"

    def format(self, record: logging.LogRecord) -> str:
        return self._json.format(record) if self._is_json else _hidden(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        ids = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if isinstance(record.msg, Mapping):
            values = {key: value for key, value in record.msg.items() if not key.startswith("_")}
            words = [str(values.pop("event", "")), *(f"{key}={value}" for key, value in values.items())]
            record.message = " ".join(words)
        labels = {"run_id": "run", "trace_id": "trace", "span_id": "span"}
        where = " ".join(f"{labels.get(name, name)} {value}" for name, value in ids.items())
        record.where = f" [{where}]" if where else ""
        return super().formatMessage(record)

    @cached_property
    def _json(self) -> logging.Formatter:
        import orjson
        import structlog  # not before the first line: it takes longer than all of Django's settings

        def written(event: Mapping[str, Any], **_: object) -> str:
            return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()

        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processors=[
                _with_context,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _hide,
                structlog.processors.EventRenamer("message"),
                structlog.processors.JSONRenderer(serializer=written),
            ],
        )


def _with_context(logger: object, method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Time, level, logger, and in which run: the same keys for every logger."""
    record = event["_record"]
    head: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "level": record.levelname.lower(),
        "logger": record.name,
    }
    return head | dict(event) | {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}


def _hide(logger: object, method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    return {
        key: _hidden(value) if isinstance(value, str) and key not in FIELDS else value for key, value in event.items()
    }


def _hidden(text: str) -> str:
    """The text without the secrets of the run, if it is written by a step, or about a run that is executed here."""
    if "runs.step_logs.run_logs" not in sys.modules:
        return text
    from runs.engine.walk.current_step import current_redactor, current_step
    from runs.step_logs.run_logs import redactor_of_step

    step = current_step.get()
    redactor = current_redactor.get() if step is None else redactor_of_step(step)
    return text if redactor is None else redactor.line(text)
