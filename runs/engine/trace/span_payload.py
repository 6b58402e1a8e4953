"""What spans show of values and errors: cut to a size that tracing backends bear."""

import traceback
from collections.abc import Mapping

import orjson

from ..data.json_value import encode
from ..errors import EngineError
from ..redaction.redactor import Redactor

MAX_DEPTH = 8
MAX_ITEMS = 50  # of a list, and keys of an object
MAX_TEXT = 128 * 1024  # characters


def cleaned(value: object, redactor: Redactor | None = None, depth: int = 0) -> object:
    """The value cut to depth, length and size, and without what the redactor hides by name."""
    kind = type(value)
    if depth > MAX_DEPTH:
        return "[MaxDepth]"
    if kind is str:
        text = str(value)
        return value if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…[truncated]"
    if depth < MAX_DEPTH and _is_flat(value, redactor):
        return value
    if isinstance(value, list):
        items = [cleaned(item, redactor, depth + 1) for item in value[:MAX_ITEMS]]
        if len(value) > MAX_ITEMS:
            items.append(f"[…{len(value) - MAX_ITEMS} more items]")
        return items
    if isinstance(value, dict):
        cleaned_items: dict[str, object] = {}
        for key, item in value.items():
            if len(cleaned_items) == MAX_ITEMS:
                cleaned_items["__truncated"] = f"{len(value) - MAX_ITEMS} more keys omitted"
                break
            rule = redactor.rule(str(key), item) if redactor is not None else None
            if rule is not None and redactor is not None:
                redactor.learn_secret(item)  # what one step returns under this name, the next one may quote
            cleaned_items[key] = cleaned(item, redactor, depth + 1) if rule is None else f"[masked: {rule}]"
        return cleaned_items
    return value


_SCALARS = frozenset({int, float, bool, type(None)})


def _is_flat(value: object, redactor: Redactor | None) -> bool:
    """Whether there is certainly nothing to cut or to hide: the usual small object of texts and numbers.

    Asked twice for each step, hence without a generator: those took most of its time.
    """
    if isinstance(value, dict):
        if len(value) > MAX_ITEMS:
            return False
        for key, item in value.items():
            if type(item) not in _SCALARS and (type(item) is not str or len(item) > MAX_TEXT):
                return False
            if redactor is not None and redactor.rule(str(key), item):
                return False
        return True
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            return False
        return all(type(item) in _SCALARS or (type(item) is str and len(item) <= MAX_TEXT) for item in value)
    return type(value) in _SCALARS or (type(value) is str and len(value) <= MAX_TEXT)


def payload_text(value: object, redactor: Redactor | None = None) -> str:
    """The cut value as JSON text, for a span's attribute. Never raises: a span must not fail a run."""
    try:
        text = orjson.dumps(value) if _is_flat(value, redactor) else encode(cleaned(value, redactor))
        return (text if redactor is None else redactor.known_out_of(text)).decode()
    except (EngineError, TypeError, ValueError):
        return orjson.dumps(f"[{type(value).__name__}]").decode()


def step_error_info(
    workflow_id: str, run_id: str, step_id: str, message: str, stack: str | None = None
) -> dict[str, object]:
    """Return the error attributes of the span of a failed step."""
    details = {"workflowId": workflow_id, "runId": run_id, "stepId": f"workflow.{workflow_id}.step.{step_id}"}
    return _with_stack(_engine_error("WORKFLOW_STEP_INVOKE_FAILED", details, message), stack)


def condition_error_info(workflow_id: str, run_id: str, message: str, stack: str | None = None) -> dict[str, object]:
    """Return the error attributes of the span of a condition that raised."""
    details = {"workflowId": workflow_id, "runId": run_id}
    return _with_stack(_engine_error("WORKFLOW_CONDITION_EVALUATION_FAILED", details, message), stack)


def run_error_info(error: Mapping[str, object]) -> dict[str, object]:
    """Return the error attributes of a failed run's span: message, and name where there is one."""
    return {key: error[key] for key in ("message", "name") if key in error}


def block_error_info(error: Mapping[str, object], stack: str | None = None) -> dict[str, object]:
    """Return the error attributes of the span of a block (parallel, conditional, loop) whose member failed."""
    if "code" in error:
        info = _engine_error(str(error["code"]), error.get("details", {}), str(error.get("message", "")))
        return _with_stack(info, stack)
    return _with_stack(run_error_info(error), stack)


def call_error_info(error: BaseException) -> dict[str, object]:
    """Return the error attributes of the run's span for an exception that a call such as start() raises."""
    stack = "".join(traceback.format_exception(error))
    code = getattr(error, "code", None)
    if code is None:
        return _with_stack({"message": str(error), "name": getattr(error, "name", None) or "Error"}, stack)
    return _with_stack(_engine_error(str(code), getattr(error, "details", {}), str(error)), stack)


def _engine_error(code: str, details: object, message: str) -> dict[str, object]:
    known = {"id": code, "details": details, "category": "USER", "domain": "MASTRA_WORKFLOW"}
    return {**known, "message": message, "name": "Error"}


def _with_stack(info: dict[str, object], stack: str | None) -> dict[str, object]:
    return {**info, "stack": stack} if stack else info
