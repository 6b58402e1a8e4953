"""The same start as a command: for curl and for manage.py."""

import shlex
from collections.abc import Mapping
from typing import Any

from .exact_json import write_exact

WHOLE = 65_536  # characters of JSON that a command holds itself; a larger input goes by a file
SHOWN_LINES = 14  # lines of JSON that the panel shows; all are copied


def curl(base_url: str, workflow_id: str, body: Mapping[str, Any]) -> str:
    """A line that starts the run by HTTP. $TOKEN is for the reader to fill in."""
    text = write_exact(dict(body))
    data = "--data @request.json" if len(text) > WHOLE else f"--data @- <<'JSON'\n{text}\nJSON"
    url = shlex.quote(f"{base_url}/api/workflows/{workflow_id}/start-async")
    return (
        f"curl -X POST {url} \\\n"
        '  -H "Authorization: Bearer $TOKEN" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  {data}"
    )


def manage(workflow_id: str, body: Mapping[str, Any]) -> str:
    """A line that starts the run on the server itself."""
    parts = [f"./manage.py start_run {shlex.quote(workflow_id)}"]
    if "inputData" in body:
        text = write_exact(body["inputData"], indent=None)
        parts.append("--input @input.json" if len(text) > WHOLE else f"--input {shlex.quote(text)}")
    context = body.get("requestContext")
    for key, item in context.items() if isinstance(context, Mapping) else ():
        parts.append(f"--context {shlex.quote(f'{key}={write_exact(item, indent=None)}')}")
    tracing = body.get("tracingOptions", {})
    parts += [f"--tag {shlex.quote(tag)}" for tag in tracing.get("tags", ())]
    for option, name in (("--trace-id", "traceId"), ("--parent-span-id", "parentSpanId")):
        if name in tracing:
            parts.append(f"{option} {shlex.quote(tracing[name])}")
    if "metadata" in tracing:
        parts.append(f"--metadata {shlex.quote(write_exact(tracing['metadata'], indent=None))}")
    parts += [f"--context-key {shlex.quote(path)}" for path in tracing.get("requestContextKeys", ())]
    if body.get("outputOptions", {}).get("includeState"):
        parts.append("--include-state")
    return " \\\n  ".join(parts)


def shortened(command: str) -> tuple[str, int, str]:
    """The beginning of a command, how many lines are left out, and its last line."""
    lines = command.split("\n")
    if len(lines) <= SHOWN_LINES + 4:
        return command, 0, ""
    return "\n".join(lines[:SHOWN_LINES]), len(lines) - SHOWN_LINES - 1, lines[-1]
