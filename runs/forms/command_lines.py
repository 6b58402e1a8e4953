"""The same start as a command: for curl, Python, the JavaScript client and manage.py. Each runs as it is copied."""

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .schema.exact_json import Number, is_integer, json_word, write_exact

WHOLE = 65_536  # characters of JSON that a command holds itself; a larger input goes by a file
SHOWN_LINES = 14  # lines of JSON that the panel shows; all are copied
SAFE_INTEGER = 2**53 - 1  # the largest that JavaScript's numbers hold exactly
CLIENT_TAKES = ("inputData", "initialState", "requestContext", "tracingOptions", "resourceId")


def curl(base_url: str, workflow_id: str, body: Mapping[str, Any]) -> str:
    """A line that starts the run by HTTP. $TOKEN is for the reader to fill in."""
    text = write_exact(dict(body))
    data = "--data @request.json" if len(text) > WHOLE else f"--data @- <<'JSON'\n{text}\nJSON"
    url = shlex.quote(_url(base_url, workflow_id))
    return (
        f"curl -X POST {url} \\\n"
        '  -H "Authorization: Bearer $TOKEN" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  {data}"
    )


def python(base_url: str, workflow_id: str, body: Mapping[str, Any]) -> str:
    """A script that starts the run by HTTP, with nothing but Python itself. It reads TOKEN from its environment."""
    text = write_exact(dict(body), word=_python_word)
    large = len(text) > WHOLE
    value = 'json.load(open("request.json", encoding="utf-8"))' if large else text
    return f"""\
import json
import os
from urllib.request import Request, urlopen

body = {value}
request = Request(
    {json.dumps(_url(base_url, workflow_id))},
    data=json.dumps(body).encode(),
    headers={{"Authorization": f"Bearer {{os.environ['TOKEN']}}", "Content-Type": "application/json"}},
)
with urlopen(request) as answer:
    result = json.load(answer)
print(result["status"], result["runId"])"""


def javascript(base_url: str, workflow_id: str, body: Mapping[str, Any]) -> str:
    """A module that starts the run by @mastra/client-js, which carries no output options."""
    taken = {name: part for name, part in body.items() if name in CLIENT_TAKES}
    text = write_exact(taken, word=_javascript_word)
    large = len(text) > WHOLE
    if "JSON.rawJSON" in text:
        text = f"{{ // Node 22 or later: a number of JavaScript would round the integers in rawJSON{text[1:]}"
    reading = 'import { readFile } from "node:fs/promises"\n' if large else ""
    value = 'JSON.parse(await readFile("request.json", "utf8"))' if large else text
    return f"""\
{reading}import {{ MastraClient }} from "@mastra/client-js"

const client = new MastraClient({{
  baseUrl: {json.dumps(base_url)},
  headers: {{ Authorization: `Bearer ${{process.env.TOKEN}}` }},
}})
const run = await client.getWorkflow({json.dumps(workflow_id)}).createRun()
const result = await run.startAsync({value})
console.log(result.status, run.runId)"""


def _url(base_url: str, workflow_id: str) -> str:
    return f"{base_url}/api/workflows/{quote(workflow_id, safe='')}/start-async"


def _python_word(value: object) -> str:
    return value.text if isinstance(value, Number) else repr(value)


def _javascript_word(value: object) -> str:
    """As JSON, but for integers that a JavaScript number would round: those go through as they are written."""
    text = json_word(value)
    if is_integer(text) and abs(int(text)) > SAFE_INTEGER:
        return f'JSON.rawJSON("{text}")'
    return text


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
    for option, name in (("--priority", "priority"), ("--start-at", "startAt"), ("--time-limit", "timeLimit")):
        if name in body:
            parts.append(f"{option} {shlex.quote(f'{body[name]:g}' if name == 'timeLimit' else str(body[name]))}")
    if body.get("outputOptions", {}).get("includeState"):
        parts.append("--include-state")
    if "initialState" in body:
        parts.append(f"--state {shlex.quote(write_exact(body['initialState'], indent=None))}")
    if "resourceId" in body:
        parts.append(f"--resource-id {shlex.quote(body['resourceId'])}")
    return " \\\n  ".join(parts)


def shortened(command: str) -> tuple[str, int, str]:
    """The beginning of a command, how many lines are left out, and its last line."""
    lines = command.split("\n")
    if len(lines) <= SHOWN_LINES + 4:
        return command, 0, ""
    return "\n".join(lines[:SHOWN_LINES]), len(lines) - SHOWN_LINES - 1, lines[-1]
