"""Why a run or a step failed: the message first, then where, then the frames of the user's own code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import orjson

from runs.engine.log.results import StepStatus
from runs.engine.log.snapshot import RunSnapshot, StepRecord
from runs.engine.redaction.redactor import Redactor

from .figures import count, duration

SHOWN_PARTS = 3  # of a file's path; the whole one is in its title
MOST_CAUSES = 5
MOST_NAMES = 3  # of packages, in the line that replaces folded frames


@dataclass(slots=True)
class Frame:
    file: str
    shown: str  # "shop/payments.py:88"
    function: str
    code: str
    package: str = ""  # of library code: its package; "" for the user's own

    @property
    def is_own(self) -> bool:
        return not self.package


@dataclass(slots=True)
class Failure:
    name: str
    message: str
    path: str = ""  # of the step; "" when no step failed
    attempt: str = ""  # "attempt 3 of 3"
    at: str = ""  # "+7.68 s"
    causes: list[str] = field(default_factory=list)
    own: list[Frame] = field(default_factory=list)  # innermost first
    others: list[Frame] = field(default_factory=list)
    copy: str = ""
    earlier: int = 0  # failed attempts before this one

    @property
    def folded(self) -> str:
        """`9 frames of httpx and asyncio`."""
        names = list(dict.fromkeys(frame.package for frame in self.others))
        shown = names[:MOST_NAMES]
        text = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
        more = " and more" if len(names) > MOST_NAMES else ""
        return f"{count(len(self.others), 'frame')} of {text}{more}"


def failure_of_run(snapshot: RunSnapshot, redactor: Redactor, retries: Mapping[str, int]) -> Failure | None:
    """Why the run failed; None when it did not."""
    if snapshot.error is None and snapshot.tripwire is None:
        return None
    record = failed_step(snapshot)
    if record is not None:
        return failure_of_step(record, snapshot, redactor, retries)
    error = snapshot.error or {"name": "TripWire", "message": (snapshot.tripwire or {}).get("reason")}
    return _failure(error, None, redactor)


def failed_step(snapshot: RunSnapshot) -> StepRecord | None:
    """The step that made the run fail: of a nested workflow or a foreach, the inner one."""
    failed = [record for record in snapshot.steps.values() if record.status == StepStatus.FAILED and record.error]
    message = (snapshot.error or {}).get("message")
    same = [record for record in failed if record.error and record.error.get("message") == message]
    return max(same or failed, key=lambda record: record.path.count(".") + record.path.count("["), default=None)


def failure_of_step(
    record: StepRecord, snapshot: RunSnapshot, redactor: Redactor, retries: Mapping[str, int]
) -> Failure | None:
    """Why a step failed; None when it did not."""
    if record.error is None:
        return None
    failure = _failure(record.error, record.stack, redactor)
    failure.path = record.path
    failure.earlier = len(record.attempts)
    number, allowed = failure.earlier + 1, retries.get(record.path, 0)
    if number > 1 or allowed:
        failure.attempt = f"attempt {number} of {max(allowed + 1, number)}" if allowed else f"attempt {number}"
    if record.ended_at and snapshot.started_at:
        failure.at = f"+{duration(record.ended_at - snapshot.started_at)}"
    return failure


def _failure(error: Mapping[str, object], stack: Sequence[Mapping] | None, redactor: Redactor) -> Failure:
    frames = [_frame(frame) for frame in reversed(stack or ()) if isinstance(frame, Mapping)]
    own = [frame for frame in frames if frame.is_own]
    return Failure(
        name=error_name(error),
        message=str(error.get("message") or "No message"),
        causes=_causes(error),
        own=own,
        others=[frame for frame in frames if not frame.is_own],
        copy=_copy(error, frames, redactor),
    )


def error_name(error: Mapping[str, object]) -> str:
    return str(error.get("name") or error.get("code") or "Error")


def _causes(error: Mapping[str, object]) -> list[str]:
    causes: list[str] = []
    cause = error.get("cause")
    while isinstance(cause, Mapping) and len(causes) < MOST_CAUSES:
        message = cause.get("message")
        causes.append(": ".join(str(part) for part in (error_name(cause), message) if part))
        cause = cause.get("cause")
    return causes


def _frame(data: Mapping[str, object]) -> Frame:
    file = str(data.get("file") or "")
    parts = PurePath(file).parts
    shown = "/".join(parts[-SHOWN_PARTS:]).lstrip("/") or file
    return Frame(
        file=file,
        shown=f"{shown}:{data.get('line') or '?'}",
        function=str(data.get("function") or ""),
        code=str(data.get("code") or ""),
        package=_package(parts),
    )


def _package(parts: tuple[str, ...]) -> str:
    """The library that a file belongs to; "" for the user's own code."""
    for index, part in enumerate(parts[:-1]):
        inner = parts[index + 1]
        if part in ("site-packages", "dist-packages"):
            return inner.removesuffix(".py")
        # The standard library: …/lib/python3.11/asyncio/tasks.py
        if part.startswith("python3") and index and parts[index - 1].startswith("lib") and "packages" not in inner:
            return inner.removesuffix(".py")
    return "Python" if not parts or parts[0].startswith("<") else ""


def _copy(error: Mapping[str, object], frames: Sequence[Frame], redactor: Redactor) -> str:
    """What the copy button gives: the error as JSON, and its frames as Python writes them."""
    text = orjson.dumps(redactor.apply(error), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
    lines = [
        f'  File "{frame.file}", line {frame.shown.rpartition(":")[2]}, in {frame.function}\n    {frame.code}'
        for frame in reversed(frames)
    ]
    return "\n".join([text, "", "Traceback (most recent call last):", *lines]) if lines else text
