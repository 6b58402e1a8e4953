"""What a step raised, as data: the error of its result, and where it came from."""

import asyncio
import sys
import traceback
from dataclasses import dataclass

from .errors import EngineError, NonRetryableError, NotJson, StepRefused, TripWire
from .json_value import to_json

MAX_FRAMES = 30


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: the reference's error JSON, and what decides over the next attempt and the run's end."""

    error: dict[str, object]
    stack: list[dict[str, object]] | None = None
    tripwire: dict[str, object] | None = None
    non_retryable: bool = False
    stack_text: str | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether a guard says that another attempt is of no use."""
        return self.tripwire is not None and self.tripwire.get("retry") is False

    @property
    def message(self) -> str:
        """What the error says."""
        return str(self.error.get("message", ""))


def failure_of(error: BaseException) -> Failure:
    """The failure that an exception of a step means. Never raises."""
    tripwire: dict[str, object] | None = None
    if isinstance(error, TripWire):
        told = {"reason": error.reason, "retry": error.retry, "metadata": error.metadata}
        tripwire = {key: value for key, value in told.items() if value is not None}
        if error.processor_id is not None:
            tripwire["processorId"] = error.processor_id
    return Failure(
        error=error_json(error),
        stack=stack_frames(error),
        tripwire=tripwire,
        non_retryable=isinstance(error, NonRetryableError),
        stack_text="".join(traceback.format_exception(error)),
    )


def error_json(error: BaseException, depth: int = 0) -> dict[str, object]:
    """`{message, name, own fields, cause?}`, without a stack; an engine's error has its code, as in the reference."""
    ready = getattr(error, "error_json", None)
    if isinstance(ready, dict):
        return ready
    if isinstance(error, EngineError) and error.code is not None:
        data: dict[str, object] = {"message": str(error)}
        data |= {"domain": error.domain, "category": error.category} if error.domain else {}
        data |= {"code": error.code, "details": error.details}
        if isinstance(error, StepRefused) and error.cause is not None:
            data["cause"] = error.cause
        return data
    data = {"message": _message(error), "name": _name(error)}
    if isinstance(error, TripWire):
        options = {"retry": error.retry, "metadata": error.metadata}
        data["options"] = {key: value for key, value in options.items() if value is not None}
    elif not isinstance(error, EngineError):
        data |= _own_fields(error)
    if isinstance(error, NonRetryableError):
        data["isNonRetryable"] = True
    cause = error.__cause__
    if isinstance(ready_cause := getattr(error, "cause_json", None), dict):
        data["cause"] = ready_cause
    elif cause is not None and cause is not error and depth < 10:
        data["cause"] = error_json(cause, depth + 1)
    return data


def _message(error: BaseException) -> str:
    if isinstance(error, KeyError) and len(error.args) == 1:
        return f"Key {error.args[0]!r} is missing"  # Python's own text is the bare key
    try:
        text = str(error) or ("" if error.args else type(error).__name__)
        return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    except Exception:  # a broken __str__ must not hide the failure
        return type(error).__name__


def _name(error: BaseException) -> str:
    for holder in (vars(error), vars(type(error))):
        if isinstance(name := holder.get("name"), str):
            return name
    return "Error" if isinstance(error, EngineError) else type(error).__name__


def _own_fields(error: BaseException) -> dict[str, object]:
    """The attributes that somebody put on the exception, as far as they are JSON."""
    fields: dict[str, object] = {}
    for key, value in vars(error).items():
        if key.startswith("_") or key in ("name", "message", "cause_json"):
            continue
        try:
            fields[key] = to_json(value)
        except NotJson:
            continue
    return fields


def stack_frames(error: BaseException) -> list[dict[str, object]] | None:
    """The frames of the traceback, outermost first, without the engine's own; at most the last 30."""
    here = __file__.rpartition("/")[0]
    frames: list[dict[str, object]] = [
        {"file": frame.filename, "line": frame.lineno or 0, "function": frame.name, "code": frame.line or ""}
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(here)
    ]
    return frames[-MAX_FRAMES:] or None


def is_fatal(error: BaseException) -> bool:
    """Whether it must pass through: the process or the task is being ended."""
    return isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit | GeneratorExit) or (
        sys.is_finalizing()
    )
