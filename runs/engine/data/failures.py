"""What a step raised, as data: the error of its result, and where it came from. Bounded in size, and always JSON."""

import logging
import traceback
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import EngineError, NonRetryableError, NotJson, StepRefused, TripWire
from .json_value import encode, to_json
from .user_code import Escaped

ENGINE_FOLDER = f"{Path(__file__).parent.parent}/"  # whose frames are left out of stacks
MAX_FRAMES = 30
MAX_TRACED_FRAMES = 200  # of a traceback's last ones; a deep recursion has a thousand
MAX_CAUSES = 10
MAX_TEXT = 16_384  # characters of a message, of a stack as text
MAX_FIELDS_BYTES = 65_536  # of the attributes of an exception, as JSON
_PYTHON_WORDS = (("coroutine raised StopIteration",), ("generator raised StopIteration",))


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
    """The failure that an exception of a step means. Never raises, whatever the exception's own methods do."""
    error = _as_raised(error)
    try:
        return _described(error)
    except BaseException:
        name = _clean(type(error).__name__)
        return Failure({"message": name, "name": name}, non_retryable=isinstance(error, NonRetryableError))


def _as_raised(error: BaseException) -> BaseException:
    """The author's own exception: the one that was carried, or that Python itself put another one around."""
    if isinstance(error, Escaped):
        error = error.error
    cause = error.__cause__
    if cause is not None and type(error).__name__ == "PydanticSerializationError":
        return cause
    if type(error) is RuntimeError and isinstance(cause, StopIteration) and error.args in _PYTHON_WORDS:
        return cause
    return error


def _described(error: BaseException) -> Failure:
    tripwire: dict[str, object] | None = None
    if isinstance(error, TripWire):
        fields = {"reason": error.reason, "retry": error.retry, "metadata": error.metadata}
        tripwire = {key: _as_json(value) for key, value in fields.items() if value is not None}
        if error.processor_id is not None:
            tripwire["processorId"] = _as_json(error.processor_id)
    data = error_json(error)
    try:
        encode(data)
    except NotJson:
        data = {"message": _message(error), "name": _name(error)}
    return Failure(
        error=data,
        stack=stack_frames(error),
        tripwire=tripwire,
        non_retryable=isinstance(error, NonRetryableError),
        stack_text=_stack_text(error),
    )


def error_json(error: BaseException, depth: int = 0) -> dict[str, object]:
    """`{message, name, own fields, cause?}`, without a stack; an engine's error has its code, as in the reference."""
    ready = getattr(error, "error_json", None)
    if isinstance(ready, dict):
        return ready
    if isinstance(error, EngineError) and error.code is not None:
        data: dict[str, object] = {"message": _clean(str(error))}
        data |= {"domain": error.domain, "category": error.category} if error.domain else {}
        data |= {"code": error.code, "details": error.details}
        if isinstance(error, StepRefused) and error.cause is not None:
            data["cause"] = error.cause
        return data
    data = {"message": _message(error), "name": _name(error)}
    if isinstance(error, TripWire):
        options = {"retry": error.retry, "metadata": error.metadata}
        data["options"] = {key: _as_json(value) for key, value in options.items() if value is not None}
    elif not isinstance(error, EngineError):
        data |= _own_fields(error)
    if isinstance(error, NonRetryableError):
        data["isNonRetryable"] = True
    cause = error.__cause__
    if isinstance(ready_cause := getattr(error, "cause_json", None), dict):
        data["cause"] = ready_cause
    elif cause is not None and cause is not error and depth < MAX_CAUSES:
        data["cause"] = error_json(cause, depth + 1)
    return data


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, KeyError) and len(error.args) == 1:
            return _clean(f"Key {error.args[0]!r} is missing")  # Python's own text is the bare key
        return _clean(str(error) or ("" if error.args else type(error).__name__))
    except BaseException:  # a broken __str__ must not hide the failure
        return _clean(type(error).__name__)


def _clean(text: str) -> str:
    """A text that JSON can hold, not longer than MAX_TEXT; half a surrogate pair is no text."""
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… ({len(text) - MAX_TEXT} characters more)"
    return text.encode("utf-8", "replace").decode()


def _name(error: BaseException) -> str:
    for holder in (vars(error), vars(type(error))):
        if isinstance(name := holder.get("name"), str):
            return _clean(name)
    return "Error" if isinstance(error, EngineError) else _clean(type(error).__name__)


def _as_json(value: object) -> object:
    """The value as JSON data, or as a text where JSON cannot hold it."""
    try:
        return to_json(value)
    except Exception:
        return _clean(str(value))


def _own_fields(error: BaseException) -> dict[str, object]:
    """Return the attributes of the exception, as far as they are JSON and not too large."""
    fields: dict[str, object] = {}
    room = MAX_FIELDS_BYTES
    for key, value in vars(error).items():
        if key.startswith("_") or key in ("name", "message", "cause_json"):
            continue
        with suppress(BaseException):  # no JSON, or a value whose own code fails
            size = len(encode({key: value}))
            if size <= room:
                fields[key] = to_json(value)
                room -= size
    return fields


def stack_frames(error: BaseException) -> list[dict[str, object]] | None:
    """The frames of the traceback, outermost first, without the engine's own; at most the last 30."""
    frames: list[dict[str, object]] = [
        {
            "file": _clean(frame.filename),
            "line": frame.lineno or 0,
            "function": _clean(frame.name),
            "code": _clean(frame.line or ""),
        }
        for frame in traceback.extract_tb(error.__traceback__, limit=-MAX_TRACED_FRAMES)
        if not frame.filename.startswith(ENGINE_FOLDER)
    ]
    return frames[-MAX_FRAMES:] or None


def log_failure(logger: logging.Logger, message: str, *arguments: object, error: BaseException) -> None:
    """Log an error of author's code with its traceback. Never raises: logging itself trips over some exceptions."""
    logger.error(message + "\n%s", *arguments, (failure_of(error).stack_text or "").rstrip())


def _stack_text(error: BaseException) -> str:
    try:
        described = traceback.TracebackException.from_exception(error, limit=-MAX_TRACED_FRAMES, compact=True)
        return _clean("".join(islice(described.format(), MAX_TRACED_FRAMES * 4)))
    except BaseException:
        return _clean(type(error).__name__)
